/// What a plan is asked for.
public enum PlanQuestion: Equatable, Sendable {
    /// Around a position.
    case around(Point)
    /// A campaign.
    case campaign(String)
}

/// A point, degrees WGS 84.
public struct Point: Equatable, Sendable {
    public var lat: Double
    public var lon: Double
}

/// A cell of 200 m without a sample.
public struct PlanCell: Equatable, Sendable {
    public var cell: String
    public var at: Point
}

/// What an operator still lacks in a commune.
public struct OperatorShortfall: Equatable, Sendable {
    public var `operator`: String
    public var counted: Int
    public var wanted: Int
}

/// What a commune still lacks this month; `border` is drawn, where the phone has boundaries.
public struct CommunePlan: Equatable, Sendable {
    public var code: String
    public var name: String
    public var counted: Int
    public var missing: Int
    public var underSampled: [OperatorShortfall] = []
    public var unmeasured: [PlanCell] = []
    public var border: [[Point]] = []
}

/// The plan of a day, kept on the phone and valid without a network.
public struct PlanPack: Equatable, Sendable {
    public var communes: [CommunePlan]
    public var validUntilMicros: Int64
}

/// The eight winds, clockwise from north.
public enum Wind: String, Sendable, CaseIterable {
    case n, ne, e, se, s, sw, w, nw

    /// The wind of a bearing, degrees clockwise from north.
    public init(bearingDeg: Double) {
        let count = Wind.allCases.count
        let steps = Int((bearingDeg / (360 / Double(count))).rounded()) % count
        self = Wind.allCases[(steps + count) % count]
    }
}

/// Where to measure next, as the core found it from the kept plan.
public struct NextCell: Equatable, Sendable {
    public var cell: String
    public var at: Point
    public var distanceM: Double?
    public var wind: Wind?
}

/// What the core says of the next measurement: where, and not before what.
public struct Guide: Equatable, Sendable {
    public var next: [NextCell]
    public var notBeforeMicros: Int64?
    public var metresToGo: Int?
    public var leftToday: Int?
    public var outdated: Bool = false
}

/// A pair of phones that measure at once: what the second one types or scans, and when both begin.
public struct Pairing: Equatable, Sendable {
    public var id: String
    public var text: String
    public var startsAtMicros: Int64
}

/// A campaign this phone takes part in.
public struct Campaign: Equatable, Sendable, Codable {
    public var code: String
    public var title: String
    public var startsOn: String
    public var endsOn: String
    public var role: String?
}
