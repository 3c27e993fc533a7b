import Foundation
import IspeedCore
import UIKit

/// What the phone knows; each part that is missing or not allowed is a member that is absent.
@MainActor
public final class Phone: RunFacts, FieldFacts {
    private let location = LocationFacts()
    private let network = NetworkFacts()
    private let radio = RadioFacts()
    private let appBuild: String

    public init(appBuild: String) {
        self.appBuild = appBuild
    }

    /// Listens until `stop()`.
    public func start(changed: @escaping @MainActor () -> Void) {
        UIDevice.current.isBatteryMonitoringEnabled = true
        location.start(changed: changed)
        network.start(changed: changed)
    }

    public func stop() {
        location.stop()
        network.stop()
        UIDevice.current.isBatteryMonitoringEnabled = false
    }

    /// Asks for the position, or for its full accuracy.
    public func askForLocation() {
        location.ask()
    }

    /// What the screens show.
    public var state: PhoneState {
        var state = PhoneState()
        state.transport = network.transport
        state.technology = radio.technology
        state.isOnline = network.isOnline
        state.location = location.state
        state.batteryPercent = batteryPercent
        state.powerSave = ProcessInfo.processInfo.isLowPowerModeEnabled
        state.dataSaver = network.isDataSaverOn
        return state
    }

    public var fix: Fix? { location.fix }

    /// Charge in per cent; a simulator tells none.
    public var batteryPercent: Int? {
        let level = UIDevice.current.batteryLevel
        return level >= 0 ? Int((level * 100).rounded()) : nil
    }

    public func atStart() -> Facts {
        Facts(
            fixStart: location.fix,
            radioStart: radio.radio,
            transport: network.transport,
            osVersion: UIDevice.current.systemVersion,
            model: Self.model,
            appBuild: appBuild
        )
    }

    public func atMiddle() -> Facts {
        Facts(fixMid: location.fix, transport: network.transport)
    }

    public func atEnd() -> Facts {
        Facts(fixEnd: location.fix, radioEnd: radio.radio, transport: network.transport)
    }

    public func change() -> Facts {
        Facts(transport: network.transport)
    }

    /// `iPhone15,4`: the same for all phones of a model.
    private static let model: String = {
        var system = utsname()
        uname(&system)
        let name = withUnsafeBytes(of: system.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return "Apple \(name)"
    }()
}
