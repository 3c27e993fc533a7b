import CoreTelephony
import IspeedCore

/// The radio technology of the SIM that carries data. Signal, cell and operator have no interface on iOS.
@MainActor
final class RadioFacts {
    private let info = CTTelephonyNetworkInfo()

    var radio: Radio {
        Radio(technology: technology, missing: Missing.api)
    }

    var technology: Technology {
        let all = info.serviceCurrentRadioAccessTechnology ?? [:]
        // The service id is opaque: it tells which of two SIMs carries data, and nothing of the SIM.
        let name = info.dataServiceIdentifier.flatMap { all[$0] } ?? (all.count == 1 ? all.values.first : nil)
        return name.map(Technology.init(radioAccessTechnology:)) ?? .unknown
    }
}

extension Technology {
    init(radioAccessTechnology name: String) {
        switch name {
        case CTRadioAccessTechnologyGPRS, CTRadioAccessTechnologyEdge, CTRadioAccessTechnologyCDMA1x:
            self = .g2
        case CTRadioAccessTechnologyWCDMA, CTRadioAccessTechnologyHSDPA, CTRadioAccessTechnologyHSUPA,
            CTRadioAccessTechnologyCDMAEVDORev0, CTRadioAccessTechnologyCDMAEVDORevA, CTRadioAccessTechnologyCDMAEVDORevB,
            CTRadioAccessTechnologyeHRPD:
            self = .g3
        case CTRadioAccessTechnologyLTE:
            self = .g4
        case CTRadioAccessTechnologyNRNSA:
            self = .g5Nsa
        case CTRadioAccessTechnologyNR:
            self = .g5Sa
        default:
            self = .unknown
        }
    }
}
