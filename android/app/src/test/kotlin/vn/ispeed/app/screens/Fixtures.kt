package vn.ispeed.app.screens

import java.io.File
import org.json.JSONArray
import org.json.JSONObject
import vn.ispeed.app.engine.Campaign
import vn.ispeed.app.engine.Candidate
import vn.ispeed.app.engine.CommunePlan
import vn.ispeed.app.engine.DirectionResult
import vn.ispeed.app.engine.Estimate
import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.FixSource
import vn.ispeed.app.engine.Guide
import vn.ispeed.app.engine.Latency
import vn.ispeed.app.engine.NextCell
import vn.ispeed.app.engine.OperatorShortfall
import vn.ispeed.app.engine.Phase
import vn.ispeed.app.engine.Place
import vn.ispeed.app.engine.PlanCell
import vn.ispeed.app.engine.PlanPack
import vn.ispeed.app.engine.Point
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Reason
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.Technology
import vn.ispeed.app.engine.Transport
import vn.ispeed.app.engine.UploadProblem
import vn.ispeed.app.engine.Verdict
import vn.ispeed.app.field.RepeatStep

/** Reads `tests/fixtures/screens`, the states that all phones share. */
object Fixtures {
    private val repository = File(System.getProperty("ispeed.repository") ?: error("-Dispeed.repository is not set"))
    val folder = File(repository, "tests/fixtures/screens")

    fun cases(name: String): JSONArray = JSONArray(File(folder, "$name.json").readText())

    /** Words from the shared table itself, so that no resource of Android is needed. */
    fun words(language: Language): Words {
        val table = JSONObject(File(folder, "strings.json").readText())
        return Words(language) { say, args ->
            val pattern = table.getJSONObject(say.name.lowercase()).getString(language.tag)
            args.foldIndexed(pattern) { index, text, arg -> text.replace("{$index}", arg) }
        }
    }

    fun measureState(json: JSONObject): MeasureState {
        json.optJSONObject("ready")?.let { ready ->
            return MeasureState.Ready(ready.optJSONObject("estimate")?.let(::estimate), ready.optInt("waiting"))
        }
        json.optJSONObject("running")?.let { return MeasureState.Running(progress(it)) }
        json.optJSONObject("refused")?.let { return MeasureState.Refused(it.getString("kind"), it.getString("message")) }
        return MeasureState.Over(sample(json.getJSONObject("over")))
    }

    fun estimate(json: JSONObject) = Estimate(
        likelyBytes = json.long("likely_bytes"),
        maxBytes = json.getLong("max_bytes"),
        usedBytes = json.optLong("used_bytes"),
        leftBytes = json.long("left_bytes"),
    )

    private fun progress(json: JSONObject) = Progress(
        phase = Phase.valueOf(json.getString("phase").uppercase()),
        rateBps = json.double("rate_bps"),
        lowBps = json.double("low_bps"),
        highBps = json.double("high_bps"),
        latencyMs = json.double("latency_ms"),
        loadedMs = json.double("loaded_ms"),
        bytesDown = json.optLong("bytes_down"),
        bytesUp = json.optLong("bytes_up"),
    )

    fun phone(json: JSONObject) = PhoneState(
        transport = transport(json.getJSONObject("transport")),
        operatorName = json.text("operator"),
        technology = technology(json.text("technology")),
        online = json.optBoolean("online", true),
        airplaneMode = json.optBoolean("airplane_mode"),
        location = location(json.opt("location")),
        batteryPercent = json.int("battery_percent"),
        powerSave = json.optBoolean("power_save"),
        dataSaver = json.optBoolean("data_saver"),
        dataSimSlot = json.int("data_sim_slot"),
    )

    private fun location(json: Any?): LocationState = when (json) {
        "denied" -> LocationState.Denied
        "coarse_only" -> LocationState.CoarseOnly
        "off" -> LocationState.Off
        is JSONObject -> LocationState.Known(fix(json.getJSONObject("fix")))
        else -> LocationState.Waiting
    }

    private fun fix(json: JSONObject) = Fix(
        lat = json.getDouble("lat"),
        lon = json.getDouble("lon"),
        accuracyM = json.double("accuracy_m"),
        atMicros = null,
        ageMs = json.long("age_ms"),
        speedMps = null,
        altitudeM = null,
        mock = json.bool("mock"),
        source = FixSource.valueOf(json.getString("source").uppercase()),
    )

    fun transport(json: JSONObject) = Transport(
        kind = vn.ispeed.app.engine.TransportKind.valueOf(json.getString("kind").uppercase()),
        vpn = json.bool("vpn"),
        roaming = json.bool("roaming"),
        captivePortal = json.bool("captive_portal"),
        servingPlmn = json.text("serving_plmn"),
        simPlmn = json.text("sim_plmn"),
        simBrand = json.text("sim_brand"),
    )

    private fun technology(text: String?): Technology = when (text) {
        "2g" -> Technology.G2
        "3g" -> Technology.G3
        "4g" -> Technology.G4
        "5g" -> Technology.G5
        "5g_nsa" -> Technology.G5_NSA
        "5g_sa" -> Technology.G5_SA
        else -> Technology.UNKNOWN
    }

    fun sample(json: JSONObject) = Sample(
        id = json.getString("id"),
        startedAtMicros = json.getLong("started_at_micros"),
        outcome = vn.ispeed.app.engine.Outcome.valueOf(json.getString("outcome").uppercase()),
        outcomeReason = json.text("outcome_reason"),
        down = json.optJSONObject("down")?.let(::direction),
        up = json.optJSONObject("up")?.let(::direction),
        latency = json.optJSONObject("latency")?.let(::latency) ?: Latency(),
        place = place(json.getJSONObject("place")),
        transport = transport(json.getJSONObject("transport")),
        technology = technology(json.text("technology")),
        rsrpDbm = json.double("rsrp_dbm"),
        operator = json.text("operator"),
        server = json.text("server"),
        bytesDown = json.getLong("bytes_down"),
        bytesUp = json.getLong("bytes_up"),
        verdict = verdict(json.getJSONObject("verdict")),
        state = vn.ispeed.app.engine.SampleState.valueOf(json.getString("state").uppercase()),
        problem = json.optJSONObject("problem")?.let { UploadProblem(it.getString("kind"), it.getString("text")) },
        receipt = json.text("receipt"),
    )

    private fun direction(json: JSONObject) = DirectionResult(
        goodputBps = json.double("goodput_bps"),
        lowBps = json.double("low_bps"),
        highBps = json.double("high_bps"),
        stop = json.text("stop"),
        flags = json.optJSONArray("flags").texts(),
    )

    private fun latency(json: JSONObject) = Latency(
        idleMs = json.double("idle_ms"),
        loadedDownMs = json.double("loaded_down_ms"),
        loadedUpMs = json.double("loaded_up_ms"),
        pdvMs = json.double("pdv_ms"),
        lossShare = json.double("loss_share"),
    )

    private fun place(json: JSONObject) = Place(
        verdict = vn.ispeed.app.engine.PlaceVerdict.valueOf(json.getString("verdict").uppercase()),
        code = json.text("code"),
        name = json.text("name"),
        candidates = json.optJSONArray("candidates").objects().map {
            Candidate(it.getString("code"), it.text("name"), it.getDouble("distance_m"))
        },
        borderM = json.double("border_m"),
    )

    private fun verdict(json: JSONObject) = Verdict(
        counts = json.getBoolean("counts"),
        reasons = json.optJSONArray("reasons").objects().map {
            Reason(it.getString("code"), it.getString("vi"), it.getString("en"))
        },
        byCollector = json.optBoolean("by_collector"),
    )

    fun choices(json: JSONObject) = Choices(
        run = json.optBoolean("run"),
        upload = json.optBoolean("upload"),
        commune = json.optBoolean("commune"),
        precise = json.optBoolean("precise"),
    )

    fun field(json: JSONObject) = FieldState(
        campaign = json.optJSONObject("campaign")?.let(::campaign),
        plan = json.optJSONObject("plan")?.let(::plan),
        guide = json.optJSONObject("guide")?.let(::guide),
        here = json.optJSONObject("here")?.let(::point),
        repeating = json.optJSONObject("repeating")?.let(::repeating),
        nowMicros = json.getLong("now_micros"),
        pair = json.optJSONObject("pair")?.let {
            vn.ispeed.app.engine.Pairing(it.getString("id"), it.getString("text"), it.getLong("starts_at_micros"))
        },
    )

    private fun campaign(json: JSONObject) = Campaign(
        code = json.getString("code"),
        title = json.getString("title"),
        startsOn = json.getString("starts_on"),
        endsOn = json.getString("ends_on"),
        communes = json.getJSONArray("communes").texts(),
        role = json.text("role"),
    )

    private fun point(json: JSONObject) = Point(json.getDouble("lat"), json.getDouble("lon"))

    private fun plan(json: JSONObject) = PlanPack(
        communes = json.getJSONArray("communes").objects().map { commune ->
            CommunePlan(
                code = commune.getString("code"),
                name = commune.getString("name"),
                counted = commune.getInt("counted"),
                missing = commune.getInt("missing"),
                underSampled = commune.optJSONArray("under_sampled").objects().map {
                    OperatorShortfall(it.getString("operator"), it.getInt("counted"), it.getInt("wanted"))
                },
                unmeasured = commune.optJSONArray("unmeasured").objects().map { PlanCell(it.getString("cell"), point(it)) },
            )
        },
        spacingSeconds = json.getInt("spacing_seconds"),
        spacingM = json.getInt("spacing_m"),
        validUntilMicros = json.getLong("valid_until_micros"),
    )

    private fun guide(json: JSONObject) = Guide(
        next = json.getJSONArray("next").objects().map {
            val wind = it.text("wind")?.let { wind -> vn.ispeed.app.engine.Wind.valueOf(wind.uppercase()) }
            NextCell(it.getString("cell"), point(it), it.double("distance_m"), wind)
        },
        outdated = json.optBoolean("outdated"),
    )

    private fun repeating(json: JSONObject) = Repeating(
        samples = json.getInt("samples"),
        bytes = json.getLong("bytes"),
        batteryPercent = json.int("battery_percent"),
        step = step(json.get("step")),
    )

    private fun step(json: Any): RepeatStep = when {
        json == "measure" -> RepeatStep.Measure
        json == "stop_full" -> RepeatStep.StopFull
        json !is JSONObject -> error("the step $json is not known")
        json.has("wait") -> json.getJSONObject("wait").let { RepeatStep.Wait(it.getInt("seconds"), it.getInt("metres")) }
        json.has("stop_battery") -> RepeatStep.StopBattery(json.getInt("stop_battery"))
        else -> RepeatStep.StopBudget(json.getLong("stop_budget"))
    }

    private fun JSONObject.text(key: String): String? = if (isNull(key)) null else getString(key)

    private fun JSONObject.double(key: String): Double? = if (isNull(key)) null else getDouble(key)

    private fun JSONObject.long(key: String): Long? = if (isNull(key)) null else getLong(key)

    private fun JSONObject.int(key: String): Int? = if (isNull(key)) null else getInt(key)

    private fun JSONObject.bool(key: String): Boolean? = if (isNull(key)) null else getBoolean(key)

    private fun JSONArray?.objects(): List<JSONObject> = this?.let { (0 until length()).map(::getJSONObject) }.orEmpty()

    private fun JSONArray?.texts(): List<String> = this?.let { (0 until length()).map(::getString) }.orEmpty()
}
