import XCTest

@testable import IspeedCore

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

final class UploadTests: XCTestCase {
    private let engine = FakeEngine()

    private func request(_ id: String, url: String = "https://127.0.0.1:1/x") -> UploadRequest {
        UploadRequest(id: id, method: "PUT", url: url, headers: [Header(name: "x-a", value: "b")], body: Data([1]))
    }

    func testEverythingThatIsDueIsSentOnceAndEveryAnswerIsTold() async throws {
        engine.with { $0.queue = [.upload(request("a")), .upload(request("b")), .wait(untilMicros: 7)] }
        let socket = FakeSocket()
        let drained = try await drain(engine, by: socket)
        XCTAssertEqual(drained, .until(micros: 7))
        XCTAssertEqual(socket.sent, ["a", "b"])
        XCTAssertEqual(engine.with(\.answers).map(\.id), ["a", "b"])
        XCTAssertTrue(engine.with(\.answers).allSatisfy { $0.answer == .failed(.timeout) })
    }

    func testAnEmptyOutboxIsDone() async throws {
        let drained = try await drain(engine, by: FakeSocket())
        XCTAssertEqual(drained, .empty)
    }

    func testTheSystemGetsOneUploadAfterTheOther() async throws {
        engine.with { $0.queue = [.upload(request("a")), .upload(request("b")), .wait(untilMicros: 7)] }
        let system = FakeSystem()
        let driver = HandedOver(engine: engine, system: system)
        try await driver.pump()
        try await driver.pump()
        XCTAssertEqual(system.begun, ["a"])
        system.end("a")
        try await driver.answered("a", .http(code: 200, headers: [], body: Data()))
        XCTAssertEqual(system.begun, ["a", "b"])
        system.end("b")
        let drained = try await driver.answered("b", .failed(.cut))
        XCTAssertEqual(drained, .until(micros: 7))
        XCTAssertEqual(engine.with(\.answers).map(\.id), ["a", "b"])
    }

    func testAnUploadOfAFormerLifeIsWaitedFor() async throws {
        engine.with { $0.queue = [.upload(request("b"))] }
        let system = FakeSystem(underWay: ["a"])
        try await HandedOver(engine: engine, system: system).pump()
        XCTAssertEqual(system.begun, [])
        XCTAssertEqual(engine.with(\.queue).count, 1)
    }

    func testWhatCannotBeHandedOverIsTold() async throws {
        engine.with { $0.queue = [.upload(request("a"))] }
        let system = FakeSystem(refuses: true)
        try await HandedOver(engine: engine, system: system).pump()
        XCTAssertEqual(engine.with(\.answers).map(\.answer), [.failed(.other)])
    }

    func testFailuresHaveTheCoresKinds() {
        XCTAssertEqual(NetworkFailure(URLError(.notConnectedToInternet)), .noNetwork)
        XCTAssertEqual(NetworkFailure(URLError(.cannotFindHost)), .dns)
        XCTAssertEqual(NetworkFailure(URLError(.cannotConnectToHost)), .connect)
        XCTAssertEqual(NetworkFailure(URLError(.timedOut)), .timeout)
        XCTAssertEqual(NetworkFailure(URLError(.serverCertificateUntrusted)), .tls)
        XCTAssertEqual(NetworkFailure(URLError(.networkConnectionLost)), .cut)
        XCTAssertEqual(NetworkFailure(CocoaError(.fileNoSuchFile)), .other)
    }

    func testOnlyTheServerThatWasAskedIsSpokenWith() {
        func isFor(_ url: String, _ host: String, _ port: Int) -> Bool? {
            URLRequest(request("a", url: url))?.isFor(host: host, port: port)
        }
        XCTAssertEqual(isFor("https://collector.example/x", "collector.example", 443), true)
        XCTAssertEqual(isFor("https://Collector.example:8443/x", "collector.EXAMPLE", 8443), true)
        XCTAssertEqual(isFor("https://[::1]:8443/x", "::1", 8443), true)
        XCTAssertEqual(isFor("https://collector.example/x", "collector.example", 8443), false)
        XCTAssertEqual(isFor("https://collector.example/x", "other.example", 443), false)
        XCTAssertEqual(isFor("https://collector.example/x", "collector.example.other.example", 443), false)
    }

    func testAnAnswerFromElsewhereIsARedirect() throws {
        let asked = try XCTUnwrap(URL(string: "https://collector.example/v1/samples/a"))
        func answer(from place: String) throws -> UploadAnswer {
            let url = try XCTUnwrap(URL(string: place))
            let response = HTTPURLResponse(url: url, statusCode: 200, httpVersion: nil, headerFields: [:])
            return UploadAnswer(asked: asked, response: response, body: Data([1]), error: nil)
        }
        for same in [asked.absoluteString, "HTTPS://COLLECTOR.example:443/v1/samples/a"] {
            XCTAssertEqual(try answer(from: same), .http(code: 200, headers: [], body: Data([1])), same)
        }
        for other in [
            "https://other.example/v1/samples/a", "https://collector.example:8443/v1/samples/a",
            "https://collector.example/login", "http://collector.example/v1/samples/a",
        ] {
            XCTAssertEqual(try answer(from: other), .redirected(to: other), other)
        }
        let lost = UploadAnswer(asked: asked, response: nil, body: Data(), error: URLError(.networkConnectionLost))
        XCTAssertEqual(lost, .failed(.cut))
    }

    func testOnlyHttpsIsSpoken() async {
        XCTAssertNil(URLRequest(request("a", url: "http://127.0.0.1:1/x")))
        XCTAssertEqual(URLRequest(request("a"))?.value(forHTTPHeaderField: "x-a"), "b")
        let answer = await SessionSocket().send(request("a", url: "http://127.0.0.1:1/x"))
        XCTAssertEqual(answer, .failed(.other))
    }
}

private final class FakeSocket: UploadSocket, @unchecked Sendable {
    private(set) var sent: [String] = []

    func send(_ request: UploadRequest) async -> UploadAnswer {
        sent.append(request.id)
        return .failed(.timeout)
    }
}

private final class FakeSystem: SystemUploads, @unchecked Sendable {
    private let lock = NSLock()
    private var tasks: Set<String>
    private var ids: [String] = []
    private let refuses: Bool

    init(underWay: Set<String> = [], refuses: Bool = false) {
        tasks = underWay
        self.refuses = refuses
    }

    var begun: [String] { lock.withLock { ids } }

    func end(_ id: String) { lock.withLock { _ = tasks.remove(id) } }

    func underWay() async -> Set<String> { lock.withLock { tasks } }

    func begin(_ request: UploadRequest) async throws {
        if refuses { throw CocoaError(.fileWriteOutOfSpace) }
        lock.withLock {
            tasks.insert(request.id)
            ids.append(request.id)
        }
    }
}
