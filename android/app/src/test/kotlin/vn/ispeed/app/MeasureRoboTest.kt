package vn.ispeed.app

import android.app.job.JobScheduler
import android.view.View
import android.widget.CheckBox
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import vn.ispeed.app.engine.DirectionResult
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.FakeEngine
import vn.ispeed.app.engine.Latency
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Phase
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Reason
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.Share
import vn.ispeed.app.engine.Verdict

@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
class MeasureRoboTest {
    private val engine = AppTest.agreed()
    private val whole = Sample(
        id = "run-0",
        startedAtMicros = 1_795_780_800_000_000,
        outcome = Outcome.COMPLETE,
        down = DirectionResult(73_512_345.0, 70_100_000.0, 76_900_000.0),
        up = DirectionResult(18_250_000.0),
        latency = Latency(idleMs = 31.4),
        verdict = Verdict(counts = false, listOf(Reason("vpn", "Hãy tắt VPN.", "Switch the VPN off."))),
        state = SampleState.WAITING,
    )

    @Before
    fun start() = AppTest.use(engine)

    @Test
    fun nothingIsTickedAndNothingRunsBeforeTheChoice() {
        engine.choice = null
        val activity = AppTest.open()
        val ids = listOf(R.id.consent_run, R.id.consent_upload, R.id.consent_commune, R.id.consent_precise)
        ids.forEach { assertFalse((activity.view(it) as CheckBox).isChecked) }
        assertFalse(activity.view(R.id.agree).isEnabled)
        assertFalse("no tabs while nothing is agreed", activity.has(R.id.tab_history))
        activity.tap(R.id.consent_upload)
        assertFalse("uploading alone is no consent to measure", activity.view(R.id.agree).isEnabled)
        activity.tap(R.id.consent_run)
        activity.tap(R.id.consent_commune)
        activity.tap(R.id.agree)
        val recorded = requireNotNull(engine.choice)
        assertTrue(recorded.run && recorded.upload)
        assertEquals(Share.COMMUNE, recorded.share)
        assertTrue(activity.has(R.id.measure))
        assertTrue(engine.runs.isEmpty())
    }

    @Test
    fun whatIsTickedOutlivesTurningThePhone() {
        engine.choice = null
        val activity = AppTest.open()
        activity.tap(R.id.consent_run)
        activity.recreate()
        AppTest.idle()
        assertTrue((activity.view(R.id.consent_run) as CheckBox).isChecked)
        assertNull("ticking is not agreeing", engine.choice)
    }

    @Test
    fun declining_leaves_the_app() {
        engine.choice = null
        val activity = AppTest.open()
        activity.tap(R.id.decline)
        assertTrue(activity.get().isFinishing)
        assertNull(engine.choice)
    }

    @Test
    fun aTapMeasuresShowsItLiveAndEndsInOneSentence() {
        val activity = AppTest.open()
        assertTrue(texts(activity.view(R.id.lines)).first().contains("150\u00a0MB"))
        activity.tap(R.id.measure)
        val run = engine.runs.single()
        assertEquals("Dừng đo", activity.text(R.id.measure))
        run.observer(Progress(Phase.DOWNLOAD, 73.5e6, 70e6, 77e6, 31.0, 88.0, 46_000_000))
        AppTest.idle()
        assertEquals("Đang đo tải xuống…", activity.text(R.id.headline))
        assertEquals("73,5", activity.text(R.id.figure))
        assertEquals("Trong khoảng 70,0–77,0\u00a0Mbps", activity.text(R.id.interval))
        run.observer(Progress(Phase.UPLOAD))
        run.observer(Progress(Phase.FINISHING))
        AppTest.idle()
        assertEquals("facts in the middle and at the end", 2, run.pushed.size)
        run.end.complete(whole)
        AppTest.idle()
        assertEquals("Tải xuống 73,51\u00a0Mbps, tải lên 18,25\u00a0Mbps, độ trễ 31\u00a0ms.", activity.text(R.id.sentence))
        assertTrue(texts(activity.view(R.id.result)).contains("Hãy tắt VPN."))
        assertEquals("Đo lại", activity.text(R.id.measure))
        assertEquals("an upload is asked for", 1, jobs().size)
    }

    @Test
    fun turningThePhoneDoesNotEndTheRun() {
        val activity = AppTest.open()
        activity.tap(R.id.measure)
        val run = engine.runs.single()
        activity.recreate()
        AppTest.idle()
        assertFalse(run.cancelled)
        assertEquals("Dừng đo", activity.text(R.id.measure))
        run.observer(Progress(Phase.DOWNLOAD, 5e6))
        AppTest.idle()
        assertEquals("5,0", activity.text(R.id.figure))
        run.end.complete(whole)
        AppTest.idle()
        assertTrue(activity.text(R.id.sentence).startsWith("Tải xuống"))
        assertEquals(1, engine.runs.size)
    }

    @Test
    fun stopCancelsAndKeepsWhatThereIs() {
        val activity = AppTest.open()
        activity.tap(R.id.measure)
        activity.tap(R.id.measure)
        assertTrue(engine.runs.single().cancelled)
        assertEquals("Đã hủy.", activity.text(R.id.sentence))
    }

    @Test
    fun aTapThatComesTwiceStartsOneRun() {
        val control = AppTest.app.session().let {
            AppTest.idle()
            it.getCompleted().measure
        }
        control.start()
        control.start()
        AppTest.idle()
        assertEquals(1, engine.runs.size)
    }

    @Test
    fun whatTheCoreRefusesIsSaidInWords() {
        val activity = AppTest.open()
        engine.refuse = EngineException("budget", "used up")
        activity.tap(R.id.measure)
        val said = "Đã dùng hết giới hạn dữ liệu bạn đặt cho tháng này. Muốn đo tiếp, hãy tăng giới hạn trong Cài đặt."
        assertEquals(said, activity.text(R.id.headline))
        assertEquals("Bắt đầu đo", activity.text(R.id.measure))
        assertEquals("nothing was measured, so that nothing is handed in", 0, jobs().size)
    }

    @Test
    fun aCoreThatDoesNotOpenIsSaidAndTriedAgain() {
        var tries = 0
        AppTest.app.openEngine = {
            tries += 1
            if (tries == 1) throw EngineException("storage", "disk full") else engine
        }
        val first = AppTest.open()
        assertTrue(texts(first.get().content).single().contains("bộ nhớ"))
        first.destroy()
        assertTrue(AppTest.open().has(R.id.measure))
    }

    @Test
    @Config(qualifiers = "+en")
    fun englishIsSpokenToWhoSpeaksEnglish() {
        val activity = AppTest.open()
        assertEquals("Start", activity.text(R.id.measure))
    }

    @Test
    @Config(qualifiers = "+vi-w800dp-h360dp-land")
    fun landscapeKeepsTheButtonOnThePage() {
        val activity = AppTest.open()
        assertEquals(View.VISIBLE, activity.view(R.id.measure).visibility)
    }

    @Test
    fun backGoesHomeFirst() {
        val activity = AppTest.open()
        activity.tap(R.id.tab_settings)
        activity.get().onBackPressed()
        AppTest.idle()
        assertTrue(activity.has(R.id.measure))
        activity.get().onBackPressed()
        assertTrue(activity.get().isFinishing)
    }

    private fun jobs() = requireNotNull(AppTest.app.getSystemService(JobScheduler::class.java)).allPendingJobs
}
