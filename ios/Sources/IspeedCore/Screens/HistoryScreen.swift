/// One line of the history.
public struct HistoryRow: Equatable, Sendable, Identifiable {
    public var id: String
    public var time: Phrase
    public var figures: Phrase
    public var place: Phrase
    public var state: Phrase
    public var counts: Phrase
    /// What a screen reader says.
    public var spoken: Phrase
}

/// All samples of this phone.
public struct HistoryScreen: Equatable, Sendable {
    public var rows: [HistoryRow]
    public var empty: Phrase?
}

/// The history.
public func historyScreen(_ samples: [Sample]) -> HistoryScreen {
    HistoryScreen(rows: samples.map(historyRow), empty: samples.isEmpty ? say(.historyEmpty) : nil)
}

private func historyRow(_ sample: Sample) -> HistoryRow {
    let time = Phrase.time(micros: sample.startedAtMicros)
    let state = stateText(sample)
    let counts = sample.verdict.counts ? say(.historyCounts) : say(.historyCountsNot)
    return HistoryRow(
        id: sample.id,
        time: time,
        figures: figures(sample),
        place: placeText(sample.place),
        state: state,
        counts: counts,
        spoken: say(.historySpoken, time, sentence(sample), state, counts)
    )
}

private func figures(_ sample: Sample) -> Phrase {
    guard sample.outcome == .complete, let down = sample.down?.goodputBps, let up = sample.up?.goodputBps else {
        return outcomeText(sample.outcome)
    }
    return say(.historyFigures, megabits(down), megabits(up))
}

/// Name of an outcome.
func outcomeText(_ outcome: Outcome) -> Phrase {
    switch outcome {
    case .complete: say(.outcomeComplete)
    case .partial: say(.outcomePartial)
    case .noService: say(.outcomeNoService)
    case .serverFailed: say(.outcomeServerFailed)
    case .aborted: say(.outcomeAborted)
    }
}

/// Sent, waiting, refused, and why.
func stateText(_ sample: Sample) -> Phrase {
    let problem = sample.problem.map(uploadProblem)
    switch sample.state {
    case .local: return say(.stateLocal)
    case .waiting: return problem.map { say(.stateWaitingProblem, $0) } ?? say(.stateWaiting)
    case .sending: return say(.stateSending)
    case .sent: return say(.stateSent)
    case .quarantined: return say(.stateQuarantined, problem ?? say(.uploadRefused))
    }
}

private func uploadProblem(_ problem: UploadProblem) -> Phrase {
    Say(rawValue: "upload_\(problem.kind)").map { say($0) } ?? .plain(problem.text)
}

/// Everything of one sample.
public struct DetailScreen: Equatable, Sendable {
    public var sentence: Phrase
    public var lines: [Line]
    public var verdict: Phrase
    public var reasons: [Phrase]
    public var share: Phrase
}

/// The detail of a sample.
public func detailScreen(_ sample: Sample) -> DetailScreen {
    let result = resultScreen(sample)
    return DetailScreen(
        sentence: result.sentence, lines: detailLines(sample), verdict: result.verdict, reasons: result.reasons,
        share: shareText(sample))
}

private func detailLines(_ sample: Sample) -> [Line] {
    [
        Line(.labelTime, .time(micros: sample.startedAtMicros)),
        Line(.labelOutcome, outcomeText(sample.outcome)),
        Line(.labelDown, directionText(sample.down)),
        Line(.labelUp, directionText(sample.up)),
        Line(.labelIdle, latency(sample.latency.idleMs)),
        Line(.labelLoadedDown, latency(sample.latency.loadedDownMs)),
        Line(.labelLoadedUp, latency(sample.latency.loadedUpMs)),
        Line(.labelPdv, latency(sample.latency.pdvMs)),
        Line(.labelLoss, percent(sample.latency.lossShare)),
        Line(.labelCommune, placeText(sample.place)),
        Line(.labelOperator, operatorText(sample)),
        Line(.labelTechnology, technology(sample.technology)),
        Line(.labelSignal, sample.rsrpDbm.map { say(.valueDbm, number($0)) } ?? notMeasured),
        Line(.labelServer, sample.server.map(Phrase.plain) ?? notMeasured),
        Line(.labelStop, stops(sample)),
        Line(.labelFlags, flags(sample)),
        Line(.labelBytes, bytes(sample.bytesDown + sample.bytesUp)),
        Line(.labelState, stateText(sample)),
        Line(.labelReceipt, sample.receipt.map(Phrase.plain) ?? say(.no)),
        Line(.labelId, .plain(sample.id)),
    ]
}

private func stops(_ sample: Sample) -> Phrase {
    joined([sample.down?.stop, sample.up?.stop].compactMap { $0 }.map { named("stop", $0) }) ?? notMeasured
}

private func flags(_ sample: Sample) -> Phrase {
    joined(((sample.down?.flags ?? []) + (sample.up?.flags ?? [])).map { named("flag", $0) }) ?? say(.no)
}

/// The text of a code of the core; one that a newer core brings is shown as it is.
private func named(_ prefix: String, _ code: String) -> Phrase {
    Say(rawValue: "\(prefix)_\(code)").map { say($0) } ?? .plain(code)
}

/// Each text once, in the order in which they first came.
private func joined(_ phrases: [Phrase]) -> Phrase? {
    var once: [Phrase] = []
    for phrase in phrases where !once.contains(phrase) {
        once.append(phrase)
    }
    return once.isEmpty ? nil : .joined(once, separator: ", ")
}

/// What is shared as text: no coordinates, no id.
func shareText(_ sample: Sample) -> Phrase {
    say(
        .shareText, .time(micros: sample.startedAtMicros), placeText(sample.place), sentence(sample), say(.appDisclaimer),
        say(.appAbout))
}
