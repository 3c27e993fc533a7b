/// Where a position came from.
public enum FixSource: String, Sendable {
    case gnss, fused, network, unknown
}

/// One position, as the phone gave it.
public struct Fix: Equatable, Sendable {
    public var lat: Double
    public var lon: Double
    public var accuracyM: Double?
    public var atMicros: Int64?
    public var ageMs: Int64?
    public var speedMps: Double?
    public var altitudeM: Double?
    public var mock: Bool?
    public var source: FixSource

    public init(
        lat: Double, lon: Double, accuracyM: Double? = nil, atMicros: Int64? = nil, ageMs: Int64? = nil,
        speedMps: Double? = nil, altitudeM: Double? = nil, mock: Bool? = nil, source: FixSource
    ) {
        self.lat = lat
        self.lon = lon
        self.accuracyM = accuracyM
        self.atMicros = atMicros
        self.ageMs = ageMs
        self.speedMps = speedMps
        self.altitudeM = altitudeM
        self.mock = mock
        self.source = source
    }
}

/// Radio access technology that carries the data.
public enum Technology: String, Sendable {
    case g2 = "2g"
    case g3 = "3g"
    case g4 = "4g"
    case g5Nsa = "5g_nsa"
    case g5Sa = "5g_sa"
    case g5 = "5g"
    case unknown
}

/// The radio at one moment. iOS tells the technology and no signal: `missing` says why.
public struct Radio: Equatable, Sendable {
    public var technology: Technology
    public var missing: String?

    public init(technology: Technology, missing: String? = nil) {
        self.technology = technology
        self.missing = missing
    }
}

/// What carries the packets.
public enum TransportKind: String, Sendable {
    case cellular, wifi, ethernet, other, unknown
}

/// The network in use; `nil` is what the phone does not tell.
public struct Transport: Equatable, Sendable {
    public var kind: TransportKind
    public var vpn: Bool?
    public var roaming: Bool?
    public var metered: Bool?
    public var captivePortal: Bool?
    public var servingPlmn: String?

    public init(
        kind: TransportKind = .unknown, vpn: Bool? = nil, roaming: Bool? = nil, metered: Bool? = nil,
        captivePortal: Bool? = nil, servingPlmn: String? = nil
    ) {
        self.kind = kind
        self.vpn = vpn
        self.roaming = roaming
        self.metered = metered
        self.captivePortal = captivePortal
        self.servingPlmn = servingPlmn
    }
}

/// In which role the person measures. The code is never a name.
public struct Measurer: Equatable, Sendable {
    public var isOfficial: Bool
    public var roleCode: String?
}

/// What only the phone knows of a run; a member that is `nil` adds nothing.
public struct Facts: Equatable, Sendable {
    public var fixStart: Fix?
    public var fixMid: Fix?
    public var fixEnd: Fix?
    public var radioStart: Radio?
    public var radioEnd: Radio?
    public var transport: Transport
    public var measurer: Measurer?
    public var campaign: String?
    public var pairId: String?
    public var osVersion: String?
    public var model: String?
    public var appBuild: String?

    public init(
        fixStart: Fix? = nil, fixMid: Fix? = nil, fixEnd: Fix? = nil, radioStart: Radio? = nil, radioEnd: Radio? = nil,
        transport: Transport = Transport(), osVersion: String? = nil, model: String? = nil, appBuild: String? = nil
    ) {
        self.fixStart = fixStart
        self.fixMid = fixMid
        self.fixEnd = fixEnd
        self.radioStart = radioStart
        self.radioEnd = radioEnd
        self.transport = transport
        self.osVersion = osVersion
        self.model = model
        self.appBuild = appBuild
    }
}
