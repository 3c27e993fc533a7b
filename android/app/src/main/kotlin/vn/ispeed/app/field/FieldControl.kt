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
            val guide = withContext(io) { guide(question()) }
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
        val question = question()
        val plan = states.value.plan ?: kept { question?.let(engine::keptPlan) }
        val guide = guide(question)
        val here = fix()?.let { Point(it.lat, it.lon) }
        change { it.copy(plan = plan, guide = guide, here = here, nowMicros = nowMicros()) }
    }

    private fun guide(question: PlanQuestion?): Guide? {
        val fix = fix()
        return kept { question?.let { engine.guide(it, fix?.let { at -> Point(at.lat, at.lon) }, fix?.accuracyM) } }
    }

    /** Without a kept plan there is nothing to show or to guide by; time alone decides. */
    private fun <T> kept(read: () -> T?): T? = try {
        read()
    } catch (_: EngineException) {
        null
    }

    private fun question(): PlanQuestion? {
        val campaign = states.value.campaign
        if (campaign != null) return PlanQuestion.Campaign(campaign.code)
        return fix()?.let { PlanQuestion.Around(it.lat, it.lon) }
    }

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

        /** A person walks a metre and a half in it. */
        const val LOOK_EVERY_MS = 1_000L
    }
}
