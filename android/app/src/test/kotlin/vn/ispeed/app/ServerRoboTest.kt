package vn.ispeed.app

import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.location.Location
import android.location.LocationManager
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.SystemClock
import android.telephony.TelephonyManager
import java.io.File
import java.time.Instant
import kotlinx.coroutines.runBlocking
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadow.api.Shadow
import org.robolectric.shadows.ShadowNetworkCapabilities
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Progress
import vn.ispeed.app.engine.Run
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.TransportKind
import vn.ispeed.app.screens.MeasureState
import vn.ispeed.app.upload.UploadJob

/** The app with its own core, `libispeed.so`, against a real `ispeed serve`: nothing here is made up but the phone and its link. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
class ServerRoboTest {
    @get:Rule
    val folder = TemporaryFolder()
    private lateinit var server: Server

    @Before
    fun start() {
        server = Server.start(folder.newFolder("server"))
        AppTest.app.preferences.collector = server.url
        AppTest.app.preferences.extraCaPem = server.certificate
        AppTest.app.preferences.limits = DataLimits(perRunBytes = RUN_BYTES)
        mobile()
    }

    @After
    fun stop() {
        (AppTest.app.session().takeIf { it.isCompleted }?.let { runBlocking { it.await() } }?.engine as? AutoCloseable)?.close()
        server.close()
    }

    private fun mobile(vararg transports: Int = intArrayOf(NetworkCapabilities.TRANSPORT_CELLULAR), vpn: Boolean = false) {
        val manager = requireNotNull(AppTest.app.getSystemService(ConnectivityManager::class.java))
        val capabilities = ShadowNetworkCapabilities.newInstance()
        transports.forEach(shadowOf(capabilities)::addTransportType)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_ROAMING)
        if (vpn) {
            shadowOf(capabilities).removeCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        } else {
            shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        }
        shadowOf(manager).setNetworkCapabilities(manager.activeNetwork, capabilities)
        val telephony = shadowOf(requireNotNull(AppTest.app.getSystemService(TelephonyManager::class.java)))
        telephony.setNetworkOperator("45204")
        telephony.setSimOperator("45204")
        telephony.setDataNetworkType(TelephonyManager.NETWORK_TYPE_LTE)
    }

    private fun agree(): ActivityController<MainActivity> {
        val activity = AppTest.open()
        AppTest.until("the consent screen") { activity.has(R.id.agree) }
        listOf(R.id.consent_run, R.id.consent_upload, R.id.consent_commune, R.id.agree).forEach { activity.tap(it) }
        AppTest.until("the measure screen") { activity.has(R.id.measure) }
        return activity
    }

    private fun fix(mock: Boolean = false) {
        AppTest.allow()
        val locations = requireNotNull(AppTest.app.getSystemService(LocationManager::class.java))
        shadowOf(locations).setProviderEnabled(LocationManager.GPS_PROVIDER, true)
        session().permissionsChanged()
        val location = Location(LocationManager.GPS_PROVIDER).apply {
            latitude = 11.5209
            longitude = 106.899
            accuracy = 12f
            // The machine's clock, not Robolectric's, which begins in 1970.
            time = Instant.now().toEpochMilli()
            elapsedRealtimeNanos = SystemClock.elapsedRealtimeNanos()
            isMock = mock
        }
        shadowOf(locations).simulateLocation(location)
        AppTest.idle()
    }

    private fun session(): Session {
        AppTest.until("the core is open") { AppTest.app.session().isCompleted }
        return runBlocking { AppTest.app.session().await() }
    }

    private fun measured(activity: ActivityController<MainActivity>): Sample {
        activity.tap(R.id.measure)
        return over()
    }

    private fun over(): Sample {
        val control = session().measure
        AppTest.until("the run ends", seconds = 90) { control.state.value !is MeasureState.Running }
        // What the screen makes of it.
        AppTest.idle()
        val ended = control.state.value
        return (ended as? MeasureState.Over)?.sample ?: error("no sample: $ended")
    }

    /** A run without limits that moves bytes. */
    private fun moving(): ActivityController<MainActivity> {
        AppTest.app.preferences.limits = DataLimits()
        val activity = agree()
        activity.tap(R.id.measure)
        val control = session().measure
        AppTest.until("bytes are moved") { ((control.state.value as? MeasureState.Running)?.progress?.bytesDown ?: 0) > 0 }
        return activity
    }

    private fun uploadByTheSystem() {
        val scheduler = requireNotNull(AppTest.app.getSystemService(JobScheduler::class.java))
        assertTrue("an upload is asked for", scheduler.allPendingJobs.any { it.service.className == UploadJob::class.java.name })
        assertTrue("and outlives a restart of the phone", scheduler.allPendingJobs.all { it.isPersisted })
        val before = session().changes.value
        Robolectric.buildService(UploadJob::class.java).create().get().onStartJob(Shadow.newInstanceOf(JobParameters::class.java))
        AppTest.until("the upload job ends") { session().changes.value > before }
    }

    @Test
    fun aTapMeasuresAndTheSampleArrivesAtTheCollector() {
        val activity = agree()
        fix()
        val sample = measured(activity)
        assertEquals(sample.outcomeReason, Outcome.COMPLETE, sample.outcome)
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
        server.program("verify", export.path)
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
        uploadByTheSystem()
        val kept = session().engine.detail(sample.id)
        assertEquals(SampleState.WAITING, kept.state)
        assertEquals("network", kept.problem?.kind)
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
        val sample = measured(activity)
        assertEquals(sample.outcomeReason, Outcome.COMPLETE, sample.outcome)
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

    private companion object {
        /** Less than the method's own cap, so that it is the person's limit that holds, and more than the link carries in a run. */
        const val RUN_BYTES = 60_000_000L
    }
}
