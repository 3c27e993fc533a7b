import XCTest

@testable import IspeedCore

final class WordsTests: XCTestCase {
    private let vi = Words(.vi)
    private let en = Words(.en)

    func testNumbersAreWrittenAsTheLanguageWritesThem() {
        XCTAssertEqual(vi.of(number(1234.5, decimals: 2)), "1.234,50")
        XCTAssertEqual(en.of(number(1234.5, decimals: 2)), "1,234.50")
        XCTAssertEqual(en.of(number(-1_234_567)), "-1,234,567")
        XCTAssertEqual(vi.of(number(0)), "0")
        XCTAssertEqual(vi.of(number(999)), "999")
    }

    func testTimesAreVietnams() {
        XCTAssertEqual(vi.of(.time(micros: 1_795_798_800_000_000)), "00:00 28/11/2026")
        XCTAssertEqual(vi.of(.clock(micros: 1_795_798_799_999_999)), "23:59:59")
        XCTAssertEqual(vi.of(.time(micros: -1)), "06:59 01/01/1970")
        XCTAssertEqual(en.of(.day(iso: "2026-11-28")), "28/11/2026")
    }

    func testVietnameseUnlessThePhoneSaysEnglish() {
        XCTAssertEqual(Language(preferred: "en-GB"), .en)
        XCTAssertEqual(Language(preferred: "en"), .en)
        XCTAssertEqual(Language(preferred: "vi-VN"), .vi)
        XCTAssertEqual(Language(preferred: "fr-FR"), .vi)
        XCTAssertEqual(Language(preferred: nil), .vi)
    }

    func testAmountsOfData() {
        XCTAssertEqual(vi.of(bytes(150_000_000)), "150\u{a0}MB")
        XCTAssertEqual(vi.of(bytes(2_550_000_000)), "2,55\u{a0}GB")
        XCTAssertEqual(en.of(bytes(20_400)), "20\u{a0}KB")
    }

    func testWhatWasNotMeasuredIsNotZero() {
        XCTAssertEqual(vi.of(speed(nil)), "không đo được")
        XCTAssertEqual(en.of(latency(nil)), "not measured")
        XCTAssertEqual(en.of(percent(0)), "0.00\u{a0}%")
    }

    func testAValueMayHoldBraces() {
        XCTAssertEqual(en.of(say(.problemInput, .plain("{0} {1"))), "Not valid: {0} {1")
    }

    func testTheTableInTheAppIsTheSharedOne() throws {
        let table = try Fixtures.read("strings").members
        XCTAssertEqual(Set(Say.allCases.map(\.rawValue)), Set(table.keys))
        for key in Say.allCases {
            XCTAssertEqual(key.vi, table[key.rawValue]?["vi"]?.string, key.rawValue)
            XCTAssertEqual(key.en, table[key.rawValue]?["en"]?.string, key.rawValue)
        }
    }

    func testAndroidSaysTheSame() throws {
        for language in Language.allCases {
            let folder = language == .vi ? "values" : "values-en"
            let file = Fixtures.repository.appendingPathComponent("android/app/src/main/res/\(folder)/strings.xml")
            let android = try AndroidStrings.read(file)
            for key in Say.allCases {
                let words = language == .vi ? key.vi : key.en
                XCTAssertEqual(android[key.rawValue], words, "\(key.rawValue) in \(language)")
            }
            XCTAssertEqual(android.count, Say.allCases.count, "texts that only Android has, in \(language)")
        }
    }
}

/// Android's `strings.xml`, read back into the form of the shared table.
private enum AndroidStrings {
    static func read(_ file: URL) throws -> [String: String] {
        let text = try String(contentsOf: file, encoding: .utf8)
        var strings: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let name = between(line, "<string name=\"", "\""), let words = between(line, "\">", "</string>") else {
                continue
            }
            strings[String(name)] = unescaped(String(words))
        }
        return strings
    }

    private static func between(_ line: Substring, _ open: String, _ close: String) -> Substring? {
        guard let from = line.range(of: open)?.upperBound, let to = line.range(of: close, range: from..<line.endIndex) else {
            return nil
        }
        return line[from..<to.lowerBound]
    }

    private static func unescaped(_ words: String) -> String {
        var text = words
        let isFormat = text.contains("%1$s")
        for index in 0..<9 {
            text = text.replacingOccurrences(of: "%\(index + 1)$s", with: "{\(index)}")
        }
        if isFormat { text = text.replacingOccurrences(of: "%%", with: "%") }
        let escapes = [
            ("&lt;", "<"), ("&amp;", "&"), ("\\u0020", " "), ("\\u00a0", "\u{a0}"), ("\\'", "'"),
            ("\\\"", "\""), ("\\n", "\n"), ("\\\\", "\\"),
        ]
        for (escaped, plain) in escapes {
            text = text.replacingOccurrences(of: escaped, with: plain)
        }
        return text
    }
}
