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
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Rule
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
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.screens.MeasureState
import vn.ispeed.app.upload.UploadJob

/** The app with its own core, `libispeed.so`, against a real `ispeed serve`: nothing here is made up but the phone and its link. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
abstract class OnServer {
    @get:Rule
    val folder = TemporaryFolder()
    protected lateinit var server: Server

    @Before
    fun start() {
        serve(folder.newFolder("server"))
        AppTest.app.preferences.limits = DataLimits(perRunBytes = RUN_BYTES)
        mobile()
    }

    /** The app's collector from now on, whose data lie in [data]. */
    protected fun serve(data: File, vararg more: String) {
        server = Server.start(data, *more)
        AppTest.app.preferences.collector = server.url
        AppTest.app.preferences.extraCaPem = server.certificate
    }

    @After
    fun stop() {
        (AppTest.app.session().takeIf { it.isCompleted }?.let { runBlocking { it.await() } }?.engine as? AutoCloseable)?.close()
        server.close()
    }

    protected fun mobile(
        vararg transports: Int = intArrayOf(NetworkCapabilities.TRANSPORT_CELLULAR),
        vpn: Boolean = false,
        serving: String = VIETTEL,
        sim: String = VIETTEL,
    ) {
        val manager = requireNotNull(AppTest.app.getSystemService(ConnectivityManager::class.java))
        val capabilities = ShadowNetworkCapabilities.newInstance()
        transports.forEach(shadowOf(capabilities)::addTransportType)
        if (serving == sim) shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_ROAMING)
        if (vpn) {
            shadowOf(capabilities).removeCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        } else {
            shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        }
        shadowOf(manager).setNetworkCapabilities(manager.activeNetwork, capabilities)
        val telephony = shadowOf(requireNotNull(AppTest.app.getSystemService(TelephonyManager::class.java)))
        telephony.setNetworkOperator(serving)
        telephony.setSimOperator(sim)
        telephony.setIsNetworkRoaming(serving != sim)
        telephony.setDataNetworkType(TelephonyManager.NETWORK_TYPE_LTE)
    }

    protected fun agree(): ActivityController<MainActivity> {
        val activity = AppTest.open()
        AppTest.until("the consent screen") { activity.has(R.id.agree) }
        listOf(R.id.consent_run, R.id.consent_upload, R.id.consent_commune, R.id.agree).forEach { activity.tap(it) }
        AppTest.until("the measure screen") { activity.has(R.id.measure) }
        return activity
    }

    protected fun fix(mock: Boolean = false) {
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

    protected fun session(): Session {
        AppTest.until("the core is open") { AppTest.app.session().isCompleted }
        return runBlocking { AppTest.app.session().await() }
    }

    protected fun measured(activity: ActivityController<MainActivity>): Sample {
        activity.tap(R.id.measure)
        return over()
    }

    protected fun over(): Sample {
        val control = session().measure
        AppTest.until("the run ends", seconds = 90) { control.state.value !is MeasureState.Running }
        // What the screen makes of it.
        AppTest.idle()
        val ended = control.state.value
        return (ended as? MeasureState.Over)?.sample ?: error("no sample: $ended")
    }

    /** A run without limits that moves bytes. */
    protected fun moving(): ActivityController<MainActivity> {
        AppTest.app.preferences.limits = DataLimits()
        val activity = agree()
        activity.tap(R.id.measure)
        bytesAreMoved()
        return activity
    }

    protected fun bytesAreMoved() {
        val control = session().measure
        AppTest.until("bytes are moved") { ((control.state.value as? MeasureState.Running)?.progress?.bytesDown ?: 0) > 0 }
    }

    /** A phone that may measure and knows where it is. */
    protected fun ready(): ActivityController<MainActivity> = agree().also { fix() }

    protected fun measuredWhole(activity: ActivityController<MainActivity>): Sample = whole(measured(activity))

    protected fun whole(sample: Sample): Sample {
        assertEquals(sample.outcomeReason, Outcome.COMPLETE, sample.outcome)
        return sample
    }

    /** The system tries to hand the sample in, reaches nobody, and keeps it for later. */
    protected fun staysForLater(sample: Sample) {
        uploadByTheSystem()
        val kept = session().engine.detail(sample.id)
        assertEquals(SampleState.WAITING, kept.state)
        assertEquals("network", kept.problem?.kind)
    }

    protected fun shown(activity: ActivityController<MainActivity>): List<String> = texts(activity.get().content)

    protected fun uploadByTheSystem() {
        val scheduler = requireNotNull(AppTest.app.getSystemService(JobScheduler::class.java))
        assertTrue("an upload is asked for", scheduler.allPendingJobs.any { it.service.className == UploadJob::class.java.name })
        assertTrue("and outlives a restart of the phone", scheduler.allPendingJobs.all { it.isPersisted })
        val before = session().changes.value
        Robolectric.buildService(UploadJob::class.java).create().get().onStartJob(Shadow.newInstanceOf(JobParameters::class.java))
        AppTest.until("the upload job ends") { session().changes.value > before }
    }

    protected companion object {
        const val VIETTEL = "45204"

        /** Less than the method's own cap, so that it is the person's limit that holds, and more than the link carries in a run. */
        const val RUN_BYTES = 60_000_000L
    }
}
