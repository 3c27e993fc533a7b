import Foundation

/// Uploads that the system carries out by itself, also while the app is not running: a background `URLSession` on a phone.
public protocol SystemUploads: Sendable {
    /// Ids of the samples whose uploads are under way, also of a former life of the app.
    func underWay() async -> Set<String>
    /// Hands an upload over; its answer comes later, by `HandedOver.answered`.
    func begin(_ request: UploadRequest) async throws
}

/// What is left after an upload was handed over.
public enum Drained: Equatable, Sendable {
    /// Nothing waits, or its answer is awaited.
    case empty
    /// The core wants to wait until this instant.
    case until(micros: Int64)
}

/// Hands over one upload after the other. The answer to one may come in another life of the app than its request.
public actor HandedOver {
    private let engine: any Engine
    private let system: any SystemUploads
    private var isPumping = false
    private var isAsked = false

    public init(engine: any Engine, system: any SystemUploads) {
        self.engine = engine
        self.system = system
    }

    /// Hands over what is due, if nothing is under way. Says when to come back, where the core wants to wait.
    @discardableResult
    public func pump() async throws -> Drained {
        // An actor lets others in while it waits: who comes meanwhile is served by the round after this one.
        guard !isPumping else {
            isAsked = true
            return .empty
        }
        isPumping = true
        defer { isPumping = false }
        var drained: Drained
        repeat {
            isAsked = false
            drained = try await round()
        } while isAsked
        return drained
    }

    private func round() async throws -> Drained {
        guard await system.underWay().isEmpty else { return .empty }
        switch try engine.nextUpload() {
        case .upload(let request):
            do {
                try await system.begin(request)
            } catch {
                // What could not be handed over was not sent: the core tries later.
                try engine.uploadAnswered(request.id, .failed(.other))
            }
            return .empty
        case .wait(let untilMicros):
            return .until(micros: untilMicros)
        case .done:
            return .empty
        }
    }

    /// The system has an answer, or knows that there will be none.
    @discardableResult
    public func answered(_ id: String, _ answer: UploadAnswer) async throws -> Drained {
        try engine.uploadAnswered(id, answer)
        return try await pump()
    }
}
