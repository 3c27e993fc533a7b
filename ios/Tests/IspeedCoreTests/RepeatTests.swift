import XCTest

@testable import IspeedCore

final class RepeatTests: XCTestCase {
    private let rules = RepeatRules(everySeconds: 120, dayBytes: 1_000, stopAtBatteryPercent: 20)
    private let now: Int64 = 1_000_000_000

    private func guide(notBefore: Int64? = nil, metres: Int? = nil, left: Int? = 5) -> Guide {
        Guide(next: [], notBeforeMicros: notBefore, metresToGo: metres, leftToday: left)
    }

    private func step(_ soFar: RepeatSoFar, _ guide: Guide?, battery: Int? = 80) -> RepeatStep {
        nextStep(rules, soFar, nowMicros: now, guide: guide, batteryPercent: battery)
    }

    func testTheFirstIsAtOnce() {
        XCTAssertEqual(step(RepeatSoFar(), guide()), .measure)
    }

    func testTimeAndDistanceBothHaveToBeReached() {
        let recent = RepeatSoFar(samples: 1, lastEndedAtMicros: now - 100_000_000)
        XCTAssertEqual(step(recent, guide()), .wait(seconds: 20, metres: 0))
        XCTAssertEqual(step(recent, guide(metres: 35)), .wait(seconds: 20, metres: 35))
        let old = RepeatSoFar(samples: 1, lastEndedAtMicros: now - 121_000_000)
        XCTAssertEqual(step(old, guide(metres: 35)), .wait(seconds: 0, metres: 35))
        XCTAssertEqual(step(old, guide()), .measure)
    }

    func testTheLaterOfThePlanAndThePersonRules() {
        let recent = RepeatSoFar(samples: 1, lastEndedAtMicros: now - 100_000_000)
        XCTAssertEqual(step(recent, guide(notBefore: now + 300_000_000)), .wait(seconds: 300, metres: 0))
        XCTAssertEqual(step(recent, guide(notBefore: now - 5)), .wait(seconds: 20, metres: 0))
    }

    func testWithoutAPlanTimeAloneDecides() {
        XCTAssertEqual(step(RepeatSoFar(), nil), .measure)
        XCTAssertEqual(step(RepeatSoFar(lastEndedAtMicros: now), nil), .wait(seconds: 120, metres: 0))
    }

    func testBatteryDataAndTheDaysNumberEndIt() {
        XCTAssertEqual(step(RepeatSoFar(), guide(), battery: 20), .stopBattery(percent: 20))
        XCTAssertEqual(step(RepeatSoFar(), guide(), battery: 21), .measure)
        XCTAssertEqual(step(RepeatSoFar(), guide(), battery: nil), .measure)
        XCTAssertEqual(step(RepeatSoFar(bytes: 1_000), guide()), .stopBudget(bytes: 1_000))
        XCTAssertEqual(step(RepeatSoFar(), guide(left: 0)), .stopFull)
    }

    func testABearingIsTheNearestWind() {
        XCTAssertEqual([0, 22, 23, 90, 337, 338, 359.9, -45].map { Wind(bearingDeg: $0) }, [.n, .n, .ne, .e, .nw, .n, .n, .nw])
    }
}
