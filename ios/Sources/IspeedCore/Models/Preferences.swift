import Foundation

/// Where small values are kept; on a phone it is `UserDefaults`.
public protocol ValueStore: AnyObject {
    func text(_ key: String) -> String?
    func set(_ text: String?, for key: String)
}

extension UserDefaults: ValueStore {
    public func text(_ key: String) -> String? {
        string(forKey: key)
    }

    public func set(_ text: String?, for key: String) {
        set(text as Any?, forKey: key)
    }
}

/// What the person set. Nothing in it tells one device from another.
@MainActor
public final class Preferences {
    private let store: any ValueStore
    private let defaultCollector: String

    public init(store: any ValueStore, defaultCollector: String) {
        self.store = store
        self.defaultCollector = defaultCollector
    }

    /// Base URL of the collector.
    public var collector: String {
        get { store.text("collector") ?? defaultCollector }
        set { store.set(newValue, for: "collector") }
    }

    /// Certificates trusted beside the web's roots, for a collector of one's own.
    public var extraCaPem: String? {
        get { store.text("extra_ca_pem") }
        set { store.set(newValue, for: "extra_ca_pem") }
    }

    public var limits: DataLimits {
        get { DataLimits(perRunBytes: number("limit_run"), perMonthBytes: number("limit_month")) }
        set {
            store.set(newValue.perRunBytes.map(String.init), for: "limit_run")
            store.set(newValue.perMonthBytes.map(String.init), for: "limit_month")
        }
    }

    public var campaign: Campaign? {
        get { record("campaign") }
        set { keep(newValue, "campaign") }
    }

    public var repeatRules: RepeatRules {
        get { record("repeat") ?? RepeatRules() }
        set { keep(newValue, "repeat") }
    }

    private func number(_ key: String) -> Int64? {
        store.text(key).flatMap(Int64.init).flatMap { $0 > 0 ? $0 : nil }
    }

    private func record<T: Decodable>(_ key: String) -> T? {
        // A record of an older version that no longer reads is as good as none.
        store.text(key).flatMap { try? JSONDecoder().decode(T.self, from: Data($0.utf8)) }
    }

    private func keep<T: Encodable>(_ value: T?, _ key: String) {
        let data = value.flatMap { try? JSONEncoder().encode($0) }
        store.set(data.map { String(decoding: $0, as: UTF8.self) }, for: key)
    }
}
