package vn.ispeed.app.screens

import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.UploadProblem

/** One line of the history. */
data class HistoryRow(
    val id: String,
    val time: Text,
    val figures: Text,
    val place: Text,
    val state: Text,
    val counts: Text,
    /** What a screen reader says. */
    val spoken: Text,
)

/** All samples of this phone. */
data class HistoryScreen(val rows: List<HistoryRow>, val empty: Text?)

/** The history. */
fun historyScreen(samples: List<Sample>): HistoryScreen =
    HistoryScreen(samples.map(::historyRow), if (samples.isEmpty()) say(Say.HISTORY_EMPTY) else null)

private fun historyRow(sample: Sample): HistoryRow {
    val time = Text.Time(sample.startedAtMicros)
    val figures = figures(sample)
    val state = stateText(sample)
    val counts = say(if (sample.verdict.counts) Say.HISTORY_COUNTS else Say.HISTORY_COUNTS_NOT)
    return HistoryRow(
        id = sample.id,
        time = time,
        figures = figures,
        place = placeText(sample.place),
        state = state,
        counts = counts,
        spoken = say(Say.HISTORY_SPOKEN, time, sentence(sample), state, counts),
    )
}

private fun figures(sample: Sample): Text {
    val down = sample.down?.goodputBps
    val up = sample.up?.goodputBps
    return if (sample.outcome == Outcome.COMPLETE && down != null && up != null) {
        say(Say.HISTORY_FIGURES, megabits(down), megabits(up))
    } else {
        outcomeText(sample.outcome)
    }
}

/** Name of an outcome. */
fun outcomeText(outcome: Outcome): Text = say(
    when (outcome) {
        Outcome.COMPLETE -> Say.OUTCOME_COMPLETE
        Outcome.PARTIAL -> Say.OUTCOME_PARTIAL
        Outcome.NO_SERVICE -> Say.OUTCOME_NO_SERVICE
        Outcome.SERVER_FAILED -> Say.OUTCOME_SERVER_FAILED
        Outcome.ABORTED -> Say.OUTCOME_ABORTED
    },
)

/** Sent, waiting, refused, and why. */
fun stateText(sample: Sample): Text {
    val problem = sample.problem?.let(::uploadProblem)
    return when (sample.state) {
        SampleState.LOCAL -> say(Say.STATE_LOCAL)
        SampleState.WAITING -> problem?.let { say(Say.STATE_WAITING_PROBLEM, it) } ?: say(Say.STATE_WAITING)
        SampleState.SENDING -> say(Say.STATE_SENDING)
        SampleState.SENT -> say(Say.STATE_SENT)
        SampleState.QUARANTINED -> say(Say.STATE_QUARANTINED, problem ?: say(Say.UPLOAD_REFUSED))
    }
}

private fun uploadProblem(problem: UploadProblem): Text = when (problem.kind) {
    "network" -> say(Say.UPLOAD_NETWORK)
    "not_a_receipt" -> say(Say.UPLOAD_NOT_A_RECEIPT)
    "receipt_refused" -> say(Say.UPLOAD_RECEIPT_REFUSED)
    "collector_key_changed" -> say(Say.UPLOAD_COLLECTOR_KEY_CHANGED)
    "redirected" -> say(Say.UPLOAD_REDIRECTED)
    "credentials" -> say(Say.UPLOAD_CREDENTIALS)
    "busy" -> say(Say.UPLOAD_BUSY)
    "server_error" -> say(Say.UPLOAD_SERVER_ERROR)
    "refused" -> say(Say.UPLOAD_REFUSED)
    "damaged" -> say(Say.UPLOAD_DAMAGED)
    else -> plain(problem.text)
}

/** Everything of one sample. */
data class DetailScreen(val sentence: Text, val lines: List<Line>, val verdict: Text, val reasons: List<Text>, val share: Text)

/** The detail of a sample. */
fun detailScreen(sample: Sample): DetailScreen {
    val result = resultScreen(sample)
    return DetailScreen(result.sentence, detailLines(sample), result.verdict, result.reasons, shareText(sample))
}

private fun detailLines(sample: Sample): List<Line> = buildList {
    add(Line(say(Say.LABEL_TIME), Text.Time(sample.startedAtMicros)))
    add(Line(say(Say.LABEL_OUTCOME), outcomeText(sample.outcome)))
    add(Line(say(Say.LABEL_DOWN), directionText(sample.down)))
    add(Line(say(Say.LABEL_UP), directionText(sample.up)))
    add(Line(say(Say.LABEL_IDLE), latency(sample.latency.idleMs)))
    add(Line(say(Say.LABEL_LOADED_DOWN), latency(sample.latency.loadedDownMs)))
    add(Line(say(Say.LABEL_LOADED_UP), latency(sample.latency.loadedUpMs)))
    add(Line(say(Say.LABEL_PDV), latency(sample.latency.pdvMs)))
    add(Line(say(Say.LABEL_LOSS), percent(sample.latency.lossShare)))
    add(Line(say(Say.LABEL_COMMUNE), placeText(sample.place)))
    add(Line(say(Say.LABEL_OPERATOR), operatorText(sample)))
    add(Line(say(Say.LABEL_TECHNOLOGY), technology(sample.technology)))
    add(Line(say(Say.LABEL_SIGNAL), sample.rsrpDbm?.let { say(Say.VALUE_DBM, number(it)) } ?: notMeasured))
    add(Line(say(Say.LABEL_SERVER), sample.server?.let(::plain) ?: notMeasured))
    add(Line(say(Say.LABEL_STOP), stops(sample)))
    add(Line(say(Say.LABEL_FLAGS), flags(sample)))
    add(Line(say(Say.LABEL_BYTES), bytes(sample.bytesDown + sample.bytesUp)))
    add(Line(say(Say.LABEL_STATE), stateText(sample)))
    add(Line(say(Say.LABEL_RECEIPT), sample.receipt?.let(::plain) ?: say(Say.NO)))
    add(Line(say(Say.LABEL_ID), plain(sample.id)))
}

private fun stops(sample: Sample): Text =
    joined(listOfNotNull(sample.down?.stop, sample.up?.stop).map { named("STOP", it) }) ?: notMeasured

private fun flags(sample: Sample): Text {
    val flags = (sample.down?.flags.orEmpty() + sample.up?.flags.orEmpty()).distinct()
    return joined(flags.map { named("FLAG", it) }) ?: say(Say.NO)
}

/** The text of a code of the core; one that a newer core brings is shown as it is. */
private fun named(prefix: String, code: String): Text =
    Say.entries.find { it.name == "${prefix}_${code.uppercase()}" }?.let { say(it) } ?: plain(code)

private fun joined(texts: List<Text>): Text? = if (texts.isEmpty()) null else Text.Joined(texts.distinct(), ", ")

/** What is shared as text: no coordinates, no id. */
fun shareText(sample: Sample): Text = say(
    Say.SHARE_TEXT,
    Text.Time(sample.startedAtMicros),
    placeText(sample.place),
    sentence(sample),
    say(Say.APP_DISCLAIMER),
    say(Say.APP_ABOUT),
)
