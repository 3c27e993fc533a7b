import CoreLocation
import IspeedCore

/// The position, while the app is in front. Nobody is asked before they have agreed to measure.
@MainActor
final class LocationFacts: NSObject, CLLocationManagerDelegate {
    /// Key in `NSLocationTemporaryUsageDescriptionDictionary`.
    private static let fullAccuracyPurpose = "Commune"
    /// An older position says nothing of where the phone is now.
    private static let oldestSeconds: TimeInterval = 60

    private let manager = CLLocationManager()
    private var latest: Fix?
    private var areServicesOff = false
    private var changed: @MainActor () -> Void = {}

    func start(changed: @escaping @MainActor () -> Void) {
        self.changed = changed
        manager.delegate = self
        manager.desiredAccuracy = kCLLocationAccuracyBest
        if isAllowed { manager.startUpdatingLocation() }
    }

    func stop() {
        manager.stopUpdatingLocation()
    }

    /// Asks for the permission, or for the full accuracy of one that was given reduced.
    func ask() {
        if isAllowed, manager.accuracyAuthorization == .reducedAccuracy {
            manager.requestTemporaryFullAccuracyAuthorization(withPurposeKey: Self.fullAccuracyPurpose) { _ in }
        } else {
            manager.requestWhenInUseAuthorization()
        }
    }

    var state: LocationState {
        if areServicesOff { return .off }
        guard isAllowed else { return .denied }
        guard manager.accuracyAuthorization == .fullAccuracy else { return .coarseOnly }
        return fix.map(LocationState.known) ?? .waiting
    }

    /// The newest position with its age now. A reduced one is handed on too: its radius of kilometres says what it is worth.
    var fix: Fix? {
        guard var fix = latest, let at = fix.atMicros else { return nil }
        let ageMs = max(0, nowMicros() - at) / 1_000
        guard Double(ageMs) <= Self.oldestSeconds * 1_000 else { return nil }
        fix.ageMs = ageMs
        return fix
    }

    private var isAllowed: Bool {
        manager.authorizationStatus == .authorizedWhenInUse || manager.authorizationStatus == .authorizedAlways
    }

    // CoreLocation calls on the thread that made the manager, which is the main one.

    nonisolated func locationManager(_ manager: CLLocationManager, didUpdateLocations locations: [CLLocation]) {
        guard let location = locations.last, let fix = Fix(location) else { return }
        MainActor.assumeIsolated {
            latest = fix
            changed()
        }
    }

    nonisolated func locationManager(_ manager: CLLocationManager, didFailWithError error: any Error) {
        // No position is a state the screen shows; CoreLocation goes on trying.
    }

    nonisolated func locationManagerDidChangeAuthorization(_ manager: CLLocationManager) {
        MainActor.assumeIsolated {
            if isAllowed { self.manager.startUpdatingLocation() }
            changed()
        }
        Task {
            // It may wait for another process, which the main thread must not.
            let areOff = await Task.detached { !CLLocationManager.locationServicesEnabled() }.value
            await tell(areOff)
        }
    }

    private func tell(_ areOff: Bool) {
        areServicesOff = areOff
        changed()
    }
}

extension Fix {
    /// `nil` for a location that says itself that it is none.
    init?(_ location: CLLocation) {
        guard location.horizontalAccuracy >= 0 else { return nil }
        self.init(
            lat: location.coordinate.latitude,
            lon: location.coordinate.longitude,
            accuracyM: location.horizontalAccuracy,
            atMicros: Int64(location.timestamp.timeIntervalSince1970 * 1_000_000),
            speedMps: location.speed >= 0 ? location.speed : nil,
            altitudeM: location.verticalAccuracy > 0 ? location.altitude : nil,
            mock: location.sourceInformation?.isSimulatedBySoftware,
            // iOS mixes satellites, cells and Wi-Fi and does not say which.
            source: .fused
        )
    }
}
