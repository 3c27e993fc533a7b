/// What a run needs of the phone.
@MainActor
public protocol RunFacts: AnyObject {
    func atStart() -> Facts
    func atMiddle() -> Facts
    func atEnd() -> Facts
    func change() -> Facts
}

/// One run at a time, from the tap to the sample. Lives as long as the app, so that a screen may come and go.
/// Everything but the core's own work happens on the main actor.
@MainActor
public final class MeasureModel {
    public let state = Observed(MeasureState.ready(estimate: nil, waiting: 0))

    private let engine: any Engine
    private let facts: any RunFacts
    private let onSample: @MainActor (Sample) -> Void
    private var run: (any Run)?
    private var task: Task<Void, Never>?
    private var isStopWanted = false
    /// The phone changed after the facts of the start were taken and before there was a run to tell.
    private var isChangeUntold = false

    public init(engine: any Engine, facts: any RunFacts, onSample: @escaping @MainActor (Sample) -> Void) {
        self.engine = engine
        self.facts = facts
        self.onSample = onSample
    }

    public var isRunning: Bool { task != nil }

    /// Looks again at what a run would use; a result stays on the screen.
    public func refresh() async {
        guard !isRunning, case .ready = state.value else { return }
        let (engine, facts) = (engine, facts.atStart())
        let ready: MeasureState
        do {
            ready = try await away {
                .ready(estimate: try engine.estimate(facts), waiting: try engine.waiting())
            }
        } catch {
            ready = refused(error)
        }
        if !isRunning, case .ready = state.value { state.set(ready) }
    }

    /// Starts a run; `with` adds what the mode knows, such as the campaign.
    public func start(with mark: @escaping @MainActor (Facts) -> Facts = { $0 }) {
        guard !isRunning else { return }
        isStopWanted = false
        isChangeUntold = false
        state.set(.running(Progress()))
        task = Task {
            let over: MeasureState
            do {
                let sample = try await measure(mark(facts.atStart()))
                onSample(sample)
                over = .over(sample)
            } catch {
                over = refused(error)
            }
            run = nil
            task = nil
            state.set(over)
        }
    }

    /// Ends the run; what was measured is kept as a sample.
    public func stop() {
        isStopWanted = true
        run?.cancel()
    }

    /// Takes a result off the screen.
    public func clear() async {
        guard !isRunning else { return }
        state.set(.ready(estimate: nil, waiting: 0))
        await refresh()
    }

    /// The phone learned something new.
    public func phoneChanged() async {
        if let run {
            push(facts.change(), to: run)
        } else if isRunning {
            isChangeUntold = true
        } else {
            await refresh()
        }
    }

    /// Waits until nothing runs.
    public func ended() async -> MeasureState {
        _ = await state.first { if case .running = $0 { false } else { true } }
        return state.value
    }

    private func measure(_ start: Facts) async throws -> Sample {
        // The core's thread leaves a picture here and goes on; the main actor takes the newest one.
        let (pictures, pictureTaker) = AsyncStream.makeStream(of: Progress.self, bufferingPolicy: .bufferingNewest(1))
        let shown = Task {
            for await picture in pictures { show(picture) }
        }
        defer {
            pictureTaker.finish()
            shown.cancel()
        }
        let engine = engine
        let begun = try await away { try engine.start(start) { pictureTaker.yield($0) } }
        run = begun
        if isStopWanted { begun.cancel() }
        if isChangeUntold { push(facts.change(), to: begun) }
        return try await begun.outcome()
    }

    private func show(_ progress: Progress) {
        guard let run, case .running(let before) = state.value else { return }
        state.set(.running(progress))
        guard before.phase != progress.phase else { return }
        switch progress.phase {
        case .upload: push(facts.atMiddle(), to: run)
        case .finishing: push(facts.atEnd(), to: run)
        case .connecting, .latency, .download, .done: break
        }
    }

    private func push(_ news: Facts, to run: any Run) {
        // A fact that the core refuses, or that comes after the end, changes nothing of the run.
        Task { try? await away { try run.push(news) } }
    }

    private func refused(_ error: any Error) -> MeasureState {
        let refused = EngineError(wrapping: error)
        return .refused(kind: refused.kind, message: refused.message)
    }
}
