package vn.ispeed.app

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Phase
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Run
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.screens.MeasureState

/** What a run needs of the phone. */
interface RunFacts {
    fun atStart(): Facts

    fun atMiddle(): Facts

    fun atEnd(): Facts

    fun change(): Facts

    fun simLabel(): String?

    fun networkHandle(): Long?
}

/**
 * One run at a time, from the tap to the sample. Lives as long as the app, so that turning the phone does not end a run.
 * Everything but the core's own work happens on the main thread.
 */
class MeasureControl(
    private val engine: Engine,
    private val facts: RunFacts,
    private val scope: CoroutineScope,
    private val io: CoroutineDispatcher,
    private val onEnd: (Sample?) -> Unit,
) {
    private val states = MutableStateFlow<MeasureState>(MeasureState.Ready(estimate = null))
    private var run: Run? = null
    private var job: Job? = null
    private var stopWanted = false
    private var isLooking = false

    val state: StateFlow<MeasureState> get() = states

    val isRunning: Boolean get() = job?.isActive == true

    /** Looks again at what a run would use; a result stays on the screen. */
    fun refresh() {
        if (isRunning || isLooking || states.value !is MeasureState.Ready) return
        isLooking = true
        scope.launch {
            val ready = try {
                withContext(io) {
                    MeasureState.Ready(engine.estimate(plan(), facts.atStart()), engine.waiting())
                }
            } catch (failed: EngineException) {
                MeasureState.Refused(failed.kind, failed.message.orEmpty())
            }
            isLooking = false
            if (!isRunning && states.value is MeasureState.Ready) states.value = ready
        }
    }

    /** Starts a run; [with] adds what the mode knows, such as the campaign. */
    fun start(with: (Facts) -> Facts = { it }) {
        if (isRunning) return
        stopWanted = false
        states.value = MeasureState.Running(Progress())
        job = scope.launch {
            states.value = try {
                MeasureState.Over(measure(with))
            } catch (failed: EngineException) {
                MeasureState.Refused(failed.kind, failed.message.orEmpty())
            } finally {
                run = null
            }
            job = null
            onEnd((states.value as? MeasureState.Over)?.sample)
        }
    }

    /** Ends the run; what was measured is kept as a sample. */
    fun stop() {
        stopWanted = true
        run?.cancel()
    }

    /** Takes a result off the screen. */
    fun clear() {
        if (isRunning) return
        states.value = MeasureState.Ready(estimate = null)
        refresh()
    }

    /** The phone learned something new. */
    fun phoneChanged() {
        if (run == null) refresh() else push(facts::change)
    }

    private suspend fun measure(with: (Facts) -> Facts): Sample {
        val begun = withContext(io) { engine.start(plan(), with(facts.atStart()), ::observe) }
        run = begun
        if (stopWanted) begun.cancel()
        return withContext(io) { begun.outcome() }
    }

    private fun plan() = RunPlan(facts.simLabel(), facts.networkHandle())

    /** On a thread of the core, which must not wait: the picture is left where the screen finds it. */
    private fun observe(progress: Progress) {
        scope.launch {
            val before = (states.value as? MeasureState.Running)?.progress ?: return@launch
            states.value = MeasureState.Running(progress)
            if (before.phase != progress.phase) entered(progress.phase)
        }
    }

    private fun entered(phase: Phase) = when (phase) {
        Phase.UPLOAD -> push(facts::atMiddle)
        Phase.FINISHING -> push(facts::atEnd)
        else -> Unit
    }

    private fun push(news: () -> Facts) {
        val going = run ?: return
        scope.launch(io) {
            // A fact that the core refuses, or that comes after the end, changes nothing of the run.
            try {
                going.push(news())
            } catch (refused: EngineException) {
                android.util.Log.w("ispeed", "a fact was not taken: ${refused.kind}")
            }
        }
    }
}
