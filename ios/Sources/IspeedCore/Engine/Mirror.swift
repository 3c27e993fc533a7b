internal import IspeedBindings

/// What the core tells of samples, in the shell's types. Names of communes come from the core's own table.
struct Mirror: Sendable {
    let communeName: @Sendable (String) -> String?

    func consent(_ from: IspeedBindings.Consent) -> Consent {
        Consent(version: from.version, run: from.run, share: Share(from.share), upload: from.upload)
    }

    func choice(_ from: Consent) -> IspeedBindings.ConsentChoice {
        IspeedBindings.ConsentChoice(version: from.version, run: from.run, share: from.share.core, upload: from.upload)
    }

    /// A line of the history.
    func entry(_ from: IspeedBindings.HistoryEntry) -> Sample {
        var sample = Sample(id: from.id, startedAtMicros: from.startedAtMicros, outcome: Outcome(from.outcome))
        sample.down = from.downBps.map { DirectionResult(goodputBps: $0) }
        sample.up = from.upBps.map { DirectionResult(goodputBps: $0) }
        sample.latency = Latency(idleMs: from.idleMs)
        if let code = from.commune {
            sample.place = Place(verdict: .certain, code: code, name: communeName(code))
        }
        sample.verdict = verdict(from.verdict, byCollector: from.judgedByCollector)
        sample.state = SampleState(from.state)
        sample.problem = from.problem.map { UploadProblem(kind: $0.kind, text: $0.text) }
        return sample
    }

    /// Everything of one sample.
    func detail(_ from: IspeedBindings.SampleDetail) -> Sample {
        let view = from.sample
        let radio = view.radio.end ?? view.radio.start
        var sample = entry(from.entry)
        sample.outcomeReason = view.outcomeReason
        sample.down = view.down.map { DirectionResult($0) }
        sample.up = view.up.map { DirectionResult($0) }
        sample.latency = Latency(view.latency)
        sample.place = place(from.collectorPlace ?? view.place)
        sample.transport = Transport(view.transport)
        sample.technology = radio.map { Technology($0.technology) } ?? .unknown
        sample.rsrpDbm = radio?.rsrpDbm
        sample.operator = view.operator
        sample.server = view.server
        sample.bytesDown = Int64(clamping: view.bytesDown)
        sample.bytesUp = Int64(clamping: view.bytesUp)
        sample.receipt = from.receipt.map { "\($0.collector) #\($0.sequence) · \($0.sampleSha256)" }
        return sample
    }

    func place(_ from: IspeedBindings.Place) -> Place {
        Place(
            verdict: PlaceVerdict(from.verdict),
            code: from.code,
            name: from.code.flatMap(communeName),
            candidates: from.candidates.map { Candidate(code: $0.code, name: communeName($0.code)) }
        )
    }

    /// The core's own sentences: what a reason means and what to do.
    private func verdict(_ from: IspeedBindings.Verdict, byCollector: Bool) -> Verdict {
        let reasons = from.reasons.map { code in
            Reason(
                code: code,
                vi: explainReason(code: code, language: .vi) ?? code,
                en: explainReason(code: code, language: .en) ?? code
            )
        }
        return Verdict(counts: from.counts, reasons: reasons, byCollector: byCollector)
    }
}

extension DirectionResult {
    init(_ from: IspeedBindings.DirectionResult) {
        self.init(
            goodputBps: from.goodputBps, lowBps: from.lowBps, highBps: from.highBps, stop: from.stopReason.code,
            flags: from.flags.map(\.code))
    }
}

extension Latency {
    init(_ from: IspeedBindings.Latency) {
        self.init(
            idleMs: from.idleMs,
            loadedDownMs: from.loadedDownMs,
            loadedUpMs: from.loadedUpMs,
            pdvMs: from.pdv95DownMs,
            lossShare: from.lossDown.flatMap { $0.sent > 0 ? Double($0.lost) / Double($0.sent) : nil }
        )
    }
}

extension Progress {
    init(_ from: IspeedBindings.Progress) {
        self.init(
            phase: Phase(from.phase), rateBps: from.rateBps, lowBps: from.lowBps, highBps: from.highBps,
            latencyMs: from.latencyMs, loadedMs: from.loadedMs, bytesDown: Int64(clamping: from.bytesDown),
            bytesUp: Int64(clamping: from.bytesUp))
    }
}

extension Estimate {
    init(_ from: IspeedBindings.Estimate) {
        self.init(
            likelyBytes: from.likelyBytes.map { Int64(clamping: $0) }, maxBytes: Int64(clamping: from.maxBytes),
            usedBytes: Int64(clamping: from.usedBytes), leftBytes: from.leftBytes.map { Int64(clamping: $0) })
    }
}

extension NextUpload {
    init(_ from: IspeedBindings.NextUpload) {
        switch from {
        case .upload(let request):
            let headers = request.headers.map { Header(name: $0.name, value: $0.value) }
            self = .upload(
                UploadRequest(id: request.id, method: request.method, url: request.url, headers: headers, body: request.body))
        case .wait(let untilMicros):
            self = .wait(untilMicros: untilMicros)
        case .done:
            self = .done
        }
    }
}

extension PlanPack {
    init(_ from: IspeedBindings.PlanPack, border: (String) -> [IspeedBindings.Line]) {
        self.init(
            communes: from.communes.map { CommunePlan($0, border: border($0.code)) },
            validUntilMicros: from.validUntilMicros
        )
    }
}

extension CommunePlan {
    init(_ from: IspeedBindings.CommunePlan, border: [IspeedBindings.Line]) {
        self.init(
            code: from.code,
            name: from.name,
            counted: Int(from.counted),
            missing: Int(from.missing),
            underSampled: from.underSampled.map {
                OperatorShortfall(operator: $0.operator, counted: Int($0.counted), wanted: Int($0.wanted))
            },
            unmeasured: from.unmeasured.map { PlanCell(cell: $0.cell, at: Point($0.centre)) },
            border: border.map { $0.points.map { Point($0) } }
        )
    }
}

extension Guide {
    init(_ from: IspeedBindings.Guide) {
        self.init(
            next: from.next.map {
                NextCell(
                    cell: $0.cell, at: Point($0.centre), distanceM: $0.distanceM,
                    wind: $0.bearingDeg.map(Wind.init(bearingDeg:)))
            },
            notBeforeMicros: from.repeat.notBeforeMicros,
            metresToGo: Int(from.repeat.metresToGo.rounded(.up)),
            leftToday: from.repeat.leftToday.map(Int.init),
            outdated: from.outdated
        )
    }
}

extension Campaign {
    init(_ from: IspeedBindings.CampaignJoin, role: String?) {
        self.init(
            code: from.code, title: from.title, startsOn: from.startsOn, endsOn: from.endsOn, role: role ?? from.role)
    }

    init(_ from: IspeedBindings.Campaign, role: String?) {
        self.init(
            code: from.code, title: from.title, startsOn: from.startsOn, endsOn: from.endsOn, role: role)
    }
}

extension Pairing {
    init(_ from: IspeedBindings.RunPair) {
        self.init(id: from.id, text: from.text, startsAtMicros: from.startHereMicros)
    }
}
