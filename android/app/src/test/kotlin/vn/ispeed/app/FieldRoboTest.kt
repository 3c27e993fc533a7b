package vn.ispeed.app

import android.app.NotificationManager
import android.content.Intent
import android.location.Location
import android.location.LocationManager
import android.net.Uri
import android.os.BatteryManager
import android.os.Looper
import android.os.SystemClock
import android.widget.EditText
import java.time.Duration
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLooper
import vn.ispeed.app.engine.Campaign
import vn.ispeed.app.engine.CommunePlan
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.Guide
import vn.ispeed.app.engine.NextCell
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.PlanCell
import vn.ispeed.app.engine.PlanPack
import vn.ispeed.app.engine.Point
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.Wind
import vn.ispeed.app.field.FieldService

@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
class FieldRoboTest {
    private val engine = AppTest.agreed()
    private val cell = PlanCell("c1", Point(11.5227, 106.899))

    @Before
    fun start() {
        AppTest.use(engine)
        AppTest.app.nowMicros = { SystemClock.elapsedRealtime() * 1_000 }
        engine.pack = PlanPack(
            communes = listOf(CommunePlan("25195", "Phường Bình Phước", 212, 88, unmeasured = listOf(cell))),
            spacingSeconds = 120,
            spacingM = 200,
            validUntilMicros = Long.MAX_VALUE,
        )
        engine.guide = Guide(listOf(NextCell("c1", cell.at, 200.0, Wind.N)))
        battery(80)
    }

    private fun battery(percent: Int) =
        shadowOf(requireNotNull(AppTest.app.getSystemService(BatteryManager::class.java)))
            .setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, percent)

    private fun field() = AppTest.open().apply { tap(R.id.tab_field) }

    private fun joined() = field().apply {
        (view(R.id.code) as EditText).setText("bp-2026-11")
        (view(R.id.role) as EditText).setText("TO-01")
        tap(R.id.join)
    }

    private fun service() = Robolectric.buildService(FieldService::class.java).create().startCommand(0, 1).also { AppTest.idle() }

    @Test
    fun joiningByCodeShowsShortfallAndWhereNext() {
        val activity = joined()
        assertTrue(activity.text(R.id.campaign).startsWith("Đợt đo thử (bp-2026-11)"))
        activity.tap(R.id.plan)
        assertEquals("Điểm tiếp theo: 200\u00a0m về hướng bắc", activity.text(R.id.next))
        assertTrue(texts(activity.get().content).contains("Phường Bình Phước: Đã có 212/300, còn thiếu 88 mẫu"))
        assertNotNull(activity.view(R.id.map).contentDescription)
        assertEquals("TO-01", AppTest.app.preferences.campaign?.role)
    }

    @Test
    fun aRefusalStaysToBeReadWhileThePhoneMoves() {
        engine.refuse = EngineException("input", "campaign")
        val activity = joined()
        assertEquals("Thông tin không hợp lệ: campaign", activity.text(R.id.problem))
        AppTest.app.session().getCompleted().field.phoneChanged()
        AppTest.idle()
        assertTrue(activity.has(R.id.problem))
    }

    @Test
    fun theTextOfAQrCodeArrivesFromTheCameraApp() {
        val intent = Intent(Intent.ACTION_VIEW, Uri.parse("ispeed:campaign:abc.def"))
        val activity = Robolectric.buildActivity(MainActivity::class.java, intent).setup()
        AppTest.idle()
        assertEquals("ispeed:campaign:abc.def", activity.text(R.id.code))
        assertNull("a code that was read joins nothing by itself", AppTest.app.preferences.campaign)
    }

    @Test
    fun repeatingIsAForegroundServiceWithANotice() {
        joined().tap(R.id.repeat)
        val started = requireNotNull(shadowOf(AppTest.app).nextStartedService)
        assertEquals(FieldService::class.java.name, started.component?.className)
        service()
        val manager = requireNotNull(AppTest.app.getSystemService(NotificationManager::class.java))
        assertEquals(1, shadowOf(manager).allNotifications.size)
        val run = engine.runs.single()
        assertEquals("bp-2026-11", run.facts.campaign)
        assertEquals(true, run.facts.measurer?.official)
        assertEquals("TO-01", run.facts.measurer?.roleCode)
    }

    @Test
    fun theNextRunWaitsForTimeAndPlace() {
        joined()
        service()
        engine.guide = Guide(emptyList(), metresToGo = 60)
        engine.runs.single().end.complete(sample("run-0"))
        AppTest.idle()
        ShadowLooper.idleMainLooper(130, java.util.concurrent.TimeUnit.SECONDS)
        assertEquals("sixty metres are still to go", 1, engine.runs.size)
        engine.guide = Guide(emptyList())
        shadowOf(android.os.Looper.getMainLooper()).idleFor(Duration.ofSeconds(130))
        assertEquals(2, engine.runs.size)
    }

    /** How often the core is asked for a guide after this, within [seconds]. */
    private fun guides(seconds: Long = 5, after: () -> Unit = {}): Int {
        val before = engine.guides.get()
        after()
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofSeconds(seconds))
        return engine.guides.get() - before
    }

    private fun stand(lat: Double) {
        val location = Location(LocationManager.GPS_PROVIDER).apply {
            latitude = lat
            longitude = 106.899
            accuracy = 8f
            elapsedRealtimeNanos = SystemClock.elapsedRealtimeNanos()
        }
        shadowOf(requireNotNull(AppTest.app.getSystemService(LocationManager::class.java))).simulateLocation(location)
    }

    @Test
    fun theCoreIsAskedForAGuideOnlyWhereSomethingHasChanged() {
        AppTest.allow()
        shadowOf(requireNotNull(AppTest.app.getSystemService(LocationManager::class.java)))
            .setProviderEnabled(LocationManager.GPS_PROVIDER, true)
        joined().tap(R.id.plan)
        service()
        engine.guide = Guide(emptyList(), metresToGo = 60)
        assertEquals("a sample", 1, guides { engine.runs.single().end.complete(sample("run-0")) })
        assertEquals("nothing", 0, guides())
        assertEquals("the first position", 1, guides { stand(11.5209) })
        assertEquals("two metres", 0, guides { stand(11.52092) })
        assertEquals("twenty metres", 1, guides { stand(11.5211) })
        engine.pack = engine.pack?.copy(validUntilMicros = 1)
        assertEquals("a plan", 1, guides { AppTest.app.session().getCompleted().field.fetchPlan() })
        assertEquals("a minute", 1, guides(seconds = 60))
    }

    @Test
    fun aLowBatteryStopsIt() {
        val activity = joined()
        battery(15)
        val service = service()
        assertTrue(engine.runs.isEmpty())
        assertEquals(true, shadowOf(service.get()).isStoppedBySelf)
        assertTrue(texts(activity.view(R.id.running)).contains("Đã dừng: pin còn 15\u00a0%."))
        assertTrue("what has stopped is started, not stopped again", activity.has(R.id.repeat) && !activity.has(R.id.stop_repeat))
    }

    @Test
    fun anyAttemptIsClosedWithACode() {
        joined()
        service()
        val session = AppTest.app.session().getCompleted()
        session.field.stop()
        AppTest.idle()
        assertTrue(engine.runs.single().cancelled)
    }

    @Test
    fun aPairCarriesItsId() {
        val activity = joined()
        activity.tap(R.id.pair)
        AppTest.idle()
        shadowOf(android.os.Looper.getMainLooper()).idleFor(Duration.ofSeconds(1))
        assertEquals("pair-1", engine.runs.single().facts.pairId)
    }

    @Test
    fun aCampaignOutlivesTheProcess() {
        AppTest.app.preferences.campaign = Campaign("bp-2026-11", "Đợt", "2026-11-01", "2026-11-30", listOf("25195", "25210"), "TO-02")
        val activity = field()
        assertTrue(activity.has(R.id.repeat))
        assertEquals(listOf("25195", "25210"), Preferences(AppTest.app).campaign?.communes)
        activity.tap(R.id.leave)
        assertNull(Preferences(AppTest.app).campaign)
    }

    @Test
    fun aDayGoesOnAfterTheProcessDied() {
        joined()
        service()
        engine.runs.single().end.complete(sample("run-0"))
        AppTest.idle()
        // Another process: nothing but what is written down.
        AppTest.app.reopen()
        shadowOf(AppTest.app).clearStartedServices()
        AppTest.open()
        assertEquals(FieldService::class.java.name, shadowOf(AppTest.app).nextStartedService?.component?.className)
        service()
        val repeating = AppTest.app.session().getCompleted().field.state.value.repeating
        assertEquals("the day's samples are still counted", 1, repeating?.samples)
        assertEquals("and the next is not at once", 1, engine.runs.size)
        AppTest.app.session().getCompleted().field.stop()
        assertEquals(false, AppTest.app.preferences.isRepeating)
    }

    private fun sample(id: String) = Sample(id, 0, Outcome.COMPLETE, bytesDown = 1)
}
