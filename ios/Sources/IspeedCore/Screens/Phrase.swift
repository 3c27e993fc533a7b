import Foundation

/// A text of a screen before it is put into a language.
public indirect enum Phrase: Equatable, Sendable {
    /// A text of the table with its values.
    case say(Say, [Phrase])
    /// A name or code: the same in every language.
    case plain(String)
    /// A number with this many decimals.
    case number(Double, decimals: Int)
    /// An instant, shown in Vietnam's time.
    case time(micros: Int64)
    /// The time of day to the second, in Vietnam.
    case clock(micros: Int64)
    /// A day, `2026-11-27`.
    case day(iso: String)
    /// A sentence of the core, which has its own in both languages.
    case both(vi: String, en: String)
    /// Texts one after the other.
    case joined([Phrase], separator: String)
}

func say(_ key: Say, _ values: Phrase...) -> Phrase {
    .say(key, values)
}

func number(_ value: Double, decimals: Int = 0) -> Phrase {
    .number(value, decimals: decimals)
}

func number(_ value: Int) -> Phrase {
    .number(Double(value), decimals: 0)
}

/// A language.
public enum Language: String, Sendable, CaseIterable {
    case vi, en

    /// Vietnamese unless the phone says English: `identifier` is that of its first preferred language.
    public init(preferred identifier: String?) {
        let code = identifier?.prefix { $0 != "-" && $0 != "_" }.lowercased()
        self = code == Language.en.rawValue ? .en : .vi
    }
}

/// Puts texts into one language: decimal comma and day first in Vietnamese.
public struct Words: Sendable {
    public let language: Language

    public init(_ language: Language) {
        self.language = language
    }

    /// The text of a key without values.
    public func of(_ key: Say) -> String {
        of(.say(key, []))
    }

    public func of(_ phrase: Phrase) -> String {
        switch phrase {
        case .say(let key, let values): fill(language == .vi ? key.vi : key.en, values.map(of))
        case .plain(let text): text
        case .number(let value, let decimals): number(value, decimals)
        case .time(let micros): time(micros)
        case .clock(let micros): clock(micros)
        case .day(let iso): iso.split(separator: "-").reversed().joined(separator: "/")
        case .both(let vi, let en): language == .vi ? vi : en
        case .joined(let parts, let separator): parts.map(of).joined(separator: separator)
        }
    }

    /// Puts the values into the places `{0}`, `{1}` of a text. Once over the text, so that a value may hold braces.
    private func fill(_ pattern: String, _ values: [String]) -> String {
        var text = ""
        var rest = Substring(pattern)
        while let open = rest.firstIndex(of: "{") {
            text += rest[..<open]
            let after = rest.index(after: open)
            guard let close = rest[after...].firstIndex(of: "}"), let index = Int(rest[after..<close]),
                values.indices.contains(index)
            else {
                text += "{"
                rest = rest[after...]
                continue
            }
            text += values[index]
            rest = rest[rest.index(after: close)...]
        }
        return text + rest
    }

    private func number(_ value: Double, _ decimals: Int) -> String {
        let digits = String(format: "%.\(decimals)f", value)
        let sign = digits.hasPrefix("-") ? "-" : ""
        let parts = digits.dropFirst(sign.count).split(separator: ".")
        var whole = ""
        for (index, digit) in parts[0].enumerated() {
            if index > 0, (parts[0].count - index).isMultiple(of: 3) {
                whole += language == .vi ? "." : ","
            }
            whole.append(digit)
        }
        let fraction = parts.count > 1 ? (language == .vi ? "," : ".") + parts[1] : ""
        return sign + whole + fraction
    }

    private func time(_ micros: Int64) -> String {
        let at = vietnam(micros)
        return "\(two(at.hour)):\(two(at.minute)) \(two(at.day))/\(two(at.month))/\(at.year ?? 0)"
    }

    private func clock(_ micros: Int64) -> String {
        let at = vietnam(micros)
        return "\(two(at.hour)):\(two(at.minute)):\(two(at.second))"
    }

    private func two(_ value: Int?) -> String {
        String(format: "%02d", value ?? 0)
    }

    private func vietnam(_ micros: Int64) -> DateComponents {
        var calendar = Calendar(identifier: .gregorian)
        // UTC+7 all the year since 1975. By its number and not its name: a machine without time zones tells the same time.
        calendar.timeZone = TimeZone(secondsFromGMT: 7 * 3600) ?? calendar.timeZone
        let date = Date(timeIntervalSince1970: Double(micros.quotientDown(by: 1_000_000)))
        return calendar.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
    }
}

extension Int64 {
    /// Division rounded down, also before 1970.
    fileprivate func quotientDown(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
