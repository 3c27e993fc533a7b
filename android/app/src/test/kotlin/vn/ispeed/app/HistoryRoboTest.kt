package vn.ispeed.app

import android.app.job.JobScheduler
import android.content.DialogInterface
import android.content.Intent
import android.net.Uri
import android.view.ViewGroup
import android.widget.EditText
import java.io.FileNotFoundException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowAlertDialog
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.DirectionResult
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.UploadProblem

@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
class HistoryRoboTest {
    private val engine = AppTest.agreed()

    @Before
    fun start() {
        AppTest.use(engine)
        engine.samples = listOf(
            Sample(
                "a",
                1_795_780_800_000_000,
                Outcome.COMPLETE,
                down = DirectionResult(7e7),
                up = DirectionResult(2e7),
                state = SampleState.SENT,
            ),
            Sample("b", 1_795_780_700_000_000, Outcome.NO_SERVICE, state = SampleState.WAITING, problem = UploadProblem("network", "")),
            Sample(
                "c",
                1_795_780_600_000_000,
                Outcome.COMPLETE,
                state = SampleState.QUARANTINED,
                problem = UploadProblem("refused", "422"),
            ),
        )
    }

    private fun history(): ActivityController<MainActivity> = AppTest.open().apply { tap(R.id.tab_history) }

    private fun detail(index: Int) = history().apply {
        (view(R.id.rows) as ViewGroup).getChildAt(index).performClick()
        AppTest.idle()
    }

    private fun confirm() {
        ShadowAlertDialog.getLatestAlertDialog().getButton(DialogInterface.BUTTON_POSITIVE).performClick()
        AppTest.idle()
    }

    @Test
    fun sentWaitingAndRefusedSayWhy() {
        val shown = texts(history().view(R.id.rows))
        assertTrue(shown.toString(), shown.contains("không được tính · Đã gửi"))
        assertTrue(shown.contains("không được tính · Gửi lỗi, sẽ tự gửi lại: không có mạng, kết quả được lưu trên máy"))
        assertTrue(shown.contains("không được tính · Bị từ chối: máy chủ không nhận mẫu"))
    }

    @Test
    fun aRefusedSampleIsSentAgainWhenItsOwnerSaysSo() {
        val activity = detail(2)
        activity.tap(R.id.again)
        assertEquals(listOf("c"), engine.requeued)
        assertEquals(1, requireNotNull(AppTest.app.getSystemService(JobScheduler::class.java)).allPendingJobs.size)
    }

    @Test
    fun deletingAsksFirst() {
        val activity = detail(1)
        activity.tap(R.id.erase)
        assertTrue("nothing before the answer", engine.erased.isEmpty())
        confirm()
        assertEquals(listOf("b"), engine.erased)
        assertEquals(2, (activity.view(R.id.rows) as ViewGroup).childCount)
    }

    @Test
    fun theDetailOutlivesTurningAndGoesBackToTheHistory() {
        val activity = detail(0)
        activity.recreate()
        AppTest.idle()
        assertTrue(activity.has(R.id.picture))
        activity.get().onBackPressed()
        AppTest.idle()
        assertTrue(activity.has(R.id.rows))
    }

    @Test
    fun sharedTextHoldsNoIdAndNoPosition() {
        detail(0).tap(R.id.share_text)
        val sent = shared()
        assertEquals("text/plain", sent.type)
        val text = requireNotNull(sent.getStringExtra(Intent.EXTRA_TEXT))
        assertTrue(text, text.contains("70,00\u00a0Mbps") && text.contains("không phải là ứng dụng i-Speed của VNNIC"))
    }

    @Test
    fun thePictureIsAPng() {
        val activity = detail(0)
        activity.tap(R.id.share_picture)
        val uri = stream(shared())
        val bytes = read(uri)
        assertEquals(listOf(0x89.toByte(), 'P'.code.toByte(), 'N'.code.toByte(), 'G'.code.toByte()), bytes.take(4))
    }

    @Test
    fun theExportHoldsEverySample() {
        history().tap(R.id.export)
        val text = read(stream(shared())).decodeToString()
        assertEquals(3, text.lines().size)
    }

    @Test
    fun theProviderGivesNothingElse() {
        history().tap(R.id.export)
        for (path in listOf("../shared_prefs/ispeed.xml", "..", ".hidden", "nothing.png", "")) {
            val uri = Uri.Builder().scheme("content").authority("vn.ispeed.app.share").appendPath(path).build()
            assertThrows(path, FileNotFoundException::class.java) { AppTest.app.contentResolver.openInputStream(uri) }
        }
    }

    @Test
    fun withdrawingStopsEverythingAndSaysSo() {
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        activity.tap(R.id.withdraw)
        assertFalse(requireNotNull(engine.choice).run)
        assertTrue(activity.text(R.id.said).startsWith("Đã rút lại"))
    }

    @Test
    fun leavingTheChoicesAsTheyAreIsNotCalledARefusal() {
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        val before = engine.choice
        activity.tap(R.id.change_consent)
        assertEquals("Hủy", activity.text(R.id.decline))
        activity.tap(R.id.decline)
        assertEquals(before, engine.choice)
        assertTrue(activity.has(R.id.withdraw))
    }

    @Test
    fun deletingMyDataAsksFirstAndEndsWithReceipts() {
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        activity.tap(R.id.delete_mine)
        assertFalse(activity.has(R.id.said))
        confirm()
        assertEquals("Yêu cầu xóa đã được thực hiện: 3 mẫu, có biên nhận.", activity.text(R.id.said))
    }

    @Test
    fun withoutANetworkDeletingSaysWhy() {
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        engine.refuse = EngineException("no_network", "")
        activity.tap(R.id.delete_mine)
        confirm()
        val dialog = shadowOf(ShadowAlertDialog.getLatestAlertDialog())
        assertEquals("Không kết nối được máy chủ. Hãy kiểm tra mạng.", dialog.message)
    }

    @Test
    fun limitsAreKeptAndNothingIsALimit() {
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        (activity.view(R.id.limit_run) as EditText).setText("30")
        activity.tap(R.id.save_limits)
        assertEquals(DataLimits(perRunBytes = 30_000_000, perMonthBytes = null), AppTest.app.preferences.limits)
        assertEquals(AppTest.app.preferences.limits, engine.keptLimits)
    }

    private fun collector(activity: ActivityController<MainActivity>, url: String) {
        (activity.view(R.id.collector) as EditText).setText(url)
        activity.tap(R.id.save_collector)
    }

    @Test
    fun aCollectorThatTheCoreRefusesIsSaidAndTheOneBeforeStays() {
        val before = AppTest.app.preferences.collector
        AppTest.app.openEngine = {
            if (AppTest.app.preferences.collector == "nonsense") throw EngineException("input", "collector")
            engine
        }
        val activity = AppTest.open().apply { tap(R.id.tab_settings) }
        collector(activity, "nonsense")
        assertEquals("Thông tin không hợp lệ: collector", shadowOf(ShadowAlertDialog.getLatestAlertDialog()).message)
        assertEquals(before, AppTest.app.preferences.collector)
        activity.tap(R.id.tab_measure)
        assertTrue("the app goes on", activity.has(R.id.measure))
        activity.tap(R.id.tab_settings)
        collector(activity, "https://other.example")
        assertEquals("https://other.example", AppTest.app.preferences.collector)
    }

    @Test
    fun theCollectorStaysWhileARunGoesOn() {
        val before = AppTest.app.preferences.collector
        val activity = AppTest.open()
        activity.tap(R.id.measure)
        activity.tap(R.id.tab_settings)
        collector(activity, "https://other.example")
        assertEquals("Đang có một phép đo.", shadowOf(ShadowAlertDialog.getLatestAlertDialog()).message)
        assertEquals(before, AppTest.app.preferences.collector)
    }

    private fun shared(): Intent {
        val chooser = requireNotNull(shadowOf(AppTest.app).nextStartedActivity)
        @Suppress("DEPRECATION")
        return requireNotNull(chooser.getParcelableExtra(Intent.EXTRA_INTENT))
    }

    @Suppress("DEPRECATION")
    private fun stream(intent: Intent): Uri = requireNotNull(intent.getParcelableExtra(Intent.EXTRA_STREAM))

    private fun read(uri: Uri): ByteArray = requireNotNull(AppTest.app.contentResolver.openInputStream(uri)).use { it.readBytes() }
}
