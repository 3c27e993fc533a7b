package vn.ispeed.app.screens

import vn.ispeed.app.engine.Campaign
import vn.ispeed.app.engine.CommunePlan
import vn.ispeed.app.engine.Guide
import vn.ispeed.app.engine.NextCell
import vn.ispeed.app.engine.PlanPack
import vn.ispeed.app.engine.Point
import vn.ispeed.app.engine.Wind
import vn.ispeed.app.field.RepeatStep

/** Half the diagonal of a 200 m cell: nearer than this, one stands in it or at its edge. */
private const val AT_CELL_M = 141.0

/** What runs again and again. */
data class Repeating(val samples: Int, val bytes: Long, val batteryPercent: Int?, val step: RepeatStep) {
    /** False once it has ended by itself; the step says why. */
    val goesOn: Boolean get() = step == RepeatStep.Measure || step is RepeatStep.Wait
}

/** What the field screen knows. */
data class FieldState(
    val campaign: Campaign? = null,
    val plan: PlanPack? = null,
    val guide: Guide? = null,
    val here: Point? = null,
    val repeating: Repeating? = null,
    val pair: vn.ispeed.app.engine.Pairing? = null,
    val nowMicros: Long = 0,
    val problem: Text? = null,
)

/** One cell of the own-drawn map. */
data class Dot(val at: Point, val isNext: Boolean)

/** The own-drawn map: borders, cells without a sample, the person. */
data class FieldMap(val borders: List<List<Point>>, val dots: List<Dot>, val here: Point?)

/** What an official sees. */
data class FieldScreen(
    val campaign: Text,
    val next: Text?,
    val communes: List<Text>,
    val planUntil: Text?,
    val running: List<Text>,
    val map: FieldMap,
    val mapSpoken: Text?,
    val pair: Text?,
    val problem: Text?,
)

/** The screen of a state. */
fun fieldScreen(state: FieldState): FieldScreen {
    val plan = state.plan
    val communes = plan?.communes.orEmpty()
    val target = state.guide?.next?.firstOrNull()
    val next = if (plan == null) null else nextText(target)
    val dots = communes.flatMap { it.unmeasured }.map { Dot(it.at, it.cell == target?.cell) }
    return FieldScreen(
        campaign = state.campaign?.let(::campaignText) ?: say(Say.FIELD_NONE),
        next = next,
        communes = communes.flatMap(::communeTexts),
        planUntil = plan?.let { planText(it, state) },
        running = state.repeating?.let(::repeatingTexts).orEmpty(),
        map = FieldMap(communes.flatMap { it.border }, dots, state.here),
        mapSpoken = next?.let { say(Say.FIELD_MAP_SPOKEN, number(dots.size), it) },
        pair = state.pair?.let(::pairText),
        problem = state.problem,
    )
}

private fun planText(plan: PlanPack, state: FieldState): Text {
    val old = state.guide?.outdated == true || plan.validUntilMicros <= state.nowMicros
    return if (old) say(Say.FIELD_PLAN_OLD) else say(Say.FIELD_PLAN_UNTIL, Text.Time(plan.validUntilMicros))
}

private fun nextText(target: NextCell?): Text? {
    if (target == null) return say(Say.FIELD_NEXT_NONE)
    val (metres, wind) = (target.distanceM ?: return say(Say.BEFORE_LOCATION_WAIT)) to target.wind
    if (metres <= AT_CELL_M || wind == null) return say(Say.FIELD_NEXT_HERE)
    return say(Say.FIELD_NEXT, distance(metres), windText(wind))
}

private fun windText(wind: Wind): Text = say(
    when (wind) {
        Wind.N -> Say.DIRECTION_N
        Wind.NE -> Say.DIRECTION_NE
        Wind.E -> Say.DIRECTION_E
        Wind.SE -> Say.DIRECTION_SE
        Wind.S -> Say.DIRECTION_S
        Wind.SW -> Say.DIRECTION_SW
        Wind.W -> Say.DIRECTION_W
        Wind.NW -> Say.DIRECTION_NW
    },
)

private fun campaignText(campaign: Campaign): Text {
    val (from, to) = Text.Day(campaign.startsOn) to Text.Day(campaign.endsOn)
    return say(Say.FIELD_CAMPAIGN, plain(campaign.title), plain(campaign.code), from, to)
}

private fun communeTexts(commune: CommunePlan): List<Text> = buildList {
    val (name, counted) = plain(commune.name) to number(commune.counted)
    val quota = number(commune.counted + commune.missing)
    add(
        if (commune.missing == 0) {
            say(Say.FIELD_REACHED, name, counted)
        } else {
            say(Say.FIELD_SHORT, name, counted, quota, number(commune.missing))
        },
    )
    if (commune.underSampled.isNotEmpty()) {
        val wanted = commune.underSampled.map { plain("${operatorName(it.operator)} ${it.counted}/${it.wanted}") }
        add(say(Say.FIELD_OPERATOR_WANTED, Text.Joined(wanted, ", ")))
    }
}

/** Operators' own spelling of their names; a code the shell does not know is shown as it is. */
fun operatorName(code: String): String = when (code) {
    "viettel" -> "Viettel"
    "vinaphone" -> "VinaPhone"
    "mobifone" -> "MobiFone"
    "vietnamobile" -> "Vietnamobile"
    "gmobile" -> "Gmobile"
    else -> code
}

private fun repeatingTexts(repeating: Repeating): List<Text> {
    val (samples, used) = number(repeating.samples) to bytes(repeating.bytes)
    val running = repeating.batteryPercent?.let { say(Say.FIELD_RUNNING, samples, used, number(it)) }
        ?: say(Say.FIELD_RUNNING_WITHOUT_BATTERY, samples, used)
    return when (val step = repeating.step) {
        RepeatStep.Measure -> listOf(running)
        is RepeatStep.Wait -> listOf(running, say(Say.FIELD_NEXT_SPACING, number(step.seconds), number(step.metres)))
        is RepeatStep.StopBattery -> listOf(say(Say.FIELD_STOPPED_BATTERY, number(step.percent)))
        is RepeatStep.StopBudget -> listOf(say(Say.FIELD_STOPPED_BUDGET, bytes(step.bytes)))
        RepeatStep.StopFull -> listOf(say(Say.FIELD_STOPPED_FULL))
    }
}

private fun pairText(pair: vn.ispeed.app.engine.Pairing): Text =
    say(Say.FIELD_PAIR_WAIT, Text.Clock(pair.startsAtMicros), plain(pair.text))
