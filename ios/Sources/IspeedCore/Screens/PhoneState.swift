/// What the phone knows of its position.
public enum LocationState: Equatable, Sendable {
    /// The person did not allow it.
    case denied
    /// The person allowed the approximate position only (reduced accuracy).
    case coarseOnly
    /// It is allowed and switched off.
    case off
    /// No fix yet.
    case waiting
    /// A fix.
    case known(Fix)

    /// The fix, where there is one.
    public var fix: Fix? {
        if case .known(let fix) = self { fix } else { nil }
    }
}

/// What the phone knows before a run. iOS tells no operator, no slot and no airplane mode; those members keep their defaults.
public struct PhoneState: Equatable, Sendable {
    public var transport = Transport()
    public var operatorName: String?
    public var technology = Technology.unknown
    public var isOnline = true
    public var airplaneMode = false
    public var location = LocationState.waiting
    public var batteryPercent: Int?
    public var powerSave = false
    public var dataSaver = false
    public var dataSimSlot: Int?

    public init() {}
}

/// One line: what carries the packets.
func networkLine(_ phone: PhoneState) -> Phrase {
    guard phone.isOnline else { return say(.networkNone) }
    switch phone.transport.kind {
    case .wifi: return say(.networkWifi)
    case .ethernet: return say(.networkEthernet)
    case .cellular: return say(.networkLine, operatorLine(phone), technology(phone.technology))
    case .other, .unknown: return say(.networkOther)
    }
}

func operatorLine(_ phone: PhoneState) -> Phrase {
    phone.operatorName.map(Phrase.plain) ?? say(.networkUnknown)
}

/// Name of a technology.
func technology(_ technology: Technology) -> Phrase {
    switch technology {
    case .g2: say(.technology2g)
    case .g3: say(.technology3g)
    case .g4: say(.technology4g)
    case .g5: say(.technology5g)
    case .g5Nsa: say(.technology5gNsa)
    case .g5Sa: say(.technology5gSa)
    case .unknown: say(.technologyUnknown)
    }
}

/// What a person should know or do before measuring; whether a sample counts is the core's to say.
func hints(_ phone: PhoneState) -> [Phrase] {
    var hints: [Phrase] = []
    if phone.airplaneMode { hints.append(say(.beforeAirplane)) }
    if !phone.isOnline && !phone.airplaneMode { hints.append(say(.beforeOffline)) }
    if phone.transport.kind == .wifi { hints.append(say(.beforeWifi)) }
    if phone.transport.vpn == true { hints.append(say(.beforeVpn)) }
    if phone.transport.roaming == true { hints.append(say(.beforeRoaming)) }
    if phone.transport.captivePortal == true { hints.append(say(.beforePortal)) }
    if let hint = locationHint(phone.location) { hints.append(hint) }
    if phone.powerSave {
        hints.append(phone.batteryPercent.map { say(.beforeBattery, number($0)) } ?? say(.beforePowerSave))
    }
    if phone.dataSaver { hints.append(say(.beforeDataSaver)) }
    return hints
}

private func locationHint(_ location: LocationState) -> Phrase? {
    switch location {
    case .denied: say(.beforeLocationDenied)
    case .coarseOnly: say(.beforeLocationCoarse)
    case .off: say(.beforeLocationOff)
    case .waiting: say(.beforeLocationWait)
    case .known(let fix): fix.mock == true ? say(.beforeMock) : nil
    }
}

/// Radius of the fix, where there is one.
func accuracyLine(_ location: LocationState) -> Phrase? {
    location.fix?.accuracyM.map { say(.locationAccuracy, number($0)) }
}
