import Foundation

@testable import IspeedCore

/// A core without a network: what it answers is put in, what it was asked is kept.
final class FakeEngine: Engine, @unchecked Sendable {
    private let lock = NSRecursiveLock()
    private var fields = Fields()

    struct Fields {
        var choice: Consent?
        var samples: [Sample] = []
        var refuse: EngineError?
        var estimate = Estimate(likelyBytes: 150_000_000, maxBytes: 900_000_000)
        var limits = DataLimits()
        var pack: PlanPack?
        var guide: Guide?
        var table: String? = "vn@2025-07-01#abc"
        var runs: [FakeRun] = []
        var queue: [NextUpload] = []
        var answers: [(id: String, answer: UploadAnswer)] = []
        var erased: [String] = []
        var requeued: [String] = []
        var pairStartsAtMicros: Int64 = 0
    }

    func with<T>(_ use: (inout Fields) throws -> T) rethrows -> T {
        lock.lock()
        defer { lock.unlock() }
        return try use(&fields)
    }

    private func answer<T>(_ use: (inout Fields) throws -> T) throws -> T {
        try with { fields in
            if let refuse = fields.refuse { throw refuse }
            return try use(&fields)
        }
    }

    func consent() -> Consent? { with(\.choice) }

    func recordConsent(_ consent: Consent) throws { try answer { $0.choice = consent } }

    func withdrawConsent() {
        with {
            $0.choice?.run = false
            $0.choice?.share = .none
            $0.choice?.upload = false
        }
    }

    func estimate(_ facts: Facts) -> Estimate { with(\.estimate) }

    func setLimits(_ limits: DataLimits) { with { $0.limits = limits } }

    func start(_ facts: Facts, observer: @escaping @Sendable (IspeedCore.Progress) -> Void) throws -> any Run {
        try answer {
            let run = FakeRun(id: "run-\($0.runs.count)", facts: facts, observer: observer)
            $0.runs.append(run)
            return run
        }
    }

    func waiting() -> Int { with { $0.samples.count { $0.state == .waiting || $0.state == .sending } } }

    func history() -> [Sample] { with(\.samples) }

    func detail(_ id: String) throws -> Sample {
        try with {
            guard let sample = $0.samples.first(where: { $0.id == id }) else {
                throw EngineError(kind: "not_found", message: id)
            }
            return sample
        }
    }

    func erase(_ id: String) {
        with {
            $0.erased.append(id)
            $0.samples.removeAll { $0.id == id }
        }
    }

    func requeue(_ id: String) { with { $0.requeued.append(id) } }

    func retryNow() {}

    func export(to path: String) throws -> Int { try answer { $0.samples.count } }

    func nextUpload() -> NextUpload { with { $0.queue.isEmpty ? .done : $0.queue.removeFirst() } }

    func uploadAnswered(_ id: String, _ answer: UploadAnswer) { with { $0.answers.append((id, answer)) } }

    func deleteMyData() async throws -> Int { try answer { $0.samples.count } }

    func boundaries() -> String? { with(\.table) }

    func fetchBoundaries() async throws -> Bool { try answer { _ in true } }

    func join(_ text: String, role: String?) async throws -> Campaign {
        try answer { _ in
            Campaign(code: text, title: "Đợt đo thử", startsOn: "2026-11-01", endsOn: "2026-11-30", role: role)
        }
    }

    func fetchPlan(_ question: PlanQuestion) async throws -> PlanPack {
        try answer {
            guard let pack = $0.pack else { throw EngineError(kind: "no_network", message: "") }
            return pack
        }
    }

    func keptPlan(_ question: PlanQuestion) -> PlanPack? { with(\.pack) }

    func guide(_ question: PlanQuestion, at point: Point?, accuracyM: Double?) throws -> Guide {
        guard let guide = with(\.guide) else { throw EngineError(kind: "input", message: "about") }
        return guide
    }

    func newPair() -> Pairing { with { Pairing(id: "pair-1", text: "AB12", startsAtMicros: $0.pairStartsAtMicros) } }

    func readPair(_ text: String) -> Pairing {
        with { Pairing(id: "pair-1", text: text, startsAtMicros: $0.pairStartsAtMicros) }
    }
}

/// A run whose end the test decides.
final class FakeRun: Run, @unchecked Sendable {
    let id: String
    let facts: Facts
    let observer: @Sendable (IspeedCore.Progress) -> Void
    private let lock = NSLock()
    private var news: [Facts] = []
    private var wasCancelled = false
    private let ends: AsyncStream<Sample>
    private let ender: AsyncStream<Sample>.Continuation

    init(id: String, facts: Facts, observer: @escaping @Sendable (IspeedCore.Progress) -> Void) {
        self.id = id
        self.facts = facts
        self.observer = observer
        (ends, ender) = AsyncStream.makeStream()
    }

    var pushed: [Facts] { lock.withLock { news } }
    var isCancelled: Bool { lock.withLock { wasCancelled } }

    func push(_ facts: Facts) { lock.withLock { news.append(facts) } }

    func cancel() {
        lock.withLock { wasCancelled = true }
        end(Sample(id: id, startedAtMicros: 0, outcome: .aborted, outcomeReason: "cancelled"))
    }

    func end(_ sample: Sample) {
        ender.yield(sample)
        ender.finish()
    }

    func outcome() async throws -> Sample {
        for await sample in ends { return sample }
        throw EngineError(kind: "internal", message: "the run ended without a sample")
    }
}

/// A phone that knows what the test says.
@MainActor
final class FakePhone: RunFacts, FieldFacts {
    var transport = Transport(kind: .cellular)
    var fix: Fix?
    var batteryPercent: Int? = 80

    func atStart() -> Facts {
        Facts(fixStart: fix, radioStart: Radio(technology: .g4, missing: "api_missing"), transport: transport)
    }
    func atMiddle() -> Facts { Facts(fixMid: fix, transport: transport) }
    func atEnd() -> Facts { Facts(fixEnd: fix, transport: transport) }
    func change() -> Facts { Facts(transport: transport) }
}

/// Values in memory.
final class MemoryStore: ValueStore {
    private var values: [String: String] = [:]

    func text(_ key: String) -> String? { values[key] }
    func set(_ text: String?, for key: String) { values[key] = text }
}
