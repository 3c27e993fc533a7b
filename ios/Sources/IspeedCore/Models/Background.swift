import Foundation

/// Runs a call of the core away from the main actor: it reads and writes files.
public func away<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await Task.detached(priority: .userInitiated, operation: work).value
}

/// What went wrong, in words of this app.
public func problem(_ error: any Error) -> Phrase {
    let refused = EngineError(wrapping: error)
    return problem(refused.kind, refused.message)
}

extension EngineError {
    /// Anything that is not the core's own is a defect of this app, and said as such.
    init(wrapping error: any Error) {
        self = error as? EngineError ?? EngineError(kind: "internal", message: String(describing: error))
    }
}

/// Now, as the core counts time.
public func nowMicros() -> Int64 {
    Int64(Date().timeIntervalSince1970 * 1_000_000)
}
