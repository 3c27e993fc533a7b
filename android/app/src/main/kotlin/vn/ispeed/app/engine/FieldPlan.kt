package vn.ispeed.app.engine

import kotlin.math.roundToInt

/** What a plan is asked for. */
sealed interface PlanQuestion {
    /** Around a position. */
    data class Around(val lat: Double, val lon: Double) : PlanQuestion

    /** A campaign. */
    data class Campaign(val code: String) : PlanQuestion
}

/** A point, degrees WGS 84. */
data class Point(val lat: Double, val lon: Double)

/** A cell of 200 m without a sample. */
data class PlanCell(val cell: String, val at: Point)

/** What an operator still lacks in a commune. */
data class OperatorShortfall(val operator: String, val counted: Int, val wanted: Int)

/** What a commune still lacks this month; [border] is drawn, where the phone has boundaries. */
data class CommunePlan(
    val code: String,
    val name: String,
    val counted: Int,
    val missing: Int,
    val underSampled: List<OperatorShortfall> = emptyList(),
    val unmeasured: List<PlanCell> = emptyList(),
    val border: List<List<Point>> = emptyList(),
)

/** The plan of a day, kept on the phone and valid without a network. */
data class PlanPack(val communes: List<CommunePlan>, val spacingSeconds: Int, val spacingM: Int, val validUntilMicros: Long)

/** The eight winds. */
enum class Wind { N, NE, E, SE, S, SW, W, NW }

private const val DEGREES_PER_WIND = 45.0

/** The wind of a bearing, degrees clockwise from north. */
fun windOf(bearingDeg: Double): Wind = Wind.entries[(bearingDeg / DEGREES_PER_WIND).roundToInt().mod(Wind.entries.size)]

/** Where to measure next, as the core found it from the kept plan. */
data class NextCell(val cell: String, val at: Point, val distanceM: Double?, val wind: Wind?)

/** What the core says of the next measurement: where, and not before what. */
data class Guide(
    val next: List<NextCell>,
    val notBeforeMicros: Long? = null,
    val metresToGo: Int? = null,
    val leftToday: Int? = null,
    val outdated: Boolean = false,
)

/** A pair of phones that measure at once: what the second one types or scans, and when both begin. */
data class Pairing(val id: String, val text: String, val startsAtMicros: Long)

/** A campaign this phone takes part in. */
data class Campaign(
    val code: String,
    val title: String,
    val startsOn: String,
    val endsOn: String,
    val communes: List<String>,
    val role: String? = null,
)
