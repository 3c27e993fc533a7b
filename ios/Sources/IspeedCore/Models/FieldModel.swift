import Foundation

/// What the field mode needs of the phone.
@MainActor
public protocol FieldFacts: AnyObject {
    var fix: Fix? { get }
    var batteryPercent: Int? { get }
}

/// Measuring for a campaign: its plan, and again and again by time and distance, while the app is in front.
@MainActor
public final class FieldModel {
    public let state: Observed<FieldState>

    private let engine: any Engine
    private let measure: MeasureModel
    private let phone: any FieldFacts
    private let preferences: Preferences
    private let lookEvery: Duration
    private let desk = GuideDesk()
    private var repeating: Task<Void, Never>?

    /// `lookEvery`: a person walks a metre and a half in a second.
    public init(
        engine: any Engine, measure: MeasureModel, phone: any FieldFacts, preferences: Preferences,
        lookEvery: Duration = .seconds(1)
    ) {
        self.engine = engine
        self.measure = measure
        self.phone = phone
        self.preferences = preferences
        self.lookEvery = lookEvery
        var state = FieldState()
        state.campaign = preferences.campaign
        self.state = Observed(state)
    }

    var isRepeating: Bool { repeating != nil }

    /// Takes part in a campaign: its code, or the text of its QR code.
    public func join(_ text: String, role: String?) async {
        await asking {
            let role = role?.trimmingCharacters(in: .whitespaces)
            let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
            let joined = try await engine.join(text, role: role?.isEmpty == true ? nil : role)
            preferences.campaign = joined
            state.change { $0.campaign = joined }
        }
    }

    /// Takes part no longer; samples that were made stay what they are.
    public func leave() {
        preferences.campaign = nil
        state.change {
            $0.campaign = nil
            $0.plan = nil
            $0.guide = nil
        }
    }

    /// Fetches the plan of the day; the campaign's where there is one.
    public func fetchPlan() async {
        await asking {
            guard let question else { return }
            let plan = try await engine.fetchPlan(question)
            state.change { $0.plan = plan }
            try await look()
        }
    }

    /// The phone moved, or the screen was opened.
    public func phoneChanged() async {
        await asking { try await look() }
    }

    /// What a run of this mode adds to the facts.
    public func marked(_ facts: Facts) -> Facts {
        guard let campaign = state.value.campaign else { return facts }
        var marked = facts
        marked.campaign = campaign.code
        marked.measurer = Measurer(isOfficial: true, roleCode: campaign.role)
        return marked
    }

    /// One run of a pair; both phones begin at the time the pair names. Without a code this phone makes the pair.
    public func measurePair(_ code: String) async {
        await asking {
            let (engine, code) = (engine, code.trimmingCharacters(in: .whitespacesAndNewlines))
            let pair = try await away { code.isEmpty ? try engine.newPair() : try engine.readPair(code) }
            state.change { $0.pair = pair }
            try? await Task.sleep(for: .microseconds(max(0, pair.startsAtMicros - nowMicros())))
            measure.start { [self] facts in
                var paired = marked(facts)
                paired.pairId = pair.id
                return paired
            }
            state.change { $0.pair = nil }
        }
    }

    /// Measures again and again until `stop()`, a low battery, the day's budget or the day's number of samples.
    public func start() {
        guard !isRepeating else { return }
        repeating = Task {
            await repeatUntilDone()
            // After `stop()` another one may already run.
            if !Task.isCancelled { repeating = nil }
        }
    }

    public func stop() {
        repeating?.cancel()
        repeating = nil
        measure.stop()
        state.change { $0.repeating = nil }
    }

    private func repeatUntilDone() async {
        var soFar = RepeatSoFar()
        while !Task.isCancelled {
            let guide = await guide()
            let battery = phone.batteryPercent
            let step = nextStep(preferences.repeatRules, soFar, nowMicros: nowMicros(), guide: guide, batteryPercent: battery)
            guard !Task.isCancelled else { return }
            state.change {
                $0.guide = guide
                $0.repeating = Repeating(samples: soFar.samples, bytes: soFar.bytes, batteryPercent: battery, step: step)
            }
            switch step {
            case .measure: soFar = await measureOnce(soFar)
            case .wait: try? await Task.sleep(for: lookEvery)
            case .stopBattery, .stopBudget, .stopFull: return
            }
        }
    }

    private func measureOnce(_ soFar: RepeatSoFar) async -> RepeatSoFar {
        measure.start { [self] in marked($0) }
        var next = soFar
        if case .over(let sample) = await measure.ended() {
            next.samples += 1
            next.bytes += sample.bytesDown + sample.bytesUp
        }
        // A run that the core refused is not tried again at once either.
        next.lastEndedAtMicros = nowMicros()
        return next
    }

    private func look() async throws {
        let (engine, question) = (engine, question)
        var plan = state.value.plan
        if plan == nil, let question {
            plan = try await away { try engine.keptPlan(question) }
        }
        state.change { $0.plan = plan }
        let guide = await guide()
        let here = phone.fix.map { Point(lat: $0.lat, lon: $0.lon) }
        state.change {
            $0.guide = guide
            $0.here = here
            $0.nowMicros = nowMicros()
        }
    }

    /// What to measure next; the core is asked only where something has changed.
    private func guide() async -> Guide? {
        guard let question else { return nil }
        let (engine, fix) = (engine, phone.fix)
        var lastSample: String?
        if case .over(let sample) = measure.state.value { lastSample = sample.id }
        let ground = Ground(
            campaign: state.value.campaign?.code, fix: fix, plan: state.value.plan, lastSample: lastSample,
            minute: nowMicros() / 60_000_000)
        // Without a kept plan there is nothing to guide by; time alone decides.
        return await desk.guide(ground) {
            try? await away {
                try engine.guide(question, at: fix.map { Point(lat: $0.lat, lon: $0.lon) }, accuracyM: fix?.accuracyM)
            }
        }
    }

    private var question: PlanQuestion? {
        if let campaign = state.value.campaign { return .campaign(campaign.code) }
        return phone.fix.map { .around(Point(lat: $0.lat, lon: $0.lon)) }
    }

    private func asking(_ ask: () async throws -> Void) async {
        do {
            try await ask()
            state.change { $0.problem = nil }
        } catch {
            let wrong = problem(error)
            state.change { $0.problem = wrong }
        }
    }
}
