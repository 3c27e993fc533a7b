import XCTest

@testable import IspeedCore

@MainActor
final class ModelTests: XCTestCase {
    private let engine = FakeEngine()
    private let phone = FakePhone()
    private let preferences = Preferences(store: MemoryStore(), defaultCollector: "https://collector.example")

    private func complete(_ id: String, bytes: Int64 = 100) -> Sample {
        var sample = Sample(id: id, startedAtMicros: 1, outcome: .complete)
        sample.bytesDown = bytes
        return sample
    }

    private func measureModel(onSample: @escaping @MainActor (Sample) -> Void = { _ in }) -> MeasureModel {
        MeasureModel(engine: engine, facts: phone, onSample: onSample)
    }

    /// Waits for what another task is about to do.
    private func until(_ what: String, _ isSo: @MainActor () -> Bool) async throws {
        for _ in 0..<2_000 where !isSo() {
            try await Task.sleep(for: .milliseconds(5))
        }
        XCTAssertTrue(isSo(), "waited for: \(what)")
    }

    private func begun(_ model: MeasureModel) async throws -> FakeRun {
        model.start()
        try await until("the run") { !engine.with(\.runs).isEmpty }
        return try XCTUnwrap(engine.with(\.runs).last)
    }

    func testATapBecomesASampleWithTheFactsOfEachMoment() async throws {
        var told: [Sample] = []
        let model = measureModel { told.append($0) }
        phone.fix = Fix(lat: 11.5, lon: 106.9, accuracyM: 12, source: .fused)
        let run = try await begun(model)
        XCTAssertEqual(run.facts.fixStart, phone.fix)
        for phase in [Phase.latency, .download, .upload, .finishing] {
            run.observer(Progress(phase: phase, rateBps: 5e6))
            try await until("\(phase)") {
                if case .running(let progress) = model.state.value { progress.phase == phase } else { false }
            }
        }
        try await until("both facts are pushed") { run.pushed.count == 2 }
        XCTAssertTrue(run.pushed.contains { $0.fixMid == phone.fix } && run.pushed.contains { $0.fixEnd == phone.fix })
        run.end(complete("run-0"))
        let ended = await model.ended()
        XCTAssertEqual(ended, .over(complete("run-0")))
        XCTAssertEqual(told.map(\.id), ["run-0"])
        XCTAssertFalse(model.isRunning)
    }

    func testOneRunAtATime() async throws {
        let model = measureModel()
        let run = try await begun(model)
        model.start()
        await model.refresh()
        XCTAssertEqual(engine.with(\.runs).count, 1)
        run.end(complete("run-0"))
        _ = await model.ended()
    }

    func testStopCancelsTheRunAlsoBeforeItHasBegun() async throws {
        let model = measureModel()
        model.start()
        model.stop()
        let ended = await model.ended()
        guard case .over(let sample) = ended else { return XCTFail("\(ended)") }
        XCTAssertEqual(sample.outcomeReason, "cancelled")
        XCTAssertEqual(engine.with(\.runs).map(\.isCancelled), [true])
    }

    func testManyPicturesEndInTheNewest() async throws {
        let model = measureModel()
        let run = try await begun(model)
        try await until("the first picture is taken") {
            run.observer(Progress(phase: .download))
            if case .running(let progress) = model.state.value { return progress.phase == .download }
            return false
        }
        for rate in 1...1_000 {
            run.observer(Progress(phase: .download, rateBps: Double(rate)))
        }
        try await until("the newest picture") { model.state.value == .running(Progress(phase: .download, rateBps: 1_000)) }
        run.end(complete("run-0"))
        _ = await model.ended()
    }

    func testARefusalIsAState() async throws {
        engine.with { $0.refuse = EngineError(kind: "consent", message: "run") }
        let model = measureModel()
        model.start()
        let ended = await model.ended()
        XCTAssertEqual(ended, .refused(kind: "consent", message: "run"))
    }

    func testReadyShowsTheEstimateAndWhatWaits() async throws {
        var waiting = complete("a")
        waiting.state = .waiting
        engine.with { $0.samples = [waiting, complete("b")] }
        let model = measureModel()
        await model.refresh()
        XCTAssertEqual(
            model.state.value, .ready(estimate: Estimate(likelyBytes: 150_000_000, maxBytes: 900_000_000), waiting: 1))
    }

    func testAChangeOfTheNetworkIsPushedIntoTheRun() async throws {
        let model = measureModel()
        let run = try await begun(model)
        phone.transport = Transport(kind: .wifi)
        await model.phoneChanged()
        try await until("the change") { run.pushed.contains { $0.transport.kind == .wifi } }
        model.stop()
        _ = await model.ended()
    }

    func testAChangeBeforeTheRunHasBegunIsPushedIntoIt() async throws {
        let model = measureModel()
        model.start()
        phone.transport = Transport(kind: .wifi)
        await model.phoneChanged()
        try await until("the run") { !engine.with(\.runs).isEmpty }
        let run = try XCTUnwrap(engine.with(\.runs).last)
        try await until("the change") { run.pushed.contains { $0.transport.kind == .wifi } }
        model.stop()
        _ = await model.ended()
    }

    func testWhoFollowsAValueGetsItAndTheLaterOnes() async {
        let observed = Observed(1)
        let values = observed.values()
        observed.set(2)
        observed.set(3)
        var seen: [Int] = []
        for await value in values {
            seen.append(value)
            if value == 3 { break }
        }
        XCTAssertEqual(seen.last, 3)
    }

    // MARK: history

    func testHistoryErasesAndSendsAgain() async {
        engine.with { $0.samples = [complete("a"), complete("b")] }
        var uploads = 0
        let model = HistoryModel(engine: engine) { uploads += 1 }
        await model.refresh()
        XCTAssertEqual(model.state.value.samples.map(\.id), ["a", "b"])
        await model.erase("a")
        XCTAssertEqual(model.state.value.samples.map(\.id), ["b"])
        await model.sendAgain("b")
        XCTAssertEqual(engine.with(\.requeued), ["b"])
        XCTAssertEqual(uploads, 1)
        let gone = await model.detail("a")
        XCTAssertNil(gone)
        XCTAssertEqual(model.state.value.problem, say(.problemNotFound))
    }

    // MARK: settings

    func testConsentIsRecordedAndWithdrawn() async {
        var agreed = 0
        let model = SettingsModel(engine: engine, facts: phone, preferences: preferences) { agreed += 1 }
        await model.refresh()
        XCTAssertNil(model.state.value.consent)
        var choices = Choices()
        choices.run = true
        choices.precise = true
        await model.agree(choices)
        XCTAssertEqual(model.state.value.consent?.share, .precise)
        XCTAssertEqual(Choices(model.state.value.consent).commune, true, "the point is of use only with its commune")
        await model.withdraw()
        XCTAssertEqual(model.state.value.consent?.run, false)
        XCTAssertEqual(model.state.value.said, say(.consentWithdrawn))
        XCTAssertEqual(agreed, 1)
        engine.with { $0.refuse = EngineError(kind: "storage", message: "") }
        await model.agree(choices)
        XCTAssertEqual(agreed, 1, "what was not recorded is no choice")
    }

    func testARefusalForWantOfConsentIsOverOnceAgreed() async throws {
        var uploads = 0
        let session = Session(engine: engine, phone: phone, preferences: preferences) { uploads += 1 }
        engine.with { $0.refuse = EngineError(kind: "consent", message: "run") }
        session.measure.start()
        let refused = await session.measure.ended()
        XCTAssertEqual(refused, .refused(kind: "consent", message: "run"))
        engine.with { $0.refuse = nil }
        var choices = Choices()
        choices.run = true
        await session.settings.agree(choices)
        XCTAssertEqual(uploads, 1)
        try await until("it is ready again") {
            if case .ready = session.measure.state.value { true } else { false }
        }
    }

    func testLimitsReachTheCoreAndAreKept() async {
        let model = SettingsModel(engine: engine, facts: phone, preferences: preferences)
        await model.setLimits(DataLimits(perRunBytes: 30_000_000))
        XCTAssertEqual(engine.with(\.limits), DataLimits(perRunBytes: 30_000_000))
        XCTAssertEqual(preferences.limits, DataLimits(perRunBytes: 30_000_000))
    }

    func testDeletionSaysHowManyOrWhyNot() async {
        engine.with { $0.samples = [complete("a")] }
        let model = SettingsModel(engine: engine, facts: phone, preferences: preferences)
        await model.deleteMyData()
        XCTAssertEqual(model.state.value.said, say(.myDeleted, number(1)))
        engine.with { $0.refuse = EngineError(kind: "no_network", message: "") }
        await model.deleteMyData()
        XCTAssertEqual(model.state.value.said, say(.problemNoNetwork))
    }

    // MARK: field mode

    private func fieldModel(_ measure: MeasureModel) -> FieldModel {
        FieldModel(
            engine: engine, measure: measure, phone: phone, preferences: preferences, lookEvery: .milliseconds(5))
    }

    func testACampaignMarksItsRunsAndOutlivesTheApp() async throws {
        let model = fieldModel(measureModel())
        await model.join(" VN-1 ", role: " ")
        XCTAssertEqual(preferences.campaign?.code, "VN-1")
        XCTAssertNil(preferences.campaign?.role)
        XCTAssertEqual(model.marked(Facts()).campaign, "VN-1")
        XCTAssertEqual(model.marked(Facts()).measurer, Measurer(isOfficial: true, roleCode: nil))
        XCTAssertEqual(fieldModel(measureModel()).state.value.campaign?.code, "VN-1")
        model.leave()
        XCTAssertNil(preferences.campaign)
        XCTAssertNil(model.marked(Facts()).campaign)
    }

    func testRepeatingEndsAtTheDaysData() async throws {
        preferences.repeatRules = RepeatRules(everySeconds: 0, dayBytes: 250, stopAtBatteryPercent: 20)
        let model = fieldModel(measureModel())
        model.start()
        for index in 0..<3 {
            try await until("run \(index)") { engine.with(\.runs).count == index + 1 }
            engine.with(\.runs)[index].end(complete("run-\(index)"))
        }
        try await until("the end") { !model.isRepeating }
        XCTAssertEqual(
            model.state.value.repeating, Repeating(samples: 3, bytes: 300, batteryPercent: 80, step: .stopBudget(bytes: 250)))
        XCTAssertFalse(model.state.value.isRepeating, "why it ended is shown, and the screen may go dark")
    }

    func testStopEndsTheRepetitionAndItsRun() async throws {
        let measure = measureModel()
        let model = fieldModel(measure)
        model.start()
        try await until("the run") { !engine.with(\.runs).isEmpty }
        XCTAssertTrue(model.state.value.isRepeating)
        model.stop()
        _ = await measure.ended()
        XCTAssertTrue(engine.with(\.runs)[0].isCancelled)
        XCTAssertNil(model.state.value.repeating)
        try await Task.sleep(for: .milliseconds(50))
        XCTAssertEqual(engine.with(\.runs).count, 1, "nothing begins after stop")
    }

    func testAPairBeginsAtItsTimeAndIsMarked() async throws {
        let measure = measureModel()
        let model = fieldModel(measure)
        let startsAt = nowMicros() + 100_000
        engine.with { $0.pairStartsAtMicros = startsAt }
        await model.measurePair("XY")
        try await until("the run") { !engine.with(\.runs).isEmpty }
        XCTAssertGreaterThanOrEqual(nowMicros(), startsAt)
        let run = engine.with(\.runs)[0]
        XCTAssertEqual(run.facts.pairId, "pair-1")
        run.end(complete("run-0"))
        _ = await measure.ended()
    }

    func testAPlanThatCannotBeFetchedIsSaid() async {
        let model = fieldModel(measureModel())
        await model.join("VN-1", role: nil)
        await model.fetchPlan()
        XCTAssertEqual(model.state.value.problem, say(.problemNoNetwork))
        engine.with { $0.pack = PlanPack(communes: [], validUntilMicros: 7) }
        await model.fetchPlan()
        XCTAssertNil(model.state.value.problem)
        XCTAssertEqual(model.state.value.plan?.validUntilMicros, 7)
    }
}
