package vn.ispeed.app.field

import vn.ispeed.app.engine.Guide

/** How an official measures again and again: what the plan asks for, unless the person wants more. */
data class RepeatRules(
    val everySeconds: Int,
    /** Most bytes of a day. */
    val dayBytes: Long,
    /** Ends at this charge. */
    val stopAtBatteryPercent: Int,
)

/** What was done so far today. */
data class RepeatSoFar(val samples: Int = 0, val bytes: Long = 0, val lastEndedAtMicros: Long? = null)

/** What to do now. */
sealed interface RepeatStep {
    /** Measure. */
    data object Measure : RepeatStep

    /** Wait until both are 0. */
    data class Wait(val seconds: Int, val metres: Int) : RepeatStep

    /** The battery is low. */
    data class StopBattery(val percent: Int) : RepeatStep

    /** The day's data are used up. */
    data class StopBudget(val bytes: Long) : RepeatStep

    /** As many samples as may count today. */
    data object StopFull : RepeatStep
}

private const val MICROS_PER_SECOND = 1_000_000L

/**
 * The next step. Spacing in time and space is the core's, from the kept plan; battery, data and a longer interval are the person's.
 * Without a position only time decides: a missing fix must not end a day of measuring, the sample itself says that it had none.
 */
fun nextStep(rules: RepeatRules, soFar: RepeatSoFar, nowMicros: Long, guide: Guide?, batteryPercent: Int?): RepeatStep {
    if (batteryPercent != null && batteryPercent <= rules.stopAtBatteryPercent) return RepeatStep.StopBattery(batteryPercent)
    if (soFar.bytes >= rules.dayBytes) return RepeatStep.StopBudget(rules.dayBytes)
    if (guide?.leftToday == 0) return RepeatStep.StopFull
    val persons = soFar.lastEndedAtMicros?.let { it + rules.everySeconds * MICROS_PER_SECOND }
    val from = listOfNotNull(persons, guide?.notBeforeMicros).maxOrNull() ?: nowMicros
    val missing = (from - nowMicros).coerceAtLeast(0)
    val seconds = ((missing + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND).toInt()
    val metres = guide?.metresToGo ?: 0
    return if (seconds == 0 && metres == 0) RepeatStep.Measure else RepeatStep.Wait(seconds, metres)
}
