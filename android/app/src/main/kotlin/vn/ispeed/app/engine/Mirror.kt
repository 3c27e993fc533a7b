package vn.ispeed.app.engine

import kotlin.math.ceil
import vn.ispeed.core.Facts as CoreFacts
import vn.ispeed.core.Fix as CoreFix
import vn.ispeed.core.Language
import vn.ispeed.core.Radio as CoreRadio
import vn.ispeed.core.Transport as CoreTransport
import vn.ispeed.core.explainReason

/** The core's records in the shell's types, and back. */
internal class Mirror(private val communeName: (String) -> String?) {
    fun consent(from: vn.ispeed.core.Consent) =
        Consent(from.version, from.atMicros, from.run, Share.valueOf(from.share.name), from.upload)

    fun choice(from: Consent) = vn.ispeed.core.ConsentChoice(
        version = from.version,
        run = from.run,
        share = vn.ispeed.core.Share.valueOf(from.share.name),
        upload = from.upload,
    )

    fun estimate(from: vn.ispeed.core.Estimate) = Estimate(
        likelyBytes = from.likelyBytes?.toLong(),
        maxBytes = from.maxBytes.toLong(),
        usedBytes = from.usedBytes.toLong(),
        leftBytes = from.leftBytes?.toLong(),
    )

    fun progress(from: vn.ispeed.core.Progress) = Progress(
        phase = Phase.valueOf(from.phase.name),
        rateBps = from.rateBps,
        lowBps = from.lowBps,
        highBps = from.highBps,
        latencyMs = from.latencyMs,
        loadedMs = from.loadedMs,
        bytesDown = from.bytesDown.toLong(),
        bytesUp = from.bytesUp.toLong(),
    )

    fun facts(from: Facts) = CoreFacts(
        fixes = vn.ispeed.core.Fixes(from.fixStart?.let(::fix), from.fixMid?.let(::fix), from.fixEnd?.let(::fix)),
        radio = vn.ispeed.core.RadioSpan(from.radioStart?.let(::radio), from.radioEnd?.let(::radio)),
        transport = transport(from.transport),
        surroundings = from.surroundings?.let { vn.ispeed.core.Surroundings.valueOf(it.name) },
        measurer = from.measurer?.let(::measurer),
        campaign = from.campaign,
        pairId = from.pairId,
        osVersion = from.osVersion,
        model = from.model,
        appBuild = from.appBuild,
    )

    private fun measurer(from: Measurer): vn.ispeed.core.Measurer {
        val kind = if (from.official) vn.ispeed.core.MeasurerKind.OFFICIAL else vn.ispeed.core.MeasurerKind.CITIZEN
        return vn.ispeed.core.Measurer(kind, from.roleCode)
    }

    private fun fix(from: Fix) = CoreFix(
        lat = from.lat,
        lon = from.lon,
        accuracyM = from.accuracyM,
        atMicros = from.atMicros,
        ageMs = from.ageMs?.toULong(),
        speedMps = from.speedMps,
        altitudeM = from.altitudeM,
        mock = from.mock,
        source = vn.ispeed.core.FixSource.valueOf(from.source.name),
    )

    private fun radio(from: Radio) = CoreRadio(
        technology = vn.ispeed.core.RadioTechnology.valueOf(from.technology.name),
        rsrpDbm = from.rsrpDbm,
        rsrqDb = from.rsrqDb,
        sinrDb = from.sinrDb,
        cellId = from.cellId,
        pci = from.pci?.toUInt(),
        areaCode = from.areaCode?.toUInt(),
        arfcn = from.arfcn?.toUInt(),
        band = from.band,
        missing = from.missing,
    )

    private fun transport(from: Transport) = CoreTransport(
        kind = vn.ispeed.core.TransportKind.valueOf(from.kind.name),
        vpn = from.vpn,
        roaming = from.roaming,
        metered = from.metered,
        captivePortal = from.captivePortal,
        changed = from.changed,
        servingPlmn = from.servingPlmn,
        simPlmn = from.simPlmn,
        simBrand = from.simBrand,
    )

    private fun transport(from: CoreTransport) = Transport(
        kind = from.kind?.let { TransportKind.valueOf(it.name) } ?: TransportKind.UNKNOWN,
        vpn = from.vpn,
        roaming = from.roaming,
        metered = from.metered,
        captivePortal = from.captivePortal,
        changed = from.changed,
        servingPlmn = from.servingPlmn,
        simPlmn = from.simPlmn,
        simBrand = from.simBrand,
    )

    /** A line of the history. */
    fun entry(from: vn.ispeed.core.HistoryEntry) = Sample(
        id = from.id,
        startedAtMicros = from.startedAtMicros,
        outcome = Outcome.valueOf(from.outcome.name),
        down = from.downBps?.let { DirectionResult(it) },
        up = from.upBps?.let { DirectionResult(it) },
        latency = Latency(idleMs = from.idleMs),
        place = from.commune?.let { Place(PlaceVerdict.CERTAIN, it, communeName(it)) } ?: Place(PlaceVerdict.UNKNOWN),
        verdict = verdict(from.verdict, from.judgedByCollector),
        state = SampleState.valueOf(from.state.name),
        problem = from.problem?.let { UploadProblem(it.kind, it.text) },
    )

    /** Everything of one sample. */
    fun detail(from: vn.ispeed.core.SampleDetail): Sample {
        val (entry, view) = from.entry to from.sample
        return entry(entry).copy(
            outcomeReason = view.outcomeReason,
            down = view.down?.let(::direction),
            up = view.up?.let(::direction),
            latency = latency(view.latency),
            place = place(from.collectorPlace ?: view.place),
            transport = transport(view.transport),
            technology = (view.radio.end ?: view.radio.start)?.let { Technology.valueOf(it.technology.name) } ?: Technology.UNKNOWN,
            rsrpDbm = (view.radio.end ?: view.radio.start)?.rsrpDbm,
            operator = view.operator,
            server = view.server,
            bytesDown = view.bytesDown.toLong(),
            bytesUp = view.bytesUp.toLong(),
            receipt = from.receipt?.let { "${it.collector} #${it.sequence} · ${it.sampleSha256}" },
        )
    }

    private fun direction(from: vn.ispeed.core.DirectionResult) = DirectionResult(
        goodputBps = from.goodputBps,
        lowBps = from.lowBps,
        highBps = from.highBps,
        stop = from.stopReason.name.lowercase(),
        flags = from.flags.map { it.name.lowercase() },
    )

    private fun latency(from: vn.ispeed.core.Latency) = Latency(
        idleMs = from.idleMs,
        loadedDownMs = from.loadedDownMs,
        loadedUpMs = from.loadedUpMs,
        pdvMs = from.pdv95DownMs,
        lossShare = from.lossDown?.let(::share),
    )

    private fun share(loss: vn.ispeed.core.Loss): Double? = if (loss.sent > 0u) loss.lost.toDouble() / loss.sent.toDouble() else null

    /** The core's own sentences: what a reason means and what to do. */
    private fun verdict(from: vn.ispeed.core.Verdict, byCollector: Boolean): Verdict {
        val reasons = from.reasons.map { code ->
            Reason(code, explainReason(code, Language.VI) ?: code, explainReason(code, Language.EN) ?: code)
        }
        return Verdict(from.counts, reasons, byCollector)
    }

    private fun place(from: vn.ispeed.core.Place) = Place(
        verdict = PlaceVerdict.valueOf(from.verdict.name),
        code = from.code,
        name = from.code?.let(communeName),
        candidates = from.candidates.map { Candidate(it.code, communeName(it.code), it.distanceM) },
        borderM = from.borderM,
        table = from.table,
    )

    fun nextUpload(from: vn.ispeed.core.NextUpload): NextUpload = when (from) {
        is vn.ispeed.core.NextUpload.Upload -> {
            val request = from.request
            val headers = request.headers.map { it.name to it.value }
            NextUpload.Upload(UploadRequest(request.id, request.method, request.url, headers, request.body))
        }
        is vn.ispeed.core.NextUpload.Wait -> NextUpload.Wait(from.untilMicros)
        is vn.ispeed.core.NextUpload.Done -> NextUpload.Done
    }

    fun answer(from: UploadAnswer): vn.ispeed.core.UploadAnswer = when (from) {
        is UploadAnswer.Http -> {
            val headers = from.headers.map { (name, value) -> vn.ispeed.core.Header(name, value) }
            vn.ispeed.core.UploadAnswer.Http(from.code.toUShort(), headers, from.body)
        }
        is UploadAnswer.Failed -> vn.ispeed.core.UploadAnswer.Failed(failure(from.kind))
    }

    private fun failure(kind: String) =
        vn.ispeed.core.NetworkFailure.entries.find { it.name.equals(kind, ignoreCase = true) } ?: vn.ispeed.core.NetworkFailure.OTHER

    fun joined(from: vn.ispeed.core.CampaignJoin, role: String?) =
        Campaign(from.code, from.title, from.startsOn, from.endsOn, from.communes, role ?: from.role)

    fun campaign(from: vn.ispeed.core.Campaign, role: String?) =
        Campaign(from.code, from.title, from.startsOn, from.endsOn, from.communes, role)

    fun pack(from: vn.ispeed.core.PlanPack, border: (String) -> List<vn.ispeed.core.Line>) = PlanPack(
        communes = from.communes.map { commune(it, border(it.code)) },
        spacingSeconds = from.spacing.seconds.toInt(),
        spacingM = from.spacing.metres.toInt(),
        validUntilMicros = from.validUntilMicros,
    )

    private fun commune(from: vn.ispeed.core.CommunePlan, border: List<vn.ispeed.core.Line>) = CommunePlan(
        code = from.code,
        name = from.name,
        counted = from.counted.toInt(),
        missing = from.missing.toInt(),
        underSampled = from.underSampled.map { OperatorShortfall(it.operator, it.counted.toInt(), it.wanted.toInt()) },
        unmeasured = from.unmeasured.map { PlanCell(it.cell, Point(it.centre.lat, it.centre.lon)) },
        border = border.map { line -> line.points.map { Point(it.lat, it.lon) } },
    )

    fun guide(from: vn.ispeed.core.Guide) = Guide(
        next = from.next.map { next ->
            NextCell(next.cell, Point(next.centre.lat, next.centre.lon), next.distanceM, next.bearingDeg?.let(::windOf))
        },
        notBeforeMicros = from.repeat.notBeforeMicros,
        metresToGo = ceil(from.repeat.metresToGo).toInt(),
        leftToday = from.repeat.leftToday?.toInt(),
        outdated = from.outdated,
    )

    fun pair(from: vn.ispeed.core.RunPair) = Pairing(from.id, from.text, from.startHereMicros)
}
