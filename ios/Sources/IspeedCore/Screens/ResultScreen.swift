/// One figure with its name.
public struct Line: Equatable, Sendable {
    public var label: Phrase
    public var value: Phrase

    init(_ label: Say, _ value: Phrase) {
        self.label = say(label)
        self.value = value
    }
}

/// What came of a run: one sentence, the figures, and whether it counts.
public struct ResultScreen: Equatable, Sendable {
    public var sentence: Phrase
    public var lines: [Line]
    public var verdict: Phrase
    public var reasons: [Phrase]
    public var judge: Phrase
}

/// The result of a sample.
public func resultScreen(_ sample: Sample) -> ResultScreen {
    let counts = sample.verdict.counts
    return ResultScreen(
        sentence: sentence(sample),
        lines: resultLines(sample),
        verdict: counts ? say(.resultCounts, placeText(sample.place)) : say(.resultCountsNot),
        reasons: counts ? [] : sample.verdict.reasons.map { .both(vi: $0.vi, en: $0.en) },
        judge: judge(sample)
    )
}

private func judge(_ sample: Sample) -> Phrase {
    if sample.verdict.byCollector { return say(.resultCountsCollector) }
    return sample.state == .local ? say(.stateLocal) : say(.resultCountsDevice)
}

/// The one sentence.
func sentence(_ sample: Sample) -> Phrase {
    let down = sample.down?.goodputBps
    let up = sample.up?.goodputBps
    switch sample.outcome {
    case .complete:
        return say(.resultComplete, speed(down), speed(up), latency(sample.latency.idleMs))
    case .partial:
        return down != nil ? say(.resultPartialDown, speed(down)) : say(.resultPartialUp, speed(up))
    case .noService:
        return say(.resultNoService)
    case .serverFailed:
        return say(.resultServerFailed)
    case .aborted:
        switch sample.outcomeReason {
        case "cancelled": return say(.resultCancelled)
        case "network_changed": return say(.resultNetworkChanged)
        case "process_died": return say(.resultProcessDied)
        case "budget": return say(.resultBudget)
        case "no_estimate": return say(.resultNoEstimate)
        default: return say(.resultAborted)
        }
    }
}

private func resultLines(_ sample: Sample) -> [Line] {
    let complete = sample.outcome == .complete
    var lines: [Line] = []
    if sample.down != nil || complete { lines.append(Line(.labelDown, directionText(sample.down))) }
    if sample.up != nil || complete { lines.append(Line(.labelUp, directionText(sample.up))) }
    if let idle = sample.latency.idleMs { lines.append(Line(.labelIdle, latency(idle))) }
    if let loaded = sample.latency.loadedDownMs { lines.append(Line(.labelLoaded, latency(loaded))) }
    lines.append(Line(.labelCommune, placeText(sample.place)))
    lines.append(Line(.labelOperator, operatorText(sample)))
    lines.append(Line(.labelTechnology, technology(sample.technology)))
    lines.append(Line(.labelBytes, bytes(sample.bytesDown + sample.bytesUp)))
    return lines
}

/// A direction with its interval.
func directionText(_ direction: DirectionResult?) -> Phrase {
    guard let direction, let rate = direction.goodputBps else { return notMeasured }
    guard let low = direction.lowBps, let high = direction.highBps else { return speed(rate) }
    return say(.valueRange, speed(rate), megabits(low), megabits(high))
}

/// Serving operator; its PLMN where nobody knows more.
func operatorText(_ sample: Sample) -> Phrase {
    switch sample.operator {
    case nil, "unknown": sample.transport.servingPlmn.map(Phrase.plain) ?? say(.networkUnknown)
    case "other": say(.operatorOther)
    case .some(let code): .plain(operatorName(code))
    }
}

/// Operators' own spelling of their names; a code the shell does not know is shown as it is.
func operatorName(_ code: String) -> String {
    switch code {
    case "viettel": "Viettel"
    case "vinaphone": "VinaPhone"
    case "mobifone": "MobiFone"
    case "vietnamobile": "Vietnamobile"
    case "gmobile": "Gmobile"
    default: code
    }
}

/// The commune with its doubt.
func placeText(_ place: Place) -> Phrase {
    let name = Phrase.plain(place.name ?? place.code ?? "")
    switch place.verdict {
    case .certain:
        return say(.placeCertain, name)
    case .approximate:
        return say(.placeApproximate, name)
    case .ambiguous:
        let others = place.candidates.filter { $0.code != place.code }.map { Phrase.plain($0.name ?? $0.code) }
        return say(.placeAmbiguous, name, .joined(others, separator: ", "))
    case .outside:
        return say(.placeOutside)
    case .unknown:
        return say(.placeUnknown)
    }
}
