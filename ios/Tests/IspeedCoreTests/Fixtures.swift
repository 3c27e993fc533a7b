import Foundation

@testable import IspeedCore

/// What a fixture lacks.
struct BadFixture: Error, CustomStringConvertible {
    let description: String
}

/// Reads `tests/fixtures/screens`, the states that all phones share.
enum Fixtures {
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let folder = repository.appendingPathComponent("tests/fixtures/screens")

    static func read(_ name: String) throws -> JSON {
        try JSONDecoder().decode(JSON.self, from: Data(contentsOf: folder.appendingPathComponent("\(name).json")))
    }

    static func measureState(_ json: JSON) throws -> MeasureState {
        if let ready = json["ready"] {
            return .ready(estimate: try ready["estimate"].map(estimate), waiting: ready["waiting"]?.int ?? 0)
        }
        if let running = json["running"] { return .running(try progress(running)) }
        if let refused = json["refused"] {
            return .refused(kind: try text(refused, "kind"), message: try text(refused, "message"))
        }
        return .over(try sample(try member(json, "over")))
    }

    static func estimate(_ json: JSON) throws -> Estimate {
        Estimate(
            likelyBytes: json["likely_bytes"]?.int64, maxBytes: try int64(json, "max_bytes"),
            usedBytes: json["used_bytes"]?.int64 ?? 0, leftBytes: json["left_bytes"]?.int64)
    }

    private static func progress(_ json: JSON) throws -> IspeedCore.Progress {
        IspeedCore.Progress(
            phase: try code(json, "phase"), rateBps: json["rate_bps"]?.double, lowBps: json["low_bps"]?.double,
            highBps: json["high_bps"]?.double, latencyMs: json["latency_ms"]?.double, loadedMs: json["loaded_ms"]?.double,
            bytesDown: json["bytes_down"]?.int64 ?? 0, bytesUp: json["bytes_up"]?.int64 ?? 0)
    }

    static func phone(_ json: JSON) throws -> PhoneState {
        var phone = PhoneState()
        phone.transport = try transport(try member(json, "transport"))
        phone.operatorName = json["operator"]?.string
        phone.technology = try technology(json)
        phone.isOnline = json["online"]?.bool ?? true
        phone.airplaneMode = json["airplane_mode"]?.bool ?? false
        phone.location = try location(json["location"])
        phone.batteryPercent = json["battery_percent"]?.int
        phone.powerSave = json["power_save"]?.bool ?? false
        phone.dataSaver = json["data_saver"]?.bool ?? false
        phone.dataSimSlot = json["data_sim_slot"]?.int
        return phone
    }

    private static func location(_ json: JSON?) throws -> LocationState {
        switch json {
        case .some(.text("denied")): return .denied
        case .some(.text("coarse_only")): return .coarseOnly
        case .some(.text("off")): return .off
        case .some(.object): return .known(try fix(try member(json ?? .null, "fix")))
        default: return .waiting
        }
    }

    private static func fix(_ json: JSON) throws -> Fix {
        Fix(
            lat: try double(json, "lat"), lon: try double(json, "lon"), accuracyM: json["accuracy_m"]?.double,
            ageMs: json["age_ms"]?.int64, mock: json["mock"]?.bool, source: try code(json, "source"))
    }

    private static func transport(_ json: JSON) throws -> Transport {
        Transport(
            kind: try code(json, "kind"), vpn: json["vpn"]?.bool, roaming: json["roaming"]?.bool,
            captivePortal: json["captive_portal"]?.bool, servingPlmn: json["serving_plmn"]?.string)
    }

    private static func technology(_ json: JSON) throws -> Technology {
        json["technology"] == nil ? .unknown : try code(json, "technology")
    }

    static func sample(_ json: JSON) throws -> Sample {
        var sample = Sample(
            id: try text(json, "id"), startedAtMicros: try int64(json, "started_at_micros"), outcome: try code(json, "outcome"),
            outcomeReason: json["outcome_reason"]?.string)
        sample.down = json["down"].map(direction)
        sample.up = json["up"].map(direction)
        sample.latency = json["latency"].map(latency) ?? Latency()
        sample.place = try place(try member(json, "place"))
        sample.transport = try transport(try member(json, "transport"))
        sample.technology = try technology(json)
        sample.rsrpDbm = json["rsrp_dbm"]?.double
        sample.operator = json["operator"]?.string
        sample.server = json["server"]?.string
        sample.bytesDown = try int64(json, "bytes_down")
        sample.bytesUp = try int64(json, "bytes_up")
        sample.verdict = try verdict(try member(json, "verdict"))
        sample.state = try code(json, "state")
        sample.problem = try json["problem"].map { UploadProblem(kind: try text($0, "kind"), text: try text($0, "text")) }
        sample.receipt = json["receipt"]?.string
        return sample
    }

    private static func direction(_ json: JSON) -> DirectionResult {
        DirectionResult(
            goodputBps: json["goodput_bps"]?.double, lowBps: json["low_bps"]?.double, highBps: json["high_bps"]?.double,
            stop: json["stop"]?.string, flags: json["flags"]?.list.compactMap(\.string) ?? [])
    }

    private static func latency(_ json: JSON) -> Latency {
        Latency(
            idleMs: json["idle_ms"]?.double, loadedDownMs: json["loaded_down_ms"]?.double,
            loadedUpMs: json["loaded_up_ms"]?.double, pdvMs: json["pdv_ms"]?.double, lossShare: json["loss_share"]?.double)
    }

    private static func place(_ json: JSON) throws -> Place {
        Place(
            verdict: try code(json, "verdict"), code: json["code"]?.string, name: json["name"]?.string,
            candidates: try (json["candidates"]?.list ?? []).map {
                Candidate(code: try text($0, "code"), name: $0["name"]?.string)
            })
    }

    private static func verdict(_ json: JSON) throws -> Verdict {
        Verdict(
            counts: try bool(json, "counts"),
            reasons: try (json["reasons"]?.list ?? []).map {
                Reason(code: try text($0, "code"), vi: try text($0, "vi"), en: try text($0, "en"))
            }, byCollector: json["by_collector"]?.bool ?? false)
    }

    static func choices(_ json: JSON) -> Choices {
        var choices = Choices()
        choices.run = json["run"]?.bool ?? false
        choices.upload = json["upload"]?.bool ?? false
        choices.commune = json["commune"]?.bool ?? false
        choices.precise = json["precise"]?.bool ?? false
        return choices
    }

    static func field(_ json: JSON) throws -> FieldState {
        var state = FieldState()
        state.campaign = try json["campaign"].map(campaign)
        state.plan = try json["plan"].map(plan)
        state.guide = try json["guide"].map(guide)
        state.here = try json["here"].map(point)
        state.repeating = try json["repeating"].map(repeating)
        state.nowMicros = try int64(json, "now_micros")
        state.pair = try json["pair"].map {
            Pairing(id: try text($0, "id"), text: try text($0, "text"), startsAtMicros: try int64($0, "starts_at_micros"))
        }
        return state
    }

    private static func campaign(_ json: JSON) throws -> Campaign {
        Campaign(
            code: try text(json, "code"), title: try text(json, "title"), startsOn: try text(json, "starts_on"),
            endsOn: try text(json, "ends_on"), role: json["role"]?.string)
    }

    private static func point(_ json: JSON) throws -> Point {
        Point(lat: try double(json, "lat"), lon: try double(json, "lon"))
    }

    private static func plan(_ json: JSON) throws -> PlanPack {
        PlanPack(
            communes: try (json["communes"]?.list ?? []).map { commune in
                CommunePlan(
                    code: try text(commune, "code"), name: try text(commune, "name"), counted: try int(commune, "counted"),
                    missing: try int(commune, "missing"),
                    underSampled: try (commune["under_sampled"]?.list ?? []).map {
                        OperatorShortfall(
                            operator: try text($0, "operator"), counted: try int($0, "counted"), wanted: try int($0, "wanted"))
                    },
                    unmeasured: try (commune["unmeasured"]?.list ?? []).map {
                        PlanCell(cell: try text($0, "cell"), at: try point($0))
                    })
            }, validUntilMicros: try int64(json, "valid_until_micros"))
    }

    private static func guide(_ json: JSON) throws -> Guide {
        Guide(
            next: try (json["next"]?.list ?? []).map {
                NextCell(
                    cell: try text($0, "cell"), at: try point($0), distanceM: $0["distance_m"]?.double,
                    wind: $0["wind"] == nil ? nil : try code($0, "wind") as Wind)
            }, outdated: json["outdated"]?.bool ?? false)
    }

    private static func repeating(_ json: JSON) throws -> Repeating {
        Repeating(
            samples: try int(json, "samples"), bytes: try int64(json, "bytes"), batteryPercent: json["battery_percent"]?.int,
            step: try step(try member(json, "step")))
    }

    private static func step(_ json: JSON) throws -> RepeatStep {
        if json == .text("measure") { return .measure }
        if json == .text("stop_full") { return .stopFull }
        if let wait = json["wait"] { return .wait(seconds: try int(wait, "seconds"), metres: try int(wait, "metres")) }
        if let percent = json["stop_battery"]?.int { return .stopBattery(percent: percent) }
        return .stopBudget(bytes: try int64(json, "stop_budget"))
    }

    private static func member(_ json: JSON, _ key: String) throws -> JSON {
        guard let value = json[key] else { throw BadFixture(description: "\(key) is missing in \(json)") }
        return value
    }

    private static func value<T>(_ json: JSON, _ key: String, _ read: (JSON) -> T?) throws -> T {
        guard let value = read(try member(json, key)) else {
            throw BadFixture(description: "\(key) is not a \(T.self) in \(json)")
        }
        return value
    }

    private static func text(_ json: JSON, _ key: String) throws -> String { try value(json, key, \.string) }
    private static func double(_ json: JSON, _ key: String) throws -> Double { try value(json, key, \.double) }
    private static func int(_ json: JSON, _ key: String) throws -> Int { try value(json, key, \.int) }
    private static func int64(_ json: JSON, _ key: String) throws -> Int64 { try value(json, key, \.int64) }
    private static func bool(_ json: JSON, _ key: String) throws -> Bool { try value(json, key, \.bool) }

    /// A value of an enumeration by the protocol's own word.
    private static func code<T: RawRepresentable<String>>(_ json: JSON, _ key: String) throws -> T {
        try value(json, key) { $0.string.flatMap(T.init(rawValue:)) }
    }
}
