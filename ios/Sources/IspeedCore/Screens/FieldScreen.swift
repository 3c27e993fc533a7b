/// Half the diagonal of a 200 m cell: nearer than this, one stands in it or at its edge.
private let atCellM = 141.0

/// What runs again and again.
public struct Repeating: Equatable, Sendable {
    public var samples: Int
    public var bytes: Int64
    public var batteryPercent: Int?
    public var step: RepeatStep
}

/// What the field screen knows.
public struct FieldState: Equatable, Sendable {
    public var campaign: Campaign?
    public var plan: PlanPack?
    public var guide: Guide?
    public var here: Point?
    public var repeating: Repeating?
    public var pair: Pairing?
    public var nowMicros: Int64 = 0
    public var problem: Phrase?

    /// Whether another run will follow by itself; why it ended stays in `repeating`.
    public var isRepeating: Bool {
        repeating.map { !$0.step.isEnd } ?? false
    }
}

/// One cell of the own-drawn map.
public struct Dot: Equatable, Sendable {
    public var at: Point
    public var isNext: Bool
}

/// The own-drawn map: borders, cells without a sample, the person.
public struct FieldMap: Equatable, Sendable {
    public var borders: [[Point]]
    public var dots: [Dot]
    public var here: Point?
}

/// What an official sees.
public struct FieldScreen: Equatable, Sendable {
    public var campaign: Phrase
    public var next: Phrase?
    public var communes: [Phrase]
    public var planUntil: Phrase?
    public var running: [Phrase]
    public var map: FieldMap
    public var mapSpoken: Phrase?
    public var pair: Phrase?
    public var problem: Phrase?
}

/// The screen of a state.
public func fieldScreen(_ state: FieldState) -> FieldScreen {
    let communes = state.plan?.communes ?? []
    let target = state.guide?.next.first
    let next = state.plan.map { _ in nextText(target) }
    let dots = communes.flatMap(\.unmeasured).map { Dot(at: $0.at, isNext: $0.cell == target?.cell) }
    return FieldScreen(
        campaign: state.campaign.map(campaignText) ?? say(.fieldNone),
        next: next,
        communes: communes.flatMap(communeTexts),
        planUntil: state.plan.map { planText($0, state) },
        running: state.repeating.map(repeatingTexts) ?? [],
        map: FieldMap(borders: communes.flatMap(\.border), dots: dots, here: state.here),
        mapSpoken: next.map { say(.fieldMapSpoken, number(dots.count), $0) },
        pair: state.pair.map { say(.fieldPairWait, .clock(micros: $0.startsAtMicros), .plain($0.text)) },
        problem: state.problem
    )
}

private func planText(_ plan: PlanPack, _ state: FieldState) -> Phrase {
    let isOld = state.guide?.outdated == true || plan.validUntilMicros <= state.nowMicros
    return isOld ? say(.fieldPlanOld) : say(.fieldPlanUntil, .time(micros: plan.validUntilMicros))
}

private func nextText(_ target: NextCell?) -> Phrase {
    guard let target else { return say(.fieldNextNone) }
    guard let metres = target.distanceM else { return say(.beforeLocationWait) }
    guard metres > atCellM, let wind = target.wind else { return say(.fieldNextHere) }
    return say(.fieldNext, distance(metres), windText(wind))
}

private func windText(_ wind: Wind) -> Phrase {
    switch wind {
    case .n: say(.directionN)
    case .ne: say(.directionNe)
    case .e: say(.directionE)
    case .se: say(.directionSe)
    case .s: say(.directionS)
    case .sw: say(.directionSw)
    case .w: say(.directionW)
    case .nw: say(.directionNw)
    }
}

private func campaignText(_ campaign: Campaign) -> Phrase {
    say(
        .fieldCampaign, .plain(campaign.title), .plain(campaign.code), .day(iso: campaign.startsOn), .day(iso: campaign.endsOn))
}

private func communeTexts(_ commune: CommunePlan) -> [Phrase] {
    let name = Phrase.plain(commune.name)
    let counted = number(commune.counted)
    let quota = number(commune.counted + commune.missing)
    var texts = [
        commune.missing == 0
            ? say(.fieldReached, name, counted) : say(.fieldShort, name, counted, quota, number(commune.missing))
    ]
    if !commune.underSampled.isEmpty {
        let wanted = commune.underSampled.map { Phrase.plain("\(operatorName($0.operator)) \($0.counted)/\($0.wanted)") }
        texts.append(say(.fieldOperatorWanted, .joined(wanted, separator: ", ")))
    }
    return texts
}

private func repeatingTexts(_ repeating: Repeating) -> [Phrase] {
    let (samples, used) = (number(repeating.samples), bytes(repeating.bytes))
    let running =
        repeating.batteryPercent.map { say(.fieldRunning, samples, used, number($0)) }
        ?? say(.fieldRunningWithoutBattery, samples, used)
    switch repeating.step {
    case .measure: return [running]
    case .wait(let seconds, let metres): return [running, say(.fieldNextSpacing, number(seconds), number(metres))]
    case .stopBattery(let percent): return [say(.fieldStoppedBattery, number(percent))]
    case .stopBudget(let most): return [say(.fieldStoppedBudget, bytes(most))]
    case .stopFull: return [say(.fieldStoppedFull)]
    }
}
