import XCTest

@testable import IspeedCore

@MainActor
final class GuideTests: XCTestCase {
    private let desk = GuideDesk()
    private var ground = Ground(minute: 7)
    private var asked = 0

    /// How often the core is asked for a guide with the ground changed so.
    private func guides(_ change: (inout Ground) -> Void) async -> Int {
        let before = asked
        change(&ground)
        _ = await desk.guide(ground) {
            asked += 1
            return nil
        }
        return asked - before
    }

    private func stand(_ lat: Double) -> Fix {
        Fix(lat: lat, lon: 106.899, accuracyM: 8, atMicros: 0, ageMs: 0, mock: false, source: .fused)
    }

    func testTheCoreIsAskedOnlyWhereSomethingHasChanged() async {
        let steps: [(String, Int, (inout Ground) -> Void)] = [
            ("the first time", 1, { _ in }),
            ("nothing, also where there was no answer", 0, { _ in }),
            ("the first position", 1, { $0.fix = self.stand(11.5209) }),
            ("two metres", 0, { $0.fix = self.stand(11.52092) }),
            ("twenty metres", 1, { $0.fix = self.stand(11.5211) }),
            ("a campaign", 1, { $0.campaign = "bp-2026-11" }),
            ("a plan", 1, { $0.plan = PlanPack(communes: [], validUntilMicros: 1) }),
            ("a sample", 1, { $0.lastSample = "run-0" }),
            ("a minute", 1, { $0.minute += 1 }),
            ("no position any more", 1, { $0.fix = nil }),
        ]
        for (what, expected, change) in steps {
            let seen = await guides(change)
            XCTAssertEqual(seen, expected, what)
        }
    }

    func testSmallStepsAddUp() async {
        _ = await guides { $0.fix = self.stand(11.5209) }
        var seen = 0
        for metres in 1...9 { seen += await guides { $0.fix = self.stand(11.5209 + Double(metres) / 111_320) } }
        XCTAssertEqual(seen, 1, "five metres from where it was asked, not from the last look")
    }
}
