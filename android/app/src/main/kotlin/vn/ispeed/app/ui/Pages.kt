package vn.ispeed.app.ui

import android.app.AlertDialog
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.view.View
import java.io.File
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.flow.combine
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext
import vn.ispeed.app.MainActivity
import vn.ispeed.app.R
import vn.ispeed.app.Session
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.field.FieldService
import vn.ispeed.app.field.RepeatRules
import vn.ispeed.app.screens.Button
import vn.ispeed.app.screens.Choices
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.Text
import vn.ispeed.app.screens.measureScreen
import vn.ispeed.app.screens.number
import vn.ispeed.app.screens.problem
import vn.ispeed.app.screens.say

/** The four tabs. */
enum class Tab(val label: Say, val id: Int) {
    MEASURE(Say.TAB_MEASURE, R.id.tab_measure),
    HISTORY(Say.TAB_HISTORY, R.id.tab_history),
    FIELD(Say.TAB_FIELD, R.id.tab_field),
    SETTINGS(Say.TAB_SETTINGS, R.id.tab_settings),
}

/** Which screen is shown, and what its buttons do. */
class Pages(
    private val activity: MainActivity,
    private val session: Session,
    private val scope: CoroutineScope,
    /** What was ticked before the phone was turned. */
    tickedBefore: Choices?,
) {
    var tab = Tab.MEASURE
        private set

    /** Sample whose detail is open. */
    var detail: String? = null
        private set

    /** What is ticked while consent is asked for. */
    var choices: Choices? = tickedBefore
        private set
    private var watch: Job? = null
    private var follow: Job? = null
    private var said: Text? = null
    private var offered: String? = null
    private var refresher: () -> Unit = {}
    private val engine = session.engine

    fun show(tab: Tab, detail: String? = null) {
        this.tab = tab
        this.detail = detail
        said = null
        watch?.cancel()
        follow?.cancel()
        refresher = {}
        watch = scope.launch {
            guarded {
                val consent = onIo { engine.consent() }
                val ticked = choices
                when {
                    ticked != null -> askConsent(ticked)
                    consent == null -> askConsent(Choices())
                    detail != null -> detailPage(detail)
                    tab == Tab.MEASURE -> measurePage()
                    tab == Tab.HISTORY -> historyPage()
                    tab == Tab.FIELD -> fieldPage()
                    else -> settingsPage()
                }
            }
        }
    }

    /** The phone learned something. */
    fun refresh() = refresher()

    /** Goes one step back; false when there is none. */
    fun back(): Boolean = when {
        detail != null -> true.also { show(Tab.HISTORY) }
        choices != null && tab == Tab.SETTINGS -> true.also { leaveConsent() }
        tab != Tab.MEASURE -> true.also { show(Tab.MEASURE) }
        else -> false
    }

    /** A campaign's QR code was read; it waits while consent is asked for. */
    fun offerCampaign(text: String) {
        offered = text
        show(Tab.FIELD)
    }

    private fun leaveConsent() {
        choices = null
        show(tab)
    }

    private fun put(view: View, withTabs: Boolean = true) {
        activity.content.removeAllViews()
        activity.content.addView(view)
        activity.showTabs(withTabs, tab)
    }

    private suspend fun askConsent(ticked: Choices) {
        val estimate = onIo { engine.estimate(RunPlan(session.phone.simLabel()), session.phone.atStart()) }
        choices = ticked
        val view = ConsentView(
            activity,
            estimate,
            ticked,
            session.preferences.limits,
            agreed = ::record,
            declined = { decline() },
            changed = { choices = it },
            // Leaving the choices of before as they are is no refusal, and withdraws nothing.
            decline = if (tab == Tab.SETTINGS) Say.CANCEL else Say.CONSENT_NONE,
        )
        put(view.view, withTabs = false)
    }

    private fun record(agreed: Choices, limits: DataLimits) = doing {
        limit(limits)
        onIo { engine.recordConsent(agreed.consent(System.currentTimeMillis() * MICROS_PER_MS)) }
        choices = null
        session.upload()
        if (agreed.commune || agreed.precise) activity.askPermissions()
        session.measure.clear()
        show(if (offered == null) Tab.MEASURE else Tab.FIELD)
    }

    private fun decline() {
        choices = null
        if (tab == Tab.SETTINGS) show(tab) else activity.finish()
    }

    private suspend fun measurePage() {
        val view = MeasureView(activity, ::press, activity::askPermissions)
        put(view.view)
        session.measure.refresh()
        session.measure.state.combine(session.phoneState, ::measureScreen).collect(view::render)
    }

    private fun press(button: Button) = when (button) {
        Button.START, Button.AGAIN -> session.measure.start(session.field::marked)
        Button.STOP -> session.measure.stop()
    }

    private suspend fun historyPage() {
        val view = HistoryView(activity, open = { show(Tab.HISTORY, it) }, export = ::export)
        put(view.view)
        session.changes.collect { view.render(onIo { engine.history() }) }
    }

    private fun export() = doing {
        val file = File(ShareProvider.folder(activity), "ispeed.ndjson")
        onIo { engine.export(file.path) }
        share(ShareProvider.intent(file))
    }

    private suspend fun detailPage(id: String) {
        session.changes.collect { put(DetailView(activity, onIo { engine.detail(id) }, detailActions).view) }
    }

    private val detailActions = object : DetailActions {
        override fun shareText(text: String) =
            share(Intent(Intent.ACTION_SEND).setType("text/plain").putExtra(Intent.EXTRA_TEXT, text))

        override fun sharePicture(of: View) = doing {
            val picture = Bitmap.createBitmap(of.width, of.height, Bitmap.Config.ARGB_8888)
            of.draw(Canvas(picture))
            val file = File(ShareProvider.folder(activity), "ispeed.png")
            onIo { file.outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, FULL_QUALITY, it) } }
            share(ShareProvider.intent(file))
        }

        override fun erase(id: String) = sure(Say.DETAIL_ERASE_SURE) {
            onIo { engine.erase(id) }
            // First away from the detail, which would look for the sample again.
            show(Tab.HISTORY)
            session.changed()
        }

        override fun sendAgain(id: String) = doing {
            onIo { engine.requeue(id) }
            session.changed()
            session.upload()
        }
    }

    private suspend fun fieldPage() {
        val view = FieldView(activity, fieldActions, session.preferences.repeat)
        put(view.view)
        offered?.let(view::offer)
        offered = null
        watchPlace()
        session.field.state.collect(view::render)
    }

    /** The guide follows the person while the screen is shown. */
    private fun watchPlace() {
        follow = scope.launch { session.phoneState.collect { session.field.phoneChanged() } }
    }

    private val fieldActions = object : FieldActions {
        override fun join(text: String, role: String) = session.field.join(text, role)

        override fun leave() = session.field.leave()

        override fun fetchPlan() = session.field.fetchPlan()

        override fun start(rules: RepeatRules) {
            session.preferences.repeat = rules
            FieldService.start(activity)
        }

        override fun stop() {
            session.field.stop()
            FieldService.stop(activity)
        }

        override fun pair(code: String) = session.field.measurePair(code)
    }

    private suspend fun settingsPage() {
        val view = SettingsView(activity, settingsActions)
        put(view.view)
        refresher = { scope.launch { guarded { view.render(settings()) } } }
        view.render(settings())
    }

    private suspend fun settings(): SettingsState = onIo {
        SettingsState(
            choices = Choices.of(engine.consent()),
            limits = session.preferences.limits,
            boundaries = engine.boundaries(),
            collector = session.preferences.collector,
            said = said,
        )
    }

    private val settingsActions = object : SettingsActions {
        override fun changeConsent() = doing {
            choices = Choices.of(onIo { engine.consent() })
            show(Tab.SETTINGS)
        }

        override fun withdraw() = saying(Say.CONSENT_WITHDRAWN) { onIo { engine.withdrawConsent() } }

        override fun setLimits(limits: DataLimits) = saying(Say.LIMIT_SAVED) { limit(limits) }

        override fun setCollector(url: String) = doing {
            // What goes on belongs to the core that is open.
            if (session.measure.isRunning || session.field.isRepeating) throw EngineException("busy", "a run goes on")
            activity.reopen(Tab.SETTINGS, url)
        }

        override fun fetchBoundaries() = doing {
            val there = onIo { engine.fetchBoundaries() }
            said = say(if (there) Say.MY_BOUNDARIES_DONE else Say.MY_BOUNDARIES_NOT_OFFERED)
            refresh()
        }

        override fun deleteMyData() = sure(Say.MY_DELETE_SURE) {
            val deleted = onIo { engine.deleteMyData() }
            said = say(Say.MY_DELETED, number(deleted))
            session.changed()
            refresh()
        }
    }

    private suspend fun limit(limits: DataLimits) {
        session.preferences.limits = limits
        onIo { engine.setLimits(limits) }
    }

    private fun saying(done: Say, work: suspend () -> Unit) = doing {
        work()
        said = say(done)
        refresh()
    }

    /** Asks first: what follows cannot be undone. */
    private fun sure(question: Say, work: suspend () -> Unit) {
        val words = activity.kit.words
        AlertDialog.Builder(activity)
            .setMessage(words.of(say(question)))
            .setPositiveButton(words.of(say(Say.MY_DELETE_YES))) { _, _ -> doing(work) }
            .setNegativeButton(words.of(say(Say.CANCEL)), null)
            .show()
    }

    private fun share(intent: Intent) = activity.startActivity(Intent.createChooser(intent, null))

    private fun doing(work: suspend () -> Unit) {
        scope.launch { guarded(work) }
    }

    /** What the core refuses is said, on whatever screen it happened. */
    private suspend fun guarded(work: suspend () -> Unit) {
        try {
            work()
        } catch (failed: EngineException) {
            AlertDialog.Builder(activity)
                .setMessage(activity.kit.words.of(problem(failed.kind, failed.message.orEmpty())))
                .setPositiveButton(android.R.string.ok, null)
                .show()
        }
    }

    private suspend fun <T> onIo(work: suspend () -> T): T = withContext(session.io) { work() }

    private companion object {
        const val MICROS_PER_MS = 1_000L
        const val FULL_QUALITY = 100
    }
}
