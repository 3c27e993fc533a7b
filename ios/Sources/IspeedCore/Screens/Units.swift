private let bitsPerMegabit = 1_000_000.0
private let bytesPerKB = 1_000.0
private let bytesPerMB = 1_000_000.0
private let bytesPerGB = 1_000_000_000.0
private let metresPerKm = 1_000.0

/// Two decimals, as VNNIC publishes speeds.
private let resultDecimals = 2

/// What was not measured is said so, never 0.
let notMeasured = say(.valueNone)

/// Mbps without the unit.
func megabits(_ bps: Double, decimals: Int = resultDecimals) -> Phrase {
    number(bps / bitsPerMegabit, decimals: decimals)
}

/// A speed with its unit.
func speed(_ bps: Double?) -> Phrase {
    bps.map { say(.valueMbps, megabits($0)) } ?? notMeasured
}

/// A latency with its unit, without decimals.
func latency(_ ms: Double?) -> Phrase {
    ms.map { say(.valueMs, number($0)) } ?? notMeasured
}

/// A share of one as per cent.
func percent(_ share: Double?) -> Phrase {
    share.map { say(.valuePercent, number($0 * 100, decimals: resultDecimals)) } ?? notMeasured
}

/// An amount of data, decimal units as operators sell it.
public func bytes(_ count: Int64) -> Phrase {
    let count = Double(count)
    if count >= bytesPerGB { return say(.valueGb, number(count / bytesPerGB, decimals: resultDecimals)) }
    if count >= bytesPerMB { return say(.valueMb, number(count / bytesPerMB)) }
    return say(.valueKb, number(count / bytesPerKB))
}

/// A distance: metres up to one kilometre.
func distance(_ metres: Double) -> Phrase {
    metres < metresPerKm ? say(.valueM, number(metres.rounded())) : say(.valueKm, number(metres / metresPerKm, decimals: 1))
}
