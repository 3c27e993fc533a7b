import Foundation

/// What a guide rests on: where one stands, the plan, the samples made so far, and the time, of which a minute is exact enough.
struct Ground: Equatable {
    var campaign: String?
    var fix: Fix?
    var plan: PlanPack?
    var lastSample: String?
    var minute: Int64

    /// Nearer than this, a person has not moved: a guide speaks of cells of 200 m.
    private static let stepM = 5.0

    func isLike(_ other: Ground) -> Bool {
        var (here, there) = (self, other)
        (here.fix, there.fix) = (nil, nil)
        return here == there && Self.isNear(fix, other.fix)
    }

    private static func isNear(_ a: Fix?, _ b: Fix?) -> Bool {
        guard let a, let b else { return a == b }
        // Exact enough over some metres.
        let metresPerDegree = 111_320.0
        let north = (a.lat - b.lat) * metresPerDegree
        let east = (a.lon - b.lon) * metresPerDegree * cos(a.lat * .pi / 180)
        return hypot(north, east) < stepM
    }
}

/// The core's guide, asked for anew only where what it rests on has changed: the core reads a plan and all samples for it.
@MainActor
final class GuideDesk {
    private var asked: Ground?
    private var answer: Guide?

    func guide(_ now: Ground, ask: () async -> Guide?) async -> Guide? {
        if asked?.isLike(now) != true {
            answer = await ask()
            asked = now
        }
        return answer
    }
}
