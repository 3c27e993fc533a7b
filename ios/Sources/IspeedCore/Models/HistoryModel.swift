import Foundation

/// The history as it stands.
public struct HistoryState: Equatable, Sendable {
    public var samples: [Sample] = []
    public var problem: Phrase?
}

/// All samples of this phone, and what can be done with one of them.
@MainActor
public final class HistoryModel {
    public let state = Observed(HistoryState())

    private let engine: any Engine
    private let upload: @MainActor () -> Void

    /// `upload` asks for an upload, after a sample was put back into the queue.
    public init(engine: any Engine, upload: @escaping @MainActor () -> Void) {
        self.engine = engine
        self.upload = upload
    }

    /// Reads it again.
    public func refresh() async {
        await doing {}
    }

    /// One sample with everything known of it; `nil` and a problem where it is gone.
    public func detail(_ id: String) async -> Sample? {
        let engine = engine
        do {
            return try await away { try engine.detail(id) }
        } catch {
            let wrong = problem(error)
            state.change { $0.problem = wrong }
            return nil
        }
    }

    /// Deletes a sample from this phone.
    public func erase(_ id: String) async {
        let engine = engine
        await doing { try engine.erase(id) }
    }

    /// Sends a refused sample again.
    public func sendAgain(_ id: String) async {
        let engine = engine
        await doing { try engine.requeue(id) }
        upload()
    }

    /// Sends now what waits for a later try.
    public func retryNow() async {
        let engine = engine
        await doing { try engine.retryNow() }
        upload()
    }

    /// Writes the hand-over file; `nil` where that failed.
    public func export(to path: String) async -> Int? {
        let engine = engine
        do {
            return try await away { try engine.export(to: path) }
        } catch {
            let wrong = problem(error)
            state.change { $0.problem = wrong }
            return nil
        }
    }

    private func doing(_ work: @escaping @Sendable () throws -> Void) async {
        let engine = engine
        do {
            let samples = try await away {
                try work()
                return try engine.history()
            }
            state.change {
                $0.samples = samples
                $0.problem = nil
            }
        } catch {
            let wrong = problem(error)
            state.change { $0.problem = wrong }
        }
    }
}
