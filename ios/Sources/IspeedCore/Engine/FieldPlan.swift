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

    public init(lat: Double, lon: Double) {
        self.lat = lat
        self.lon = lon
    }
}

/// A cell of 200 m without a sample.
public struct PlanCell: Equatable, Sendable {
    public var cell: String
    public var at: Point

    public init(cell: String, at: Point) {
        self.cell = cell
        self.at = at
    }
}

/// What an operator still lacks in a commune.
public struct OperatorShortfall: Equatable, Sendable {
    public var `operator`: String
    public var counted: Int
    public var wanted: Int

    public init(operator: String, counted: Int, wanted: Int) {
        self.operator = `operator`
        self.counted = counted
        self.wanted = wanted
    }
}

/// What a commune still lacks this month; `border` is drawn, where the phone has boundaries.
public struct CommunePlan: Equatable, Sendable {
    public var code: String
    public var name: String
    public var counted: Int
    public var missing: Int
    public var underSampled: [OperatorShortfall]
    public var unmeasured: [PlanCell]
    public var border: [[Point]]

    public init(
        code: String, name: String, counted: Int, missing: Int, underSampled: [OperatorShortfall] = [],
        unmeasured: [PlanCell] = [], border: [[Point]] = []
    ) {
        self.code = code
        self.name = name
        self.counted = counted
        self.missing = missing
        self.underSampled = underSampled
        self.unmeasured = unmeasured
        self.border = border
    }
}

/// The plan of a day, kept on the phone and valid without a network.
public struct PlanPack: Equatable, Sendable {
    public var communes: [CommunePlan]
    public var spacingSeconds: Int
    public var spacingM: Int
    public var validUntilMicros: Int64

    public init(communes: [CommunePlan], spacingSeconds: Int, spacingM: Int, validUntilMicros: Int64) {
        self.communes = communes
        self.spacingSeconds = spacingSeconds
        self.spacingM = spacingM
        self.validUntilMicros = validUntilMicros
    }
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

    public init(cell: String, at: Point, distanceM: Double?, wind: Wind?) {
        self.cell = cell
        self.at = at
        self.distanceM = distanceM
        self.wind = wind
    }
}

/// What the core says of the next measurement: where, and not before what.
public struct Guide: Equatable, Sendable {
    public var next: [NextCell]
    public var notBeforeMicros: Int64?
    public var metresToGo: Int?
    public var leftToday: Int?
    public var outdated: Bool

    public init(
        next: [NextCell], notBeforeMicros: Int64? = nil, metresToGo: Int? = nil, leftToday: Int? = nil,
        outdated: Bool = false
    ) {
        self.next = next
        self.notBeforeMicros = notBeforeMicros
        self.metresToGo = metresToGo
        self.leftToday = leftToday
        self.outdated = outdated
    }
}

/// A pair of phones that measure at once: what the second one types or scans, and when both begin.
public struct Pairing: Equatable, Sendable {
    public var id: String
    public var text: String
    public var startsAtMicros: Int64

    public init(id: String, text: String, startsAtMicros: Int64) {
        self.id = id
        self.text = text
        self.startsAtMicros = startsAtMicros
    }
}

/// A campaign this phone takes part in.
public struct Campaign: Equatable, Sendable, Codable {
    public var code: String
    public var title: String
    public var startsOn: String
    public var endsOn: String
    public var communes: [String]
    public var role: String?

    public init(code: String, title: String, startsOn: String, endsOn: String, communes: [String], role: String? = nil) {
        self.code = code
        self.title = title
        self.startsOn = startsOn
        self.endsOn = endsOn
        self.communes = communes
        self.role = role
    }
}
