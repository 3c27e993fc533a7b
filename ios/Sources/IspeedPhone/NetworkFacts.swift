import CFNetwork
import Foundation
import IspeedCore
import Network

/// What carries the packets.
@MainActor
final class NetworkFacts {
    private var monitor: NWPathMonitor?
    private var path: NWPath?

    func start(changed: @escaping @MainActor () -> Void) {
        stop()
        let monitor = NWPathMonitor()
        monitor.pathUpdateHandler = { @Sendable [weak self] path in
            // On the main queue, by `start(queue:)` below.
            MainActor.assumeIsolated {
                self?.path = path
                changed()
            }
        }
        monitor.start(queue: .main)
        self.monitor = monitor
    }

    func stop() {
        // A monitor that was cancelled never starts again.
        monitor?.cancel()
        monitor = nil
    }

    var isOnline: Bool {
        path?.status != .unsatisfied
    }

    /// Low Data Mode.
    var isDataSaverOn: Bool {
        path?.isConstrained == true
    }

    /// iOS tells no roaming, no captive portal and no operator: those stay unknown.
    var transport: Transport {
        Transport(kind: kind, vpn: path.map { _ in Self.isVpnOn() }, metered: path?.isExpensive)
    }

    private var kind: TransportKind {
        guard let path, path.status != .unsatisfied else { return .unknown }
        if path.usesInterfaceType(.wifi) { return .wifi }
        if path.usesInterfaceType(.wiredEthernet) { return .ethernet }
        if path.usesInterfaceType(.cellular) { return .cellular }
        return .other
    }

    /// A tunnel has proxy settings of its own under the name of its interface.
    private static func isVpnOn() -> Bool {
        guard let settings = CFNetworkCopySystemProxySettings()?.takeRetainedValue() as? [String: Any],
            let scoped = settings["__SCOPED__"] as? [String: Any]
        else { return false }
        return scoped.keys.contains { name in
            ["utun", "ipsec", "ppp", "tap", "tun"].contains { name.hasPrefix($0) }
        }
    }
}
