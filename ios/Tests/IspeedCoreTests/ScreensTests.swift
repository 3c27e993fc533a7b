import XCTest

@testable import IspeedCore

/// Every state of `tests/fixtures/screens` shows what is written there, in both languages: the same as on Android.
final class ScreensTests: XCTestCase {
    func testMeasure() throws {
        try check("measure") { given, words in
            let screen = measureScreen(
                try Fixtures.measureState(given["state"] ?? .null), try Fixtures.phone(given["phone"] ?? .null))
            return [
                "headline": text(screen.headline, words),
                "button": text(screen.button.label, words),
                "network": text(screen.network, words),
                "figure": screen.figure.map { text($0, words) },
                "interval": screen.interval.map { text($0, words) },
                "lines": texts(screen.lines, words),
                "hints": texts(screen.hints, words),
                "offers_permission": .bool(screen.offersPermission),
            ]
        }
    }

    func testResult() throws {
        try check("result") { given, words in
            let sample = try Fixtures.sample(given["sample"] ?? .null)
            let screen = resultScreen(sample)
            let detail = detailScreen(sample)
            return [
                "sentence": text(screen.sentence, words),
                "verdict": text(screen.verdict, words),
                "reasons": texts(screen.reasons, words),
                "judge": text(screen.judge, words),
                "lines": lines(screen.lines, words),
                "detail": lines(detail.lines, words),
                "share": text(detail.share, words),
            ]
        }
    }

    func testHistory() throws {
        try check("history") { given, words in
            let screen = historyScreen(try (given["samples"]?.list ?? []).map(Fixtures.sample))
            let rows = screen.rows.map { row in
                texts([row.time, row.figures, row.place, row.counts, row.state, row.spoken], words)
            }
            return ["empty": screen.empty.map { text($0, words) }, "rows": .list(rows)]
        }
    }

    func testConsent() throws {
        try check("consent") { given, words in
            let choices = Fixtures.choices(given["choices"] ?? .null)
            let screen = consentScreen(choices, estimate: try Fixtures.estimate(given["estimate"] ?? .null))
            let record = choices.consent
            return [
                "title": text(screen.title, words),
                "intro": text(screen.intro, words),
                "choices": texts(screen.choices.map(\.label), words),
                "ticked": .list(screen.choices.map { .bool($0.isTicked) }),
                "data": screen.data.map { text($0, words) },
                "may_agree": .bool(screen.mayAgree),
                "needed": screen.needed.map { text($0, words) },
                "records": .text("run \(record.run), share \(record.share.rawValue), upload \(record.upload)"),
            ]
        }
    }

    func testField() throws {
        try check("field") { given, words in
            let screen = fieldScreen(try Fixtures.field(given))
            return [
                "campaign": text(screen.campaign, words),
                "next": screen.next.map { text($0, words) },
                "communes": texts(screen.communes, words),
                "plan_until": screen.planUntil.map { text($0, words) },
                "running": texts(screen.running, words),
                "map": screen.mapSpoken.map { text($0, words) },
                "pair": screen.pair.map { text($0, words) },
                "dots": .number(Double(screen.map.dots.count)),
                "next_dots": .number(Double(screen.map.dots.filter(\.isNext).count)),
            ]
        }
    }

    private func check(_ name: String, _ shows: (JSON, Words) throws -> [String: JSON?]) throws {
        let cases = try Fixtures.read(name).list
        XCTAssertFalse(cases.isEmpty, "\(name).json is empty")
        for state in cases {
            for language in Language.allCases {
                let shown = try shows(state["given"] ?? .null, Words(language)).compactMapValues { $0 }
                let expected = state[language.rawValue]?.members ?? [:]
                let title = "\(name), \(state["name"]?.string ?? "?"), \(language)"
                for key in Set(shown.keys).union(expected.keys) {
                    XCTAssertEqual(shown[key], expected[key], "\(title): \(key)")
                }
            }
        }
    }
}

private func text(_ phrase: Phrase, _ words: Words) -> JSON {
    .text(words.of(phrase))
}

private func texts(_ phrases: [Phrase], _ words: Words) -> JSON {
    .list(phrases.map { text($0, words) })
}

private func lines(_ lines: [Line], _ words: Words) -> JSON {
    .list(lines.map { .text("\(words.of($0.label)): \(words.of($0.value))") })
}
