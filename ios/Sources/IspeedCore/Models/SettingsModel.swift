import Foundation

/// The settings as they stand.
public struct SettingsState: Equatable, Sendable {
    /// `nil`: nobody chose yet, and the choices are shown first.
    public var consent: Consent?
    public var estimate: Estimate?
    public var limits = DataLimits()
    public var boundaries: String?
    /// What the last press came to.
    public var said: Phrase?
    public var isBusy = false
}

/// Which boundaries this phone has.
public func boundariesText(_ table: String?) -> Phrase {
    table.map { say(.myBoundariesTable, .plain($0)) } ?? say(.myBoundariesNone)
}

/// Consent, limits, boundaries and the person's own data.
@MainActor
public final class SettingsModel {
    public let state = Observed(SettingsState())

    private let engine: any Engine
    private let facts: any RunFacts
    private let preferences: Preferences
    private let agreed: @MainActor () -> Void

    /// `agreed`: a choice was recorded; what was refused or held back for want of one is not any more.
    public init(
        engine: any Engine, facts: any RunFacts, preferences: Preferences, agreed: @escaping @MainActor () -> Void = {}
    ) {
        self.engine = engine
        self.facts = facts
        self.preferences = preferences
        self.agreed = agreed
    }

    /// Reads it again.
    public func refresh() async {
        await doing { nil }
    }

    /// Records what was ticked.
    public func agree(_ choices: Choices) async {
        let (engine, record) = (engine, choices.consent)
        await doing {
            try await away { try engine.recordConsent(record) }
            agreed()
            return nil
        }
    }

    /// Nothing is measured, located or sent from now on.
    public func withdraw() async {
        let engine = engine
        await doing {
            try await away { try engine.withdrawConsent() }
            return say(.consentWithdrawn)
        }
    }

    /// What the person allows from now on.
    public func setLimits(_ limits: DataLimits) async {
        preferences.limits = limits
        engine.setLimits(limits)
        await refresh()
    }

    /// Has the collector delete everything of this phone.
    public func deleteMyData() async {
        let engine = engine
        await doing { say(.myDeleted, number(try await engine.deleteMyData())) }
    }

    /// Fetches the collector's boundaries.
    public func fetchBoundaries() async {
        let engine = engine
        await doing { say(try await engine.fetchBoundaries() ? .myBoundariesDone : .myBoundariesNotOffered) }
    }

    private func doing(_ work: () async throws -> Phrase?) async {
        guard !state.value.isBusy else { return }
        state.change { $0.isBusy = true }
        var said: Phrase?
        do {
            said = try await work()
        } catch {
            said = problem(error)
        }
        await read()
        state.change {
            $0.said = said
            $0.isBusy = false
        }
    }

    private func read() async {
        let (engine, facts) = (engine, facts.atStart())
        let read = try? await away {
            (try engine.consent(), try? engine.estimate(facts), engine.boundaries())
        }
        let limits = preferences.limits
        state.change {
            $0.limits = limits
            guard let (consent, estimate, boundaries) = read else { return }
            $0.consent = consent
            $0.estimate = estimate
            $0.boundaries = boundaries
        }
    }
}
