package vn.ispeed.app

import android.net.NetworkCapabilities
import java.io.File
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Run
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.TransportKind

/** Runs from the tap to the collector, and what ends them on the way. */
class ServerRoboTest : OnServer() {
    @Test
    fun aTapMeasuresAndTheSampleArrivesAtTheCollector() {
        val activity = ready()
        val sample = measuredWhole(activity)
        assertTrue("a rate that the link can do: ${sample.down}", requireNotNull(sample.down?.goodputBps) in 1e6..40e6)
        assertTrue("${sample.up}", requireNotNull(sample.up?.goodputBps) in 1e6..20e6)
        assertNotNull(sample.latency.idleMs)
        assertTrue(sample.bytesDown + sample.bytesUp in 1..RUN_BYTES + RUN_BYTES / 10)
        assertEquals(TransportKind.CELLULAR, sample.transport.kind)
        assertEquals("viettel", sample.operator)
        assertEquals("25195", sample.place.code)
        val sentence = activity.text(R.id.sentence)
        assertTrue(sentence, Regex("""Tải xuống [\d.,]+\u00a0Mbps, tải lên [\d.,]+\u00a0Mbps, độ trễ \d+\u00a0ms\.""").matches(sentence))
        val shown = texts(activity.view(R.id.result))
        assertTrue("the demo server is not approved, and that is said: $shown", sample.verdict.reasons.any { it.vi in shown })

        uploadByTheSystem()
        val sent = session().engine.detail(sample.id)
        assertEquals(SampleState.SENT, sent.state)
        assertNotNull("its receipt is kept", sent.receipt)
        val export = File(folder.root, "export.ndjson")
        assertEquals(1, session().engine.export(export.path))
        assertTrue(export.readText().contains("\"receipt\":{"))
        Server.run("verify", export.path)
        assertEquals("the collector held exactly this one", 1, runBlocking { session().engine.deleteMyData() })
    }

    @Test
    fun withoutConsentToUploadNothingLeaves() {
        val activity = AppTest.open()
        AppTest.until("the consent screen") { activity.has(R.id.agree) }
        listOf(R.id.consent_run, R.id.agree).forEach { activity.tap(it) }
        AppTest.until("the measure screen") { activity.has(R.id.measure) }
        val sample = measured(activity)
        assertEquals(SampleState.LOCAL, session().engine.detail(sample.id).state)
        assertEquals(0, runBlocking { session().engine.deleteMyData() })
    }

    @Test
    fun aServerThatIsGoneIsSaidAndTheAttemptIsKept() {
        val activity = agree()
        server.close()
        val sample = measured(activity)
        assertEquals(Outcome.SERVER_FAILED, sample.outcome)
        assertNull(sample.down)
        val said = "Không đo được: điểm đo không trả lời hoặc bị mất kết nối. Hãy kiểm tra mạng rồi đo lại sau ít phút."
        assertEquals(said, activity.text(R.id.sentence))
        staysForLater(sample)
    }

    @Test
    fun aServerThatDiesInTheMiddle() {
        AppTest.app.preferences.limits = DataLimits()
        val open = AppTest.app.openEngine
        AppTest.app.openEngine = { Watched(open()) { if (it.bytesDown > 0) server.close() } }
        val sample = measured(agree())
        // The download may have been whole already.
        assertTrue("$sample", sample.outcome == Outcome.SERVER_FAILED || sample.outcome == Outcome.PARTIAL)
        assertEquals("lost_mid_run", sample.outcomeReason)
    }

    @Test
    fun withoutPermissionItMeasuresAndSaysWhatIsMissing() {
        val activity = agree()
        val sample = measuredWhole(activity)
        assertTrue(sample.verdict.reasons.toString(), sample.verdict.reasons.any { it.code == "position_missing" })
        assertTrue(texts(activity.view(R.id.result)).any { it.startsWith("Không có vị trí. Hãy bật định vị") })
    }

    @Test
    fun mockWifiAndVpnAreEachSaid() {
        val activity = agree()
        mobile(NetworkCapabilities.TRANSPORT_WIFI, NetworkCapabilities.TRANSPORT_VPN, vpn = true)
        fix(mock = true)
        val sample = measured(activity)
        val codes = sample.verdict.reasons.map { it.code }
        assertTrue(codes.toString(), codes.containsAll(listOf("not_cellular", "vpn", "position_mocked")))
        val shown = texts(activity.view(R.id.result))
        assertTrue(shown.any { it.contains("Hãy tắt Wi-Fi") } && shown.any { it.contains("Hãy tắt VPN") })
    }

    @Test
    fun anotherNetworkInTheMiddleEndsTheRun() {
        val activity = moving()
        mobile(NetworkCapabilities.TRANSPORT_WIFI)
        session().measure.phoneChanged()
        val sample = over()
        assertEquals(Outcome.ABORTED, sample.outcome)
        assertEquals("Mạng thay đổi trong khi đo, nên phép đo đã dừng.", activity.text(R.id.sentence))
    }

    @Test
    fun stopEndsItAndTheAttemptIsKept() {
        val activity = moving()
        activity.tap(R.id.measure)
        val sample = over()
        assertEquals("cancelled", sample.outcomeReason)
        assertEquals(1, session().engine.history().size)
    }

    @Test
    fun aProcessThatDiedInTheMiddleLeavesASample() {
        DyingRun.startAndKill(AppTest.app.noBackupFilesDir, server)
        val activity = AppTest.open()
        AppTest.until("the core is open") { AppTest.app.session().isCompleted }
        AppTest.until("the measure screen") { activity.has(R.id.measure) }
        val sample = session().engine.history().single()
        val detail = session().engine.detail(sample.id)
        assertEquals(Outcome.ABORTED, detail.outcome)
        assertEquals("process_died", detail.outcomeReason)
        activity.tap(R.id.tab_history)
        AppTest.until("the history") { activity.has(R.id.rows) && texts(activity.view(R.id.rows)).isNotEmpty() }
        assertTrue(texts(activity.view(R.id.rows)).contains("Dừng giữa chừng"))
        assertTrue("measured once, and not again", session().engine.history().size == 1)
    }

    /** The core, whose progress is seen on its own thread, as it comes. */
    private class Watched(private val core: Engine, private val see: (Progress) -> Unit) : Engine by core, AutoCloseable {
        override fun start(plan: RunPlan, facts: Facts, observer: (Progress) -> Unit): Run = core.start(plan, facts) {
            see(it)
            observer(it)
        }

        override fun close() {
            (core as? AutoCloseable)?.close()
        }
    }
}
