package vn.ispeed.app

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.launch
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.facts.Phone
import vn.ispeed.app.field.FieldControl
import vn.ispeed.app.screens.PhoneState

/** The open core and what works with it. */
class Session(
    val engine: Engine,
    val phone: Phone,
    val preferences: Preferences,
    val scope: CoroutineScope,
    val io: CoroutineDispatcher,
    nowMicros: () -> Long,
    private val schedule: () -> Unit,
) {
    private val counter = MutableStateFlow(0)
    private val phoneStates = MutableStateFlow(PhoneState())
    private var isListening = false
    private val reasons = mutableSetOf<Any>()

    /** Counts up when the outbox may have changed. */
    val changes: StateFlow<Int> get() = counter

    /** What the phone knows, as of its last change: asking it anew for each picture of a run would cost the run. */
    val phoneState: StateFlow<PhoneState> get() = phoneStates

    val measure = MeasureControl(engine, phone, scope, io) { sample ->
        if (sample != null) {
            changed()
            schedule()
        }
        leave(this)
    }
    val field = FieldControl(engine, measure, phone, preferences, scope, io, nowMicros)

    /** The outbox may have changed. */
    fun changed() {
        counter.value += 1
    }

    /** Asks the system for an upload. */
    fun upload() = schedule()

    /** Listens to the phone as long as somebody wants it: a visible screen, field mode. */
    fun listen(reason: Any) {
        reasons += reason
        if (isListening) return
        isListening = true
        phone.start { scope.launch { phoneChanged() } }
        phoneChanged()
    }

    /** Nobody looks: the phone's services are left alone, unless a run still needs them. */
    fun leave(reason: Any) {
        reasons -= reason
        if (reasons.isEmpty() && isListening && !measure.isRunning) stop()
    }

    /** What was refused before may be listened to now. */
    fun permissionsChanged() {
        if (!isListening) return
        stop()
        reasons.firstOrNull()?.let(::listen)
    }

    private fun stop() {
        phone.stop()
        isListening = false
    }

    private fun phoneChanged() {
        scope.launch(io) { phoneStates.value = phone.state() }
        measure.phoneChanged()
    }
}
