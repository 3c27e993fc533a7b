import Foundation

@testable import IspeedCore

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The socket of an upload. Whatever happens is an answer.
protocol UploadSocket: Sendable {
    func send(_ request: UploadRequest) async -> UploadAnswer
}

/// Sends whatever the core says is due, one after the other, as the app does it: by `HandedOver`.
func drain(_ engine: any Engine, by socket: any UploadSocket) async throws -> Drained {
    let system = SocketUploads(socket)
    let driver = HandedOver(engine: engine, system: system)
    var drained = try await driver.pump()
    while let (id, answer) = await system.takeAnswer() {
        drained = try await driver.answered(id, answer)
    }
    return drained
}

/// A system that carries out an upload at once, and keeps its answer until somebody takes it.
private actor SocketUploads: SystemUploads {
    private let socket: any UploadSocket
    private var answers: [(String, UploadAnswer)] = []

    init(_ socket: any UploadSocket) {
        self.socket = socket
    }

    func underWay() async -> Set<String> {
        Set(answers.map { $0.0 })
    }

    func begin(_ request: UploadRequest) async throws {
        let answer = await socket.send(request)
        answers.append((request.id, answer))
    }

    func takeAnswer() -> (String, UploadAnswer)? {
        answers.isEmpty ? nil : answers.removeFirst()
    }
}

/// A session of the foreground, with the app's own requests and its reading of answers.
final class SessionSocket: UploadSocket {
    private let session = URLSession(configuration: .ephemeral)

    func send(_ request: UploadRequest) async -> UploadAnswer {
        guard let prepared = URLRequest(request) else { return .failed(.other) }
        return await withCheckedContinuation { continuation in
            let task = session.uploadTask(with: prepared, from: request.body) { body, response, error in
                continuation.resume(
                    returning: UploadAnswer(asked: prepared.url, response: response, body: body ?? Data(), error: error))
            }
            task.resume()
        }
    }
}
