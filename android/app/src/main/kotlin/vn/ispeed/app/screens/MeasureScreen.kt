package vn.ispeed.app.screens

import vn.ispeed.app.engine.Estimate
import vn.ispeed.app.engine.Phase
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Sample

/** Where measuring stands. */
sealed interface MeasureState {
    /** Nothing runs. */
    data class Ready(val estimate: Estimate?, val waiting: Int = 0) : MeasureState

    /** A run goes on. */
    data class Running(val progress: Progress) : MeasureState

    /** A run ended as a sample. */
    data class Over(val sample: Sample) : MeasureState

    /** No run was started, or none could be kept. */
    data class Refused(val kind: String, val message: String) : MeasureState
}

/** What the one button does. */
enum class Button(val label: Say) { START(Say.MEASURE_START), STOP(Say.MEASURE_STOP), AGAIN(Say.MEASURE_AGAIN) }

/** The screen with the one button. */
data class MeasureScreen(
    val headline: Text,
    val button: Button,
    val network: Text,
    /** Large figure of the direction that runs. */
    val figure: Text? = null,
    val unit: Text? = null,
    val interval: Text? = null,
    val lines: List<Text> = emptyList(),
    val hints: List<Text> = emptyList(),
    val offersPermission: Boolean = false,
    val result: ResultScreen? = null,
)

/** The screen of a state. */
fun measureScreen(state: MeasureState, phone: PhoneState): MeasureScreen = when (state) {
    is MeasureState.Ready -> ready(state, phone)
    is MeasureState.Running -> running(state.progress, phone)
    is MeasureState.Over -> MeasureScreen(
        headline = say(Say.RESULT_TITLE),
        button = Button.AGAIN,
        network = networkLine(phone),
        result = resultScreen(state.sample),
    )
    is MeasureState.Refused -> MeasureScreen(
        headline = problem(state.kind, state.message),
        button = Button.START,
        network = networkLine(phone),
    )
}

private fun ready(state: MeasureState.Ready, phone: PhoneState): MeasureScreen {
    val lines = buildList {
        state.estimate?.let { add(estimateLine(it)) }
        state.estimate?.let { add(usedLine(it)) }
        phone.dataSimSlot?.let { slot ->
            val operator = phone.operatorName?.let(::plain) ?: say(Say.NETWORK_UNKNOWN)
            add(say(Say.NETWORK_SIMS, operator, number(slot)))
        }
        accuracyLine(phone.location)?.let(::add)
        if (state.waiting > 0) add(say(Say.MEASURE_WAITING, number(state.waiting)))
    }
    return MeasureScreen(
        headline = say(Say.MEASURE_READY),
        button = Button.START,
        network = networkLine(phone),
        lines = lines,
        hints = hints(phone),
        offersPermission = phone.location == LocationState.Denied || phone.location == LocationState.CoarseOnly,
    )
}

/** What a run would use. */
fun estimateLine(estimate: Estimate): Text {
    val most = bytes(estimate.maxBytes)
    return estimate.likelyBytes?.let { say(Say.MEASURE_ESTIMATE, bytes(it), most) } ?: say(Say.MEASURE_ESTIMATE_FIRST, most)
}

/** What the month has used. */
fun usedLine(estimate: Estimate): Text {
    val used = bytes(estimate.usedBytes)
    return estimate.leftBytes?.let { say(Say.LIMIT_LEFT, used, bytes(it)) } ?: say(Say.LIMIT_USED, used)
}

private fun running(progress: Progress, phone: PhoneState): MeasureScreen {
    val (low, high) = progress.lowBps to progress.highBps
    val lines = buildList {
        progress.latencyMs?.let { add(say(Say.PROGRESS_LATENCY, latency(it))) }
        progress.loadedMs?.let { add(say(Say.PROGRESS_LOADED, latency(it))) }
        val moved = progress.bytesDown + progress.bytesUp
        if (moved > 0) add(say(Say.PROGRESS_BYTES, bytes(moved)))
    }
    return MeasureScreen(
        headline = say(phase(progress.phase)),
        button = Button.STOP,
        network = networkLine(phone),
        figure = progress.rateBps?.let { megabits(it, LIVE_DECIMALS) },
        unit = progress.rateBps?.let { say(Say.UNIT_MBPS) },
        interval = if (low != null && high != null) {
            say(Say.PROGRESS_INTERVAL, megabits(low, LIVE_DECIMALS), megabits(high, LIVE_DECIMALS))
        } else {
            null
        },
        lines = lines,
    )
}

/** More would flicker. */
private const val LIVE_DECIMALS = 1

private fun phase(phase: Phase): Say = when (phase) {
    Phase.CONNECTING -> Say.PHASE_CONNECTING
    Phase.LATENCY -> Say.PHASE_LATENCY
    Phase.DOWNLOAD -> Say.PHASE_DOWNLOAD
    Phase.UPLOAD -> Say.PHASE_UPLOAD
    Phase.FINISHING -> Say.PHASE_FINISHING
    Phase.DONE -> Say.PHASE_DONE
}

/** What the core refused, in words of this app. */
fun problem(kind: String, message: String): Text = when (kind) {
    "consent" -> say(Say.PROBLEM_CONSENT)
    "busy" -> say(Say.PROBLEM_BUSY)
    "full" -> say(Say.PROBLEM_FULL)
    "budget" -> say(Say.PROBLEM_BUDGET)
    "no_network" -> say(Say.PROBLEM_NO_NETWORK)
    "server" -> say(Say.PROBLEM_SERVER)
    "timeout" -> say(Say.PROBLEM_TIMEOUT)
    "tls" -> say(Say.PROBLEM_TLS)
    "storage" -> say(Say.PROBLEM_STORAGE)
    "input" -> say(Say.PROBLEM_INPUT, plain(message))
    "not_found" -> say(Say.PROBLEM_NOT_FOUND)
    "cancelled" -> say(Say.PROBLEM_CANCELLED)
    else -> say(Say.PROBLEM_INTERNAL, plain(message))
}
