package vn.ispeed.app.field

import java.time.Instant
import java.time.ZoneId
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import vn.ispeed.app.MeasureControl
import vn.ispeed.app.Preferences
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.Guide
import vn.ispeed.app.engine.Measurer
import vn.ispeed.app.engine.PlanQuestion
import vn.ispeed.app.engine.Point
import vn.ispeed.app.facts.Phone
import vn.ispeed.app.screens.FieldState
import vn.ispeed.app.screens.MeasureState
import vn.ispeed.app.screens.Repeating
import vn.ispeed.app.screens.problem

/** Measuring for a campaign: its plan, and again and again by time and distance. */
class FieldControl(
    private val engine: Engine,
    private val measure: MeasureControl,
    private val phone: Phone,
    private val preferences: Preferences,
    private val scope: CoroutineScope,
    private val io: CoroutineDispatcher,
    private val nowMicros: () -> Long,
) {
    private val states = MutableStateFlow(FieldState(campaign = preferences.campaign))
    private val desk = GuideDesk(::ask)
    private var job: Job? = null

    val state: StateFlow<FieldState> get() = states

    val isRepeating: Boolean get() = job?.isActive == true

    /** Takes part in a campaign: its code, or the text of its QR code. */
    fun join(text: String, role: String?) = asking {
        val joined = engine.join(text.trim(), role?.trim()?.ifEmpty { null })
        preferences.campaign = joined
        change { it.copy(campaign = joined) }
    }

    /** Takes part no longer; samples that were made stay what they are. */
    fun leave() {
        preferences.campaign = null
        change { it.copy(campaign = null, plan = null, guide = null) }
    }

    /** Fetches the plan of the day; the campaign's where there is one. */
    fun fetchPlan() = asking {
        val question = question() ?: return@asking
        val plan = engine.fetchPlan(question)
        change { it.copy(plan = plan) }
        look()
    }

    /** The phone moved, or the screen was opened. What a person asked for and was refused stays to be read. */
    fun phoneChanged() {
        scope.launch(io) { look() }
    }

    /** What a run of this mode adds to the facts. */
    fun marked(facts: Facts): Facts = marked(facts, pairId = null)

    private fun marked(facts: Facts, pairId: String?): Facts {
        val campaign = states.value.campaign ?: return facts
        val measurer = Measurer(official = true, campaign.role)
        return facts.copy(campaign = campaign.code, measurer = measurer, pairId = pairId)
    }

    /** One run of a pair; both phones begin at the time the pair names. Without a code this phone makes the pair. */
    fun measurePair(code: String) = asking {
        val pair = if (code.isBlank()) engine.newPair() else engine.readPair(code.trim())
        change { it.copy(pair = pair) }
        scope.launch {
            delay(((pair.startsAtMicros - nowMicros()) / MICROS_PER_MS).coerceAtLeast(0))
            measure.start { marked(it, pair.id) }
            change { it.copy(pair = null) }
        }
    }

    /** Measures again and again until [stop], a low battery, the day's budget or the day's number of samples. */
    fun start() {
        if (isRepeating) return
        preferences.isRepeating = true
        job = scope.launch { repeat() }
    }

    fun stop() {
        preferences.isRepeating = false
        job?.cancel()
        job = null
        measure.stop()
        change { it.copy(repeating = null) }
    }

    private suspend fun repeat() {
        while (true) {
            val soFar = preferences.soFar(today())
            val guide = withContext(io) { guide() }
            val battery = phone.batteryPercent()
            val step = nextStep(preferences.repeat, soFar, nowMicros(), guide, battery)
            change { it.copy(guide = guide, repeating = Repeating(soFar.samples, soFar.bytes, battery, step)) }
            when (step) {
                RepeatStep.Measure -> preferences.keep(today(), measureOnce(soFar))
                is RepeatStep.Wait -> delay(LOOK_EVERY_MS)
                else -> break
            }
        }
        preferences.isRepeating = false
    }

    /** The day in Vietnam: budgets and what may count of one device are a day's. */
    private fun today(): String {
        val now = Instant.ofEpochMilli(nowMicros() / MICROS_PER_MS)
        return now.atZone(ZoneId.of("Asia/Ho_Chi_Minh")).toLocalDate().toString()
    }

    private suspend fun measureOnce(soFar: RepeatSoFar): RepeatSoFar {
        measure.start(::marked)
        val ended = measure.state.first { it !is MeasureState.Running }
        val sample = (ended as? MeasureState.Over)?.sample
        return RepeatSoFar(
            samples = soFar.samples + if (sample == null) 0 else 1,
            bytes = soFar.bytes + if (sample == null) 0 else sample.bytesDown + sample.bytesUp,
            // A run that the core refused is not tried again at once either.
            lastEndedAtMicros = nowMicros(),
        )
    }

    private fun look() {
        val plan = states.value.plan ?: kept { question()?.let(engine::keptPlan) }
        change { it.copy(plan = plan) }
        val guide = guide()
        val here = fix()?.let { Point(it.lat, it.lon) }
        change { it.copy(guide = guide, here = here, nowMicros = nowMicros()) }
    }

    /** What to measure next; the core is asked only where something has changed. */
    private fun guide(): Guide? {
        val lastSample = (measure.state.value as? MeasureState.Over)?.sample?.id
        val field = states.value
        return desk.guide(Ground(field.campaign?.code, fix(), field.plan, lastSample, nowMicros() / MICROS_PER_MINUTE))
    }

    private fun ask(ground: Ground): Guide? = kept {
        val at = ground.fix?.let { Point(it.lat, it.lon) }
        question(ground.campaign, ground.fix)?.let { engine.guide(it, at, ground.fix?.accuracyM) }
    }

    /** Without a kept plan there is nothing to show or to guide by; time alone decides. */
    private fun <T> kept(read: () -> T?): T? = try {
        read()
    } catch (_: EngineException) {
        null
    }

    private fun question(): PlanQuestion? = question(states.value.campaign?.code, fix())

    private fun question(campaign: String?, fix: Fix?): PlanQuestion? =
        campaign?.let(PlanQuestion::Campaign) ?: fix?.let { PlanQuestion.Around(it.lat, it.lon) }

    private fun fix(): Fix? = phone.fix()

    private fun asking(ask: suspend () -> Unit) {
        scope.launch {
            val wrong = try {
                withContext(io) { ask() }
                null
            } catch (failed: EngineException) {
                problem(failed.kind, failed.message.orEmpty())
            }
            change { it.copy(problem = wrong) }
        }
    }

    @Synchronized
    private fun change(to: (FieldState) -> FieldState) {
        states.value = to(states.value)
    }

    private companion object {
        const val MICROS_PER_MS = 1_000L
        const val MICROS_PER_MINUTE = 60_000_000L

        /** A person walks a metre and a half in it. */
        const val LOOK_EVERY_MS = 1_000L
    }
}
