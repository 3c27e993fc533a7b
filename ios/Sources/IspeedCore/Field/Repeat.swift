/// How an official measures again and again: what the plan asks for, unless the person wants more.
public struct RepeatRules: Equatable, Sendable, Codable {
    /// The collector's spacing, unless the plan says another.
    public var everySeconds: Int = 120
    /// Most bytes of a day: twenty samples, the most that count of one device and commune a day, at the 150 MB of a usual 4G test.
    public var dayBytes: Int64 = 3_000_000_000
    /// Ends at this charge: enough to come home with a telephone that works.
    public var stopAtBatteryPercent: Int = 20
}

/// What was done so far today.
public struct RepeatSoFar: Equatable, Sendable {
    public var samples: Int = 0
    public var bytes: Int64 = 0
    public var lastEndedAtMicros: Int64?
}

/// What to do now.
public enum RepeatStep: Equatable, Sendable {
    /// Measure.
    case measure
    /// Wait until both are 0.
    case wait(seconds: Int, metres: Int)
    /// The battery is low.
    case stopBattery(percent: Int)
    /// The day's data are used up.
    case stopBudget(bytes: Int64)
    /// As many samples as may count today.
    case stopFull

    /// Whether nothing follows.
    var isEnd: Bool {
        switch self {
        case .measure, .wait: false
        case .stopBattery, .stopBudget, .stopFull: true
        }
    }
}

private let microsPerSecond: Int64 = 1_000_000

/// The next step. Spacing in time and space is the core's, from the kept plan; battery, data and a longer interval are the person's.
/// Without a position only time decides: a missing fix must not end a day of measuring, the sample itself says that it had none.
public func nextStep(
    _ rules: RepeatRules, _ soFar: RepeatSoFar, nowMicros: Int64, guide: Guide?, batteryPercent: Int?
) -> RepeatStep {
    if let batteryPercent, batteryPercent <= rules.stopAtBatteryPercent { return .stopBattery(percent: batteryPercent) }
    if soFar.bytes >= rules.dayBytes { return .stopBudget(bytes: rules.dayBytes) }
    if guide?.leftToday == 0 { return .stopFull }
    let persons = soFar.lastEndedAtMicros.map { $0 + Int64(rules.everySeconds) * microsPerSecond }
    let from = [persons, guide?.notBeforeMicros].compactMap { $0 }.max() ?? nowMicros
    let missing = max(0, from - nowMicros)
    let seconds = Int((missing + microsPerSecond - 1) / microsPerSecond)
    let metres = guide?.metresToGo ?? 0
    return seconds == 0 && metres == 0 ? .measure : .wait(seconds: seconds, metres: metres)
}
