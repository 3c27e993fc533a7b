/// How an attempt ended. Every attempt is a sample.
public enum Outcome: String, Sendable {
    case complete, partial
    case noService = "no_service"
    case serverFailed = "server_failed"
    case aborted
}

/// Where a sample stands on its way to the collector.
public enum SampleState: String, Sendable {
    case local, waiting, sending, sent, quarantined
}

/// How sure the commune is.
public enum PlaceVerdict: String, Sendable {
    case certain, ambiguous, outside, approximate, unknown
}

/// A commune a position may lie in.
public struct Candidate: Equatable, Sendable {
    public var code: String
    public var name: String?
}

/// The commune of a sample and its doubt.
public struct Place: Equatable, Sendable {
    public var verdict: PlaceVerdict
    public var code: String?
    public var name: String?
    public var candidates: [Candidate] = []
}

/// Why a sample does not count: a stable code and the core's sentence for a person, in both languages.
public struct Reason: Equatable, Sendable {
    public var code: String
    public var vi: String
    public var en: String
}

/// Whether a sample counts, and who said so.
public struct Verdict: Equatable, Sendable {
    public var counts: Bool
    public var reasons: [Reason] = []
    public var byCollector: Bool = false
}

/// The result of one direction.
public struct DirectionResult: Equatable, Sendable {
    public var goodputBps: Double?
    public var lowBps: Double?
    public var highBps: Double?
    public var stop: String?
    public var flags: [String] = []
}

/// Latency, PDV and loss; what was not measured is `nil`.
public struct Latency: Equatable, Sendable {
    public var idleMs: Double?
    public var loadedDownMs: Double?
    public var loadedUpMs: Double?
    public var pdvMs: Double?
    public var lossShare: Double?
}

/// Why a sample is still here: kind of the core, and its text.
public struct UploadProblem: Equatable, Sendable {
    public var kind: String
    public var text: String
}

/// One sample as the screens show it.
public struct Sample: Equatable, Sendable, Identifiable {
    public var id: String
    public var startedAtMicros: Int64
    public var outcome: Outcome
    public var outcomeReason: String?
    public var down: DirectionResult?
    public var up: DirectionResult?
    public var latency = Latency()
    public var place = Place(verdict: .unknown)
    public var transport = Transport()
    public var technology = Technology.unknown
    public var rsrpDbm: Double?
    /// Code of the operator, `viettel`, as the core found it; `nil`: not known.
    public var `operator`: String?
    public var server: String?
    public var bytesDown: Int64 = 0
    public var bytesUp: Int64 = 0
    public var verdict = Verdict(counts: false)
    public var state = SampleState.local
    public var problem: UploadProblem?
    public var receipt: String?
}

/// Where a run is.
public enum Phase: String, Sendable {
    case connecting, latency, download, upload, finishing, done
}

/// A picture of a running measurement. The figures are of the direction that runs.
public struct Progress: Equatable, Sendable {
    public var phase: Phase = .connecting
    public var rateBps: Double?
    public var lowBps: Double?
    public var highBps: Double?
    public var latencyMs: Double?
    public var loadedMs: Double?
    public var bytesDown: Int64 = 0
    public var bytesUp: Int64 = 0
}
