package vn.ispeed.app

import android.net.ConnectivityManager
import android.os.BatteryManager
import android.os.PowerManager
import android.telephony.SubscriptionManager
import android.telephony.TelephonyManager
import java.io.File
import kotlinx.coroutines.runBlocking
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.shadows.ShadowSubscriptionManager
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.engine.TransportKind
import vn.ispeed.app.field.FieldService

/** States of the phone: what is said before a run, what comes of it, and what the collector then holds and makes of it. */
class StatesRoboTest : OnServer() {
    /** Hands the sample in; as it then stands, judged by the collector. */
    private fun handedIn(sample: Sample): Sample {
        uploadByTheSystem()
        val sent = session().engine.detail(sample.id)
        assertEquals("${sent.problem}", SampleState.SENT, sent.state)
        assertTrue("the collector judged it", sent.verdict.byCollector)
        assertEquals("the outcome is what was measured", sample.outcome, sent.outcome)
        val export = File(folder.root, "export.ndjson")
        assertEquals(1, session().engine.export(export.path))
        Server.run("verify", export.path)
        assertEquals("the collector held exactly this one", 1, runBlocking { session().engine.deleteMyData() })
        return sent
    }

    private fun codes(sample: Sample): List<String> = sample.verdict.reasons.map { it.code }

    /** Waits for a text: the phone's state is read on another thread. */
    private fun says(activity: ActivityController<MainActivity>, text: String) =
        AppTest.until("\"$text\" is shown", seconds = 10) { text in shown(activity) }

    /** Neither a network nor a cell; the SIM is still there. */
    private fun noService() {
        val networks = shadowOf(requireNotNull(AppTest.app.getSystemService(ConnectivityManager::class.java)))
        networks.setDefaultNetworkActive(false)
        networks.setActiveNetworkInfo(null)
        val telephony = shadowOf(requireNotNull(AppTest.app.getSystemService(TelephonyManager::class.java)))
        telephony.setNetworkOperator("")
        telephony.setDataNetworkType(TelephonyManager.NETWORK_TYPE_UNKNOWN)
        telephony.setAllCellInfo(emptyList())
    }

    /** A list of test points that names the server's own at an address to which no machine has a route. */
    private fun outOfReach(data: File): File {
        val keys = JSONObject(Server.run("server-key", "--data", data.path, "--format", "json"))
        val point = JSONObject()
            .put("id", "local")
            .put("name", "Điểm đo")
            .put("place", "Đồng Nai")
            .put("host_network", "lab")
            .put("class", "vnix")
            .put("url", NOWHERE)
            .put("public_key", keys.getString("evidence_key"))
        return folder.newFile("servers.json").apply { writeText(JSONObject().put("servers", JSONArray().put(point)).toString()) }
    }

    @Test
    fun withoutServiceTheAttemptIsEvidenceAndHandedInLater() {
        server.close()
        val data = folder.newFolder("far")
        // The collector is reached all the same: it stands for the network there is later.
        serve(data, "--servers", outOfReach(data).path)
        noService()
        val activity = ready()
        says(activity, "Không có mạng")
        says(activity, "Không có mạng. Vẫn có thể đo: mẫu được giữ làm bằng chứng vùng lõm sóng.")
        val sample = measured(activity)
        assertEquals(Outcome.NO_SERVICE, sample.outcome)
        assertEquals("no_route", sample.outcomeReason)
        assertNull(sample.down)
        assertNull(sample.up)
        assertEquals(TransportKind.UNKNOWN, sample.transport.kind)
        assertNull(sample.transport.servingPlmn)
        assertEquals("452-04", sample.transport.simPlmn)
        assertEquals("where the hole is", "25195", sample.place.code)
        assertEquals("Không có mạng tại đây. Mẫu được giữ làm bằng chứng vùng lõm sóng.", activity.text(R.id.sentence))
        says(activity, "Không có sóng hoặc không có mạng tại đây. Mẫu được giữ làm bằng chứng vùng lõm sóng; hãy đo lại khi có sóng.")
        assertTrue(codes(handedIn(sample)).contains("no_service"))
        assertTrue(File(folder.root, "export.ndjson").readText().contains("\"missing\":\"no_signal\""))
    }

    @Test
    fun withoutServiceNothingIsReachedAndItIsTriedAgain() {
        noService()
        AppTest.app.preferences.collector = NOWHERE
        val sample = measured(agree())
        assertEquals(sample.outcomeReason, Outcome.NO_SERVICE, sample.outcome)
        staysForLater(sample)
    }

    /** A whole run of a SIM that roams, which was said before. */
    private fun roamed(serving: String, sim: String): Pair<ActivityController<MainActivity>, Sample> {
        mobile(serving = serving, sim = sim)
        val activity = ready()
        says(activity, ROAMS)
        val sample = measuredWhole(activity)
        assertEquals(true, sample.transport.roaming)
        return activity to sample
    }

    @Test
    fun abroadItIsMeasuredAndDoesNotCount() {
        val (activity, sample) = roamed(serving = CELLCARD, sim = VIETTEL)
        assertEquals("456-01", sample.transport.servingPlmn)
        assertEquals("452-04", sample.transport.simPlmn)
        says(activity, "Máy đang bắt sóng mạng nước ngoài. Hãy chọn nhà mạng Việt Nam trong cài đặt mạng di động rồi đo lại.")
        val sent = handedIn(sample)
        assertFalse(sent.verdict.counts)
        assertTrue(codes(sent).toString(), codes(sent).contains("foreign_network"))
    }

    @Test
    fun aForeignSimThatRoamsDoesNotCount() {
        val (activity, sample) = roamed(serving = VIETTEL, sim = CELLCARD)
        says(activity, "SIM đang chuyển vùng quốc tế. Hãy dùng SIM trong nước rồi đo lại.")
        val sent = handedIn(sample)
        assertTrue(codes(sent).toString(), codes(sent).contains("roaming"))
        assertFalse(codes(sent).contains("foreign_network"))
    }

    @Test
    fun ofTwoSimsTheOneThatCarriesDataIsMeasured() {
        twoSims()
        val activity = ready()
        says(activity, "VinaPhone · 4G")
        says(activity, "SIM dữ liệu: VinaPhone (khe 2)")
        val sample = measuredWhole(activity)
        assertEquals("vinaphone", sample.operator)
        assertEquals("452-02", sample.transport.servingPlmn)
        assertEquals("452-02", sample.transport.simPlmn)
        val shown = texts(activity.view(R.id.result))
        assertTrue("$shown", shown.any { "VinaPhone" in it } && shown.none { "Viettel" in it })
        val used = { sim: String -> session().engine.estimate(RunPlan(sim), Facts()).usedBytes }
        assertTrue("the data SIM pays", used("452-02/2") > 0)
        assertEquals("the SIM for calls does not", 0L, used("452-04/1"))
        assertEquals("vinaphone", handedIn(sample).operator)
    }

    /** Viettel in slot 1 for calls, VinaPhone in slot 2 for data. */
    private fun twoSims() {
        val (calls, data) = listOf(1, 2).map {
            ShadowSubscriptionManager.SubscriptionInfoBuilder.newBuilder().setId(it).setSimSlotIndex(it - 1).buildSubscriptionInfo()
        }
        shadowOf(requireNotNull(AppTest.app.getSystemService(SubscriptionManager::class.java))).setActiveSubscriptionInfos(calls, data)
        ShadowSubscriptionManager.setDefaultDataSubscriptionId(2)
        val plain = shadowOf(requireNotNull(AppTest.app.getSystemService(TelephonyManager::class.java)))
        plain.setNetworkOperatorName("Viettel")
        val second = requireNotNull(AppTest.app.createAttributionContext("second").getSystemService(TelephonyManager::class.java))
        val ofSecond = shadowOf(second)
        ofSecond.setSimOperator(VINAPHONE)
        ofSecond.setNetworkOperator(VINAPHONE)
        ofSecond.setNetworkOperatorName("VinaPhone")
        ofSecond.setDataNetworkType(TelephonyManager.NETWORK_TYPE_LTE)
        plain.setTelephonyManagerForSubscriptionId(2, second)
    }

    private fun battery(percent: Int) = shadowOf(requireNotNull(AppTest.app.getSystemService(BatteryManager::class.java)))
        .setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, percent)

    @Test
    fun aLowBatteryIsSaidAndTheRunIsWhole() {
        battery(9)
        shadowOf(requireNotNull(AppTest.app.getSystemService(PowerManager::class.java))).setIsPowerSaveMode(true)
        val activity = ready()
        says(activity, "Pin còn 9\u00a0% và đang tiết kiệm pin: tốc độ đo được có thể thấp hơn thực tế.")
        val sample = measuredWhole(activity)
        assertTrue(activity.text(R.id.sentence).startsWith("Tải xuống"))
        assertEquals(Outcome.COMPLETE, handedIn(sample).outcome)
    }

    @Test
    fun aBatteryThatRunsLowEndsRepeatingAfterTheRun() {
        battery(80)
        val activity = ready()
        activity.tap(R.id.tab_field)
        val service = Robolectric.buildService(FieldService::class.java).create().startCommand(0, 1)
        bytesAreMoved()
        battery(15)
        val sample = whole(over())
        says(activity, "Đã dừng: pin còn 15\u00a0%.")
        AppTest.until("the service ends", seconds = 10) { shadowOf(service.get()).isStoppedBySelf }
        assertFalse("not when the app is opened again either", AppTest.app.preferences.isRepeating)
        assertEquals("no other run was begun", 1, session().engine.history().size)
        assertEquals(Outcome.COMPLETE, handedIn(sample).outcome)
    }

    private companion object {
        const val CELLCARD = "45601"
        const val VINAPHONE = "45202"
        const val ROAMS = "SIM đang chuyển vùng. Phí dữ liệu có thể cao; hãy dùng SIM trong nước."

        /** The broadcast address: no system opens a connection to it, each says that there is no route. */
        const val NOWHERE = "https://255.255.255.255:9"
    }
}
