// A simulator starts no process: there the models are tested with the fake engine only.
#if os(Linux) || os(macOS)
    import XCTest

    @testable import IspeedCore

    /// The real core against a real server on loopback.
    @MainActor
    final class ServerTests: XCTestCase {
        private var folder = URL(fileURLWithPath: "/")
        private var servers: [Server] = []

        override func setUp() async throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent("ispeed-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }

        override func tearDown() async throws {
            servers.forEach { $0.stop() }
            try FileManager.default.removeItem(at: folder)
        }

        private func serve(
            _ name: String = "server", listen: String = "127.0.0.1:0", overLink: Bool = false
        ) throws -> Server {
            let data = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            let server = try Server(data: data, listen: listen, overLink: overLink)
            servers.append(server)
            return server
        }

        /// A small limit for the tests that want no figure: loopback is through with it before one is found.
        private func engine(_ server: Server, limits: DataLimits = DataLimits(perRunBytes: 30_000_000)) throws -> RustEngine {
            let data = folder.appendingPathComponent("phone")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            return try RustEngine(
                data: data.path, collector: server.url, appBuild: "1", limits: limits, extraCaPem: try server.certificate)
        }

        private func agree(_ engine: RustEngine, upload: Bool = true) throws {
            var choices = Choices()
            choices.run = true
            choices.upload = upload
            choices.commune = true
            try engine.recordConsent(choices.consent)
        }

        private func phone() -> FakePhone {
            let phone = FakePhone()
            phone.transport = Transport(kind: .cellular, vpn: false, roaming: false)
            phone.fix = Fix(
                lat: 11.5209, lon: 106.899, accuracyM: 12, atMicros: nowMicros(), ageMs: 0, mock: false, source: .fused)
            return phone
        }

        private func measured(_ engine: RustEngine, _ phone: FakePhone) async throws -> Sample {
            let model = MeasureModel(engine: engine, facts: phone) { _ in }
            model.start()
            let ended = await model.ended()
            guard case .over(let sample) = ended else { throw BadFixture(description: "no sample: \(ended)") }
            return sample
        }

        private func upload(_ engine: RustEngine, to server: Server) async throws -> Drained {
            try await drain(engine, by: PinnedSocket(try server.certificate, in: folder))
        }

        func testATapMeasuresAndTheSampleArrivesAtTheCollector() async throws {
            let server = try serve()
            // Enough for a figure on loopback, and little enough for a test.
            let limits = DataLimits(perRunBytes: 600_000_000)
            let engine = try engine(server, limits: limits)
            try agree(engine)
            let sample = try await measured(engine, phone())
            XCTAssertEqual(sample.outcome, .complete, "\(sample)")
            XCTAssertGreaterThan(try XCTUnwrap(sample.down?.goodputBps), 1e6)
            XCTAssertGreaterThan(try XCTUnwrap(sample.up?.goodputBps), 1e6)
            XCTAssertNotNil(sample.latency.idleMs)
            XCTAssertTrue((1...700_000_000).contains(sample.bytesDown + sample.bytesUp))
            XCTAssertEqual(sample.transport.kind, .cellular)
            XCTAssertEqual(sample.technology, .g4)
            XCTAssertNil(sample.rsrpDbm, "iOS tells no signal, and none is made up")
            XCTAssertEqual(sample.place.code, "25195")
            XCTAssertEqual(sample.state, .waiting)
            let sentence = Words(.vi).of(resultScreen(sample).sentence)
            XCTAssertNotNil(
                sentence.range(
                    of: #"^Tải xuống [\d.,]+\u00a0Mbps, tải lên [\d.,]+\u00a0Mbps, độ trễ \d+\u00a0ms\.$"#,
                    options: .regularExpression),
                sentence)

            let drained = try await upload(engine, to: server)
            XCTAssertEqual(drained, .empty)
            let sent = try engine.detail(sample.id)
            XCTAssertEqual(sent.state, .sent, String(describing: sent.problem))
            XCTAssertNotNil(sent.receipt)
            let export = folder.appendingPathComponent("export.ndjson").path
            XCTAssertEqual(try engine.export(to: export), 1)
            XCTAssertTrue(try Server.run("verify", export), "the receipt verifies")
            let deleted = try await engine.deleteMyData()
            XCTAssertEqual(deleted, 1, "the collector held exactly this one")
        }

        func testWithoutConsentNothingRunsAndNothingLeaves() async throws {
            let server = try serve()
            let engine = try engine(server)
            XCTAssertThrowsError(try engine.start(Facts()) { _ in }) { error in
                XCTAssertEqual((error as? EngineError)?.kind, "consent")
            }
            try agree(engine, upload: false)
            let sample = try await measured(engine, phone())
            XCTAssertEqual(sample.state, .local)
            XCTAssertEqual(try engine.nextUpload(), .done)
            let deleted = try await engine.deleteMyData()
            XCTAssertEqual(deleted, 0)
        }

        func testStopEndsItAndTheAttemptIsKept() async throws {
            let server = try serve(overLink: true)
            let engine = try engine(server, limits: DataLimits())
            try agree(engine)
            let model = MeasureModel(engine: engine, facts: phone()) { _ in }
            model.start()
            _ = await model.state.first { if case .running(let progress) = $0 { progress.bytesDown > 0 } else { true } }
            model.stop()
            let ended = await model.ended()
            guard case .over(let sample) = ended else { return XCTFail("\(ended)") }
            XCTAssertEqual(sample.outcome, .aborted)
            XCTAssertEqual(sample.outcomeReason, "cancelled")
            XCTAssertEqual(try engine.history().count, 1)
        }

        func testAServerThatIsGoneIsSaidAndTheQueueIsDrainedWhenItIsBack() async throws {
            let server = try serve()
            let engine = try engine(server)
            try agree(engine)
            let good = try await measured(engine, phone())
            XCTAssertGreaterThan(good.bytesDown, 0)
            server.stop()
            let failed = try await measured(engine, phone())
            XCTAssertEqual(failed.outcome, .serverFailed)
            XCTAssertNil(failed.down)
            let first = try await upload(engine, to: server)
            guard case .until = first else { return XCTFail("\(first)") }
            for sample in try engine.history() {
                XCTAssertEqual(sample.state, .waiting)
            }
            XCTAssertEqual(try engine.waiting(), 2)
            XCTAssertTrue(try engine.history().contains { $0.problem?.kind == "network" })

            let again = try serve(listen: server.address)
            try engine.retryNow()
            let second = try await upload(engine, to: again)
            XCTAssertEqual(second, .empty)
            XCTAssertEqual(try engine.history().map(\.state), [.sent, .sent])
        }

        func testAMockedPositionOnWifiIsSaid() async throws {
            let server = try serve()
            let engine = try engine(server)
            try agree(engine)
            let phone = phone()
            phone.transport = Transport(kind: .wifi, vpn: true)
            phone.fix?.mock = true
            let sample = try await measured(engine, phone)
            let codes = sample.verdict.reasons.map(\.code)
            XCTAssertTrue(Set(codes).isSuperset(of: ["not_cellular", "vpn", "position_mocked"]), "\(codes)")
            XCTAssertTrue(sample.verdict.reasons.allSatisfy { $0.vi != $0.code && $0.en != $0.code })
        }

        func testTheReducedAccuracyOfIosDoesNotCount() async throws {
            let server = try serve()
            let engine = try engine(server)
            try agree(engine)
            let phone = phone()
            phone.fix?.accuracyM = 3_000
            let sample = try await measured(engine, phone)
            XCTAssertFalse(sample.verdict.counts)
            XCTAssertNotEqual(sample.place.verdict, .certain)
        }

        func testAnUploadToAServerThatNobodyTrustsIsRefused() async throws {
            let server = try serve()
            let engine = try engine(server)
            try agree(engine)
            let sample = try await measured(engine, phone())
            guard case .until = try await drain(engine, by: SessionSocket()) else {
                return XCTFail("the core waits after a failure")
            }
            let kept = try engine.detail(sample.id)
            XCTAssertEqual(kept.state, .waiting)
            XCTAssertEqual(kept.problem?.kind, "network")
        }

        func testARedirectIsToldAsOneAndTheSampleIsKept() async throws {
            let server = try serve()
            let engine = try engine(server)
            try agree(engine)
            let sample = try await measured(engine, phone())
            guard case .upload(let request) = try engine.nextUpload() else { return XCTFail("nothing is due") }
            XCTAssertEqual(request.id, sample.id)
            try engine.uploadAnswered(request.id, .redirected(to: "https://elsewhere.example"))
            let kept = try engine.detail(sample.id)
            XCTAssertEqual(kept.state, .waiting)
            XCTAssertEqual(kept.problem?.kind, "redirected")
            XCTAssertEqual(kept.problem?.text.contains("https://elsewhere.example"), true)
        }

        func testAnotherLifeOfTheAppFindsItsSamples() async throws {
            let server = try serve()
            let sample: Sample
            do {
                let engine = try engine(server)
                try agree(engine)
                sample = try await measured(engine, phone())
            }
            let engine = try engine(server)
            XCTAssertEqual(try engine.history().map(\.id), [sample.id])
            XCTAssertEqual(try engine.consent()?.run, true)
            try engine.erase(sample.id)
            XCTAssertEqual(try engine.history(), [])
        }
    }

    /// An upload that trusts the certificate of a test server. URLSession on Linux takes none but the system's, so `curl` is the
    /// socket here; `SessionSocket` is shown to refuse the same server.
    private struct PinnedSocket: UploadSocket {
        private let certificate: URL
        private let folder: URL

        init(_ pem: String, in folder: URL) throws {
            certificate = folder.appendingPathComponent("trusted.pem")
            self.folder = folder
            try pem.write(to: certificate, atomically: true, encoding: .utf8)
        }

        func send(_ request: UploadRequest) async -> UploadAnswer {
            do {
                return try curl(request)
            } catch {
                XCTFail("curl: \(error)")
                return .failed(.other)
            }
        }

        private func curl(_ request: UploadRequest) throws -> UploadAnswer {
            let (body, answer) = (folder.appendingPathComponent("body"), folder.appendingPathComponent("answer"))
            try request.body.write(to: body)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            var words = ["curl", "--silent", "--cacert", certificate.path, "--request", request.method]
            words += request.headers.flatMap { ["--header", "\($0.name): \($0.value)"] }
            words += ["--data-binary", "@\(body.path)", "--output", answer.path, "--write-out", "%{http_code}", request.url]
            process.arguments = words
            let printed = Pipe()
            process.standardOutput = printed
            try process.run()
            let code = String(decoding: printed.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0, let code = Int(code) else { return .failed(.connect) }
            return .http(code: code, headers: [], body: try Data(contentsOf: answer))
        }
    }
#endif
