/// The socket of an upload. Whatever happens is an answer.
public protocol UploadSocket: Sendable {
    func send(_ request: UploadRequest) async -> UploadAnswer
}

/// How a drain ended.
public enum Drained: Equatable, Sendable {
    /// Nothing waits.
    case empty
    /// The core wants to wait until this instant.
    case until(micros: Int64)
    /// The system took the time away.
    case stopped
}

/// Sends whatever the core says is due, one after the other, while the app runs; the core decides what an answer means.
public struct Uploader: Sendable {
    private let engine: any Engine
    private let socket: any UploadSocket

    public init(engine: any Engine, socket: any UploadSocket) {
        self.engine = engine
        self.socket = socket
    }

    /// Cancelling the task ends it after the upload that is under way.
    public func drain() async throws -> Drained {
        while !Task.isCancelled {
            switch try engine.nextUpload() {
            case .upload(let request): try engine.uploadAnswered(request.id, await socket.send(request))
            case .wait(let untilMicros): return .until(micros: untilMicros)
            case .done: return .empty
            }
        }
        return .stopped
    }
}
