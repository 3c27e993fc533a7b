/// Where measuring stands.
public enum MeasureState: Equatable, Sendable {
    /// Nothing runs.
    case ready(estimate: Estimate?, waiting: Int)
    /// A run goes on.
    case running(Progress)
    /// A run ended as a sample.
    case over(Sample)
    /// No run was started, or none could be kept.
    case refused(kind: String, message: String)
}

/// What the one button does.
public enum MeasureButton: Sendable {
    case start, stop, again

    public var label: Phrase {
        switch self {
        case .start: say(.measureStart)
        case .stop: say(.measureStop)
        case .again: say(.measureAgain)
        }
    }
}

/// The screen with the one button.
public struct MeasureScreen: Equatable, Sendable {
    public var headline: Phrase
    public var button: MeasureButton
    public var network: Phrase
    /// Large figure of the direction that runs.
    public var figure: Phrase?
    public var unit: Phrase?
    public var interval: Phrase?
    public var lines: [Phrase] = []
    public var hints: [Phrase] = []
    public var offersPermission = false
    public var result: ResultScreen?
}

/// The screen of a state.
public func measureScreen(_ state: MeasureState, _ phone: PhoneState) -> MeasureScreen {
    switch state {
    case .ready(let estimate, let waiting):
        return ready(estimate, waiting, phone)
    case .running(let progress):
        return running(progress, phone)
    case .over(let sample):
        var screen = MeasureScreen(headline: say(.resultTitle), button: .again, network: networkLine(phone))
        screen.result = resultScreen(sample)
        return screen
    case .refused(let kind, let message):
        return MeasureScreen(headline: problem(kind, message), button: .start, network: networkLine(phone))
    }
}

private func ready(_ estimate: Estimate?, _ waiting: Int, _ phone: PhoneState) -> MeasureScreen {
    var screen = MeasureScreen(headline: say(.measureReady), button: .start, network: networkLine(phone))
    if let estimate {
        screen.lines += [estimateLine(estimate), usedLine(estimate)]
    }
    if let slot = phone.dataSimSlot {
        screen.lines.append(say(.networkSims, operatorLine(phone), number(slot)))
    }
    if let accuracy = accuracyLine(phone.location) {
        screen.lines.append(accuracy)
    }
    if waiting > 0 {
        screen.lines.append(say(.measureWaiting, number(waiting)))
    }
    screen.hints = hints(phone)
    screen.offersPermission = phone.location == .denied || phone.location == .coarseOnly
    return screen
}

/// What a run would use.
func estimateLine(_ estimate: Estimate) -> Phrase {
    let most = bytes(estimate.maxBytes)
    return estimate.likelyBytes.map { say(.measureEstimate, bytes($0), most) } ?? say(.measureEstimateFirst, most)
}

/// What the month has used.
public func usedLine(_ estimate: Estimate) -> Phrase {
    let used = bytes(estimate.usedBytes)
    return estimate.leftBytes.map { say(.limitLeft, used, bytes($0)) } ?? say(.limitUsed, used)
}

/// More would flicker.
private let liveDecimals = 1

private func running(_ progress: Progress, _ phone: PhoneState) -> MeasureScreen {
    var screen = MeasureScreen(headline: phase(progress.phase), button: .stop, network: networkLine(phone))
    screen.figure = progress.rateBps.map { megabits($0, decimals: liveDecimals) }
    screen.unit = progress.rateBps.map { _ in say(.unitMbps) }
    if let low = progress.lowBps, let high = progress.highBps {
        screen.interval = say(
            .progressInterval, megabits(low, decimals: liveDecimals), megabits(high, decimals: liveDecimals))
    }
    if let idle = progress.latencyMs { screen.lines.append(say(.progressLatency, latency(idle))) }
    if let loaded = progress.loadedMs { screen.lines.append(say(.progressLoaded, latency(loaded))) }
    let moved = progress.bytesDown + progress.bytesUp
    if moved > 0 { screen.lines.append(say(.progressBytes, bytes(moved))) }
    return screen
}

private func phase(_ phase: Phase) -> Phrase {
    switch phase {
    case .connecting: say(.phaseConnecting)
    case .latency: say(.phaseLatency)
    case .download: say(.phaseDownload)
    case .upload: say(.phaseUpload)
    case .finishing: say(.phaseFinishing)
    case .done: say(.phaseDone)
    }
}

/// What the core refused, in words of this app.
public func problem(_ kind: String, _ message: String) -> Phrase {
    switch kind {
    case "consent": say(.problemConsent)
    case "busy": say(.problemBusy)
    case "full": say(.problemFull)
    case "budget": say(.problemBudget)
    case "no_network": say(.problemNoNetwork)
    case "server": say(.problemServer)
    case "timeout": say(.problemTimeout)
    case "tls": say(.problemTls)
    case "storage": say(.problemStorage)
    case "input": say(.problemInput, .plain(message))
    case "not_found": say(.problemNotFound)
    case "cancelled": say(.problemCancelled)
    default: say(.problemInternal, .plain(message))
    }
}
