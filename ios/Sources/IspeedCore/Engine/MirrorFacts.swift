internal import IspeedBindings

// What the phone knows, in the core's records; and the enumerations, case by case, so that a case the core gains does not
// compile here until somebody has thought of it.

extension IspeedBindings.Facts {
    init(_ from: Facts) {
        self.init(
            fixes: IspeedBindings.Fixes(
                start: from.fixStart.map { IspeedBindings.Fix($0) }, mid: from.fixMid.map { IspeedBindings.Fix($0) },
                end: from.fixEnd.map { IspeedBindings.Fix($0) }),
            radio: IspeedBindings.RadioSpan(
                start: from.radioStart.map { IspeedBindings.Radio($0) }, end: from.radioEnd.map { IspeedBindings.Radio($0) }),
            transport: IspeedBindings.Transport(from.transport),
            measurer: from.measurer.map {
                IspeedBindings.Measurer(kind: $0.isOfficial ? .official : .citizen, roleCode: $0.roleCode)
            },
            campaign: from.campaign,
            pairId: from.pairId,
            osVersion: from.osVersion,
            model: from.model,
            appBuild: from.appBuild
        )
    }
}

extension IspeedBindings.Fix {
    init(_ from: Fix) {
        self.init(
            source: from.source.core, lat: from.lat, lon: from.lon, accuracyM: from.accuracyM, atMicros: from.atMicros,
            ageMs: from.ageMs.map { UInt64(clamping: $0) }, speedMps: from.speedMps, altitudeM: from.altitudeM,
            mock: from.mock)
    }
}

extension IspeedBindings.Radio {
    init(_ from: Radio) {
        self.init(technology: from.technology.core, missing: from.missing)
    }
}

extension IspeedBindings.Transport {
    init(_ from: Transport) {
        self.init(
            kind: from.kind.core, vpn: from.vpn, roaming: from.roaming, metered: from.metered,
            captivePortal: from.captivePortal, servingPlmn: from.servingPlmn)
    }
}

extension Transport {
    init(_ from: IspeedBindings.Transport) {
        self.init(
            kind: from.kind.map { TransportKind($0) } ?? .unknown, vpn: from.vpn, roaming: from.roaming,
            metered: from.metered, captivePortal: from.captivePortal, servingPlmn: from.servingPlmn)
    }
}

extension IspeedBindings.Point {
    init(_ from: Point) {
        self.init(lat: from.lat, lon: from.lon)
    }
}

extension Point {
    init(_ from: IspeedBindings.Point) {
        self.init(lat: from.lat, lon: from.lon)
    }
}

extension IspeedBindings.DataLimits {
    init(_ from: DataLimits) {
        self.init(
            perRunBytes: from.perRunBytes.map { UInt64(clamping: $0) },
            perMonthBytes: from.perMonthBytes.map { UInt64(clamping: $0) })
    }
}

extension IspeedBindings.UploadAnswer {
    init(_ from: UploadAnswer) {
        switch from {
        case .http(let code, let headers, let body):
            let headers = headers.map { IspeedBindings.Header(name: $0.name, value: $0.value) }
            self = .http(code: UInt16(clamping: code), headers: headers, body: body)
        case .failed(let kind):
            self = .failed(kind: kind.core)
        }
    }
}

extension NetworkFailure {
    var core: IspeedBindings.NetworkFailure {
        switch self {
        case .noNetwork: .noNetwork
        case .dns: .dns
        case .connect: .connect
        case .tls: .tls
        case .timeout: .timeout
        case .cut: .cut
        case .other: .other
        }
    }
}

extension Share {
    init(_ from: IspeedBindings.Share) {
        switch from {
        case .none: self = .none
        case .commune: self = .commune
        case .precise: self = .precise
        }
    }

    var core: IspeedBindings.Share {
        switch self {
        case .none: .none
        case .commune: .commune
        case .precise: .precise
        }
    }
}

extension FixSource {
    var core: IspeedBindings.FixSource {
        switch self {
        case .gnss: .gnss
        case .fused: .fused
        case .network: .network
        case .unknown: .unknown
        }
    }
}

extension Technology {
    init(_ from: IspeedBindings.RadioTechnology) {
        switch from {
        case .g2: self = .g2
        case .g3: self = .g3
        case .g4: self = .g4
        case .g5Nsa: self = .g5Nsa
        case .g5Sa: self = .g5Sa
        case .g5: self = .g5
        case .unknown: self = .unknown
        }
    }

    var core: IspeedBindings.RadioTechnology {
        switch self {
        case .g2: .g2
        case .g3: .g3
        case .g4: .g4
        case .g5Nsa: .g5Nsa
        case .g5Sa: .g5Sa
        case .g5: .g5
        case .unknown: .unknown
        }
    }
}

extension TransportKind {
    init(_ from: IspeedBindings.TransportKind) {
        switch from {
        case .cellular: self = .cellular
        case .wifi: self = .wifi
        case .ethernet: self = .ethernet
        case .other: self = .other
        case .unknown: self = .unknown
        }
    }

    var core: IspeedBindings.TransportKind {
        switch self {
        case .cellular: .cellular
        case .wifi: .wifi
        case .ethernet: .ethernet
        case .other: .other
        case .unknown: .unknown
        }
    }
}

extension Outcome {
    init(_ from: IspeedBindings.Outcome) {
        switch from {
        case .complete: self = .complete
        case .partial: self = .partial
        case .noService: self = .noService
        case .serverFailed: self = .serverFailed
        case .aborted: self = .aborted
        }
    }
}

extension SampleState {
    init(_ from: IspeedBindings.SampleState) {
        switch from {
        case .local: self = .local
        case .waiting: self = .waiting
        case .sending: self = .sending
        case .sent: self = .sent
        case .quarantined: self = .quarantined
        }
    }
}

extension PlaceVerdict {
    init(_ from: IspeedBindings.PlaceVerdict) {
        switch from {
        case .certain: self = .certain
        case .ambiguous: self = .ambiguous
        case .outside: self = .outside
        case .approximate: self = .approximate
        case .unknown: self = .unknown
        }
    }
}

extension Phase {
    init(_ from: IspeedBindings.Phase) {
        switch from {
        case .connecting: self = .connecting
        case .latency: self = .latency
        case .download: self = .download
        case .upload: self = .upload
        case .finishing: self = .finishing
        case .done: self = .done
        }
    }
}

extension IspeedBindings.StopReason {
    /// The protocol's own word.
    var code: String {
        switch self {
        case .converged: "converged"
        case .time: "time"
        case .bytes: "bytes"
        case .aborted: "aborted"
        case .serverEnded: "server_ended"
        case .lost: "lost"
        }
    }
}

extension IspeedBindings.Flag {
    /// The protocol's own word.
    var code: String {
        switch self {
        case .unsaturated: "unsaturated"
        case .cpuLimited: "cpu_limited"
        case .burst: "burst"
        case .proxy: "proxy"
        case .serverLimited: "server_limited"
        case .byteCapped: "byte_capped"
        case .outage: "outage"
        case .variable: "variable"
        case .rwndLimited: "rwnd_limited"
        }
    }
}
