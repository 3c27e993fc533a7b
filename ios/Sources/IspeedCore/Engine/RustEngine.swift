import Foundation
internal import IspeedBindings

/// The Rust core. This file and the two `Mirror` files alone name its generated package.
public final class RustEngine: Engine {
    private let core: Ispeed
    private let mirror: Mirror

    /// A plan covers the day of a person on foot or on a motorbike.
    private static let nextCells: UInt32 = 5
    /// What the text of a campaign's QR code begins with; anything else is a bare code.
    private static let joinPrefix = "ispeed:campaign:"

    /// Opens the outbox in a folder of the app's own; what died with its process becomes a sample.
    ///
    /// `boundaries` is the path of the bundle that the app brings, if it brings one.
    public init(
        data: String, collector: String, appBuild: String, limits: DataLimits = DataLimits(), extraCaPem: String? = nil,
        boundaries: String? = nil
    ) throws {
        let settings = IspeedBindings.Settings(
            collector: collector,
            programName: "ispeed-ios",
            platform: "ios",
            appBuild: appBuild,
            dataLimits: IspeedBindings.DataLimits(limits),
            extraCaPem: extraCaPem
        )
        let opened = try asked {
            try Ispeed.open(folders: IspeedBindings.Folders(data: data), settings: settings, boundaries: boundaries)
        }
        core = opened
        mirror = Mirror { opened.communeName(code: $0)?.name }
    }

    public func consent() throws -> Consent? {
        try asked { try core.consent().map(mirror.consent) }
    }

    public func recordConsent(_ consent: Consent) throws {
        try asked { try core.recordConsent(choice: mirror.choice(consent)) }
    }

    public func withdrawConsent() throws {
        try asked { try core.withdrawConsent() }
    }

    public func estimate(_ facts: Facts) throws -> Estimate {
        try asked { Estimate(try core.estimate(plan: plan, facts: IspeedBindings.Facts(facts))) }
    }

    public func setLimits(_ limits: DataLimits) {
        core.setDataLimits(limits: IspeedBindings.DataLimits(limits))
    }

    public func start(_ facts: Facts, observer: @escaping @Sendable (Progress) -> Void) throws -> any Run {
        let begun = try asked {
            try core.start(plan: plan, facts: IspeedBindings.Facts(facts), observer: Observer(observer))
        }
        return RustRun(run: begun, engine: self)
    }

    /// iOS tells no SIM apart and the core binds no socket there: everything is the method's.
    private var plan: IspeedBindings.RunPlan {
        IspeedBindings.RunPlan(target: .auto)
    }

    public func waiting() throws -> Int {
        try asked { Int(clamping: try core.stock().waiting) }
    }

    public func history() throws -> [Sample] {
        try asked { try core.history(filter: IspeedBindings.HistoryFilter()).map(mirror.entry) }
    }

    public func detail(_ id: String) throws -> Sample {
        try asked { mirror.detail(try core.detail(id: id)) }
    }

    public func erase(_ id: String) throws {
        try asked { try core.erase(id: id) }
    }

    public func requeue(_ id: String) throws {
        try asked { try core.requeue(id: id) }
    }

    public func retryNow() throws {
        try asked { try core.retryNow() }
    }

    public func export(to path: String) throws -> Int {
        try asked { Int(try core.exportSamples(path: path, filter: IspeedBindings.HistoryFilter())) }
    }

    public func nextUpload() throws -> NextUpload {
        try asked { NextUpload(try core.nextUpload()) }
    }

    public func uploadAnswered(_ id: String, _ answer: UploadAnswer) throws {
        // What the core makes of it is in the history; the next call of `nextUpload` says what to do.
        _ = try asked { try core.uploadAnswered(id: id, answer: IspeedBindings.UploadAnswer(answer)) }
    }

    public func deleteMyData() async throws -> Int {
        try await asked { try await core.deleteMyData().count }
    }

    public func boundaries() -> String? {
        core.boundaryTable()?.reference
    }

    public func fetchBoundaries() async throws -> Bool {
        try await asked { try await core.refreshBoundaries() != .notOffered }
    }

    public func join(_ text: String, role: String?) async throws -> Campaign {
        try await asked {
            if text.hasPrefix(Self.joinPrefix) {
                return Campaign(try core.readCampaign(text: text), role: role)
            }
            return Campaign(try await core.campaign(code: text).campaign, role: role)
        }
    }

    public func fetchPlan(_ question: PlanQuestion) async throws -> PlanPack {
        let about = try about(question)
        return PlanPack(try await asked { try await core.fetchPlanPack(about: about) }, border: core.communeBorder)
    }

    public func keptPlan(_ question: PlanQuestion) throws -> PlanPack? {
        let about = try about(question)
        return try asked { try core.planPack(about: about) }.map { PlanPack($0, border: core.communeBorder) }
    }

    public func guide(_ question: PlanQuestion, at point: Point?, accuracyM: Double?) throws -> Guide {
        let about = try about(question)
        let here = point.map { IspeedBindings.Point($0) }
        return try asked {
            Guide(try core.guide(about: about, at: here, accuracyM: accuracyM, cells: Self.nextCells))
        }
    }

    public func newPair() throws -> Pairing {
        try asked { Pairing(try core.newPair()) }
    }

    public func readPair(_ text: String) throws -> Pairing {
        try asked { Pairing(try core.readPair(text: text)) }
    }

    /// The plan of a day is kept for a commune, so that a step aside asks for the same one.
    private func about(_ question: PlanQuestion) throws -> IspeedBindings.PlanAbout {
        switch question {
        case .campaign(let code):
            return .campaign(code: code)
        case .around(let point):
            let place = try asked { try core.nearestCommune(at: IspeedBindings.Point(point), accuracyM: nil) }
            guard let code = place.code else {
                throw EngineError(kind: "not_found", message: "no commune at \(point.lat), \(point.lon)")
            }
            return .commune(code: code)
        }
    }
}

/// Hands the core's pictures on.
private final class Observer: RunObserver {
    private let observe: @Sendable (Progress) -> Void

    init(_ observe: @escaping @Sendable (Progress) -> Void) {
        self.observe = observe
    }

    func progress(snapshot: IspeedBindings.Progress) throws {
        observe(Progress(snapshot))
    }
}

/// A run of the core; dropping it ends it.
private final class RustRun: Run {
    private let run: IspeedBindings.Run
    private let engine: RustEngine

    init(run: IspeedBindings.Run, engine: RustEngine) {
        self.run = run
        self.engine = engine
    }

    func push(_ facts: Facts) throws {
        try asked { try run.push(facts: IspeedBindings.Facts(facts)) }
    }

    func cancel() {
        run.cancel()
    }

    func outcome() async throws -> Sample {
        let result = try await asked { try await run.outcome() }
        // The outbox knows more than the run: where the sample stands, and whether it may be sent.
        return try engine.detail(result.sample.id)
    }
}

/// A call of the core with the shell's own error.
private func asked<T>(_ call: () throws -> T) throws -> T {
    do {
        return try call()
    } catch let refused as IspeedError {
        throw EngineError(refused)
    }
}

/// The same for a call that waits.
private func asked<T>(_ call: () async throws -> T) async throws -> T {
    do {
        return try await call()
    } catch let refused as IspeedError {
        throw EngineError(refused)
    }
}

extension EngineError {
    fileprivate init(_ refused: IspeedError) {
        self.init(kind: errorKind(error: refused), message: errorText(error: refused))
    }
}
