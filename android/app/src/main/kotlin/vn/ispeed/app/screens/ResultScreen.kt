package vn.ispeed.app.screens

import vn.ispeed.app.engine.DirectionResult
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Place
import vn.ispeed.app.engine.PlaceVerdict
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState

/** One figure with its name. */
data class Line(val label: Text, val value: Text)

/** What came of a run: one sentence, the figures, and whether it counts. */
data class ResultScreen(
    val sentence: Text,
    val lines: List<Line>,
    val verdict: Text,
    val reasons: List<Text>,
    val judge: Text,
    val counts: Boolean,
)

/** The result of a sample. */
fun resultScreen(sample: Sample): ResultScreen {
    val place = placeText(sample.place)
    return ResultScreen(
        sentence = sentence(sample),
        lines = resultLines(sample),
        verdict = if (sample.verdict.counts) say(Say.RESULT_COUNTS, place) else say(Say.RESULT_COUNTS_NOT),
        reasons = if (sample.verdict.counts) emptyList() else sample.verdict.reasons.map { Text.Both(it.vi, it.en) },
        judge = say(
            when {
                sample.verdict.byCollector -> Say.RESULT_COUNTS_COLLECTOR
                sample.state == SampleState.LOCAL -> Say.STATE_LOCAL
                else -> Say.RESULT_COUNTS_DEVICE
            },
        ),
        counts = sample.verdict.counts,
    )
}

/** The one sentence. */
fun sentence(sample: Sample): Text {
    val down = sample.down?.goodputBps
    val up = sample.up?.goodputBps
    return when (sample.outcome) {
        Outcome.COMPLETE -> say(Say.RESULT_COMPLETE, speed(down), speed(up), latency(sample.latency.idleMs))
        Outcome.PARTIAL ->
            if (down != null) say(Say.RESULT_PARTIAL_DOWN, speed(down)) else say(Say.RESULT_PARTIAL_UP, speed(up))
        Outcome.NO_SERVICE -> say(Say.RESULT_NO_SERVICE)
        Outcome.SERVER_FAILED -> say(Say.RESULT_SERVER_FAILED)
        Outcome.ABORTED -> say(
            when (sample.outcomeReason) {
                "cancelled" -> Say.RESULT_CANCELLED
                "network_changed" -> Say.RESULT_NETWORK_CHANGED
                "process_died" -> Say.RESULT_PROCESS_DIED
                "budget" -> Say.RESULT_BUDGET
                "no_estimate" -> Say.RESULT_NO_ESTIMATE
                else -> Say.RESULT_ABORTED
            },
        )
    }
}

private fun resultLines(sample: Sample): List<Line> = buildList {
    if (sample.down != null || sample.outcome == Outcome.COMPLETE) add(Line(say(Say.LABEL_DOWN), directionText(sample.down)))
    if (sample.up != null || sample.outcome == Outcome.COMPLETE) add(Line(say(Say.LABEL_UP), directionText(sample.up)))
    sample.latency.idleMs?.let { add(Line(say(Say.LABEL_IDLE), latency(it))) }
    sample.latency.loadedDownMs?.let { add(Line(say(Say.LABEL_LOADED), latency(it))) }
    add(Line(say(Say.LABEL_COMMUNE), placeText(sample.place)))
    add(Line(say(Say.LABEL_OPERATOR), operatorText(sample)))
    add(Line(say(Say.LABEL_TECHNOLOGY), technology(sample.technology)))
    add(Line(say(Say.LABEL_BYTES), bytes(sample.bytesDown + sample.bytesUp)))
}

/** A direction with its interval. */
fun directionText(direction: DirectionResult?): Text {
    val rate = direction?.goodputBps ?: return notMeasured
    val (low, high) = direction.lowBps to direction.highBps
    if (low == null || high == null) return speed(rate)
    return say(Say.VALUE_RANGE, speed(rate), megabits(low), megabits(high))
}

/** Serving operator; its PLMN where nobody knows more. */
fun operatorText(sample: Sample): Text = when (val operator = sample.operator) {
    null, "unknown" -> sample.transport.servingPlmn?.let(::plain) ?: say(Say.NETWORK_UNKNOWN)
    "other" -> say(Say.OPERATOR_OTHER)
    else -> plain(operatorName(operator))
}

/** The commune with its doubt. */
fun placeText(place: Place): Text {
    val name = plain(place.name ?: place.code.orEmpty())
    return when (place.verdict) {
        PlaceVerdict.CERTAIN -> say(Say.PLACE_CERTAIN, name)
        PlaceVerdict.APPROXIMATE -> say(Say.PLACE_APPROXIMATE, name)
        PlaceVerdict.AMBIGUOUS -> {
            val others = place.candidates.filter { it.code != place.code }.map { plain(it.name ?: it.code) }
            say(Say.PLACE_AMBIGUOUS, name, Text.Joined(others, ", "))
        }
        PlaceVerdict.OUTSIDE -> say(Say.PLACE_OUTSIDE)
        PlaceVerdict.UNKNOWN -> say(Say.PLACE_UNKNOWN)
    }
}
