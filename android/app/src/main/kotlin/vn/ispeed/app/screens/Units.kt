package vn.ispeed.app.screens

import kotlin.math.roundToInt

private const val BITS_PER_MEGABIT = 1_000_000.0
private const val BYTES_PER_KB = 1_000.0
private const val BYTES_PER_MB = 1_000_000.0
private const val BYTES_PER_GB = 1_000_000_000.0
private const val PER_CENT = 100
private const val METRES_PER_KM = 1_000

/** Two decimals, as VNNIC publishes speeds. */
private const val RESULT_DECIMALS = 2

/** What was not measured is said so, never 0. */
val notMeasured: Text = say(Say.VALUE_NONE)

/** Mbps without the unit. */
fun megabits(bps: Double, decimals: Int = RESULT_DECIMALS): Text = number(bps / BITS_PER_MEGABIT, decimals)

/** A speed with its unit. */
fun speed(bps: Double?): Text = bps?.let { say(Say.VALUE_MBPS, megabits(it)) } ?: notMeasured

/** A latency with its unit, without decimals. */
fun latency(ms: Double?): Text = ms?.let { say(Say.VALUE_MS, number(it)) } ?: notMeasured

/** A share of one as per cent. */
fun percent(share: Double?): Text =
    share?.let { say(Say.VALUE_PERCENT, number(it * PER_CENT, RESULT_DECIMALS)) } ?: notMeasured

/** An amount of data, decimal units as operators sell it. */
fun bytes(count: Long): Text = when {
    count >= BYTES_PER_GB -> say(Say.VALUE_GB, number(count / BYTES_PER_GB, RESULT_DECIMALS))
    count >= BYTES_PER_MB -> say(Say.VALUE_MB, number(count / BYTES_PER_MB))
    else -> say(Say.VALUE_KB, number(count / BYTES_PER_KB))
}

/** A distance: metres up to one kilometre. */
fun distance(m: Double): Text = when {
    m < METRES_PER_KM -> say(Say.VALUE_M, number(m.roundToInt()))
    else -> say(Say.VALUE_KM, number(m / METRES_PER_KM, 1))
}
