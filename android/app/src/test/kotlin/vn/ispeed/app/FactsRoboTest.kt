package vn.ispeed.app

import android.Manifest
import android.content.Context
import android.location.Location
import android.location.LocationManager
import android.net.ConnectivityManager
import android.net.NetworkCapabilities
import android.os.BatteryManager
import android.os.Looper
import android.os.PowerManager
import android.os.SystemClock
import android.provider.Settings
import android.telephony.SubscriptionManager
import android.telephony.TelephonyManager
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities
import org.robolectric.shadows.ShadowSubscriptionManager
import vn.ispeed.app.engine.FixSource
import vn.ispeed.app.engine.Technology
import vn.ispeed.app.engine.TransportKind
import vn.ispeed.app.facts.Missing
import vn.ispeed.app.facts.Phone
import vn.ispeed.app.screens.LocationState

/** What the phone says becomes a fact; what it does not say is absent and never a crash or a zero. */
@RunWith(RobolectricTestRunner::class)
class FactsRoboTest {
    private val context: Context get() = AppTest.app
    private val locations get() = requireNotNull(context.getSystemService(LocationManager::class.java))
    private val phone by lazy { Phone(context, "0.1.0", bindsToMobile = false) }

    @After
    fun stop() = phone.stop()

    private fun listen() {
        phone.start {}
        AppTest.idle()
    }

    private fun fix(mock: Boolean = false) {
        val location = Location(LocationManager.GPS_PROVIDER).apply {
            latitude = 11.5209
            longitude = 106.899
            accuracy = 12f
            time = 1_795_780_800_000
            elapsedRealtimeNanos = SystemClock.elapsedRealtimeNanos()
            isMock = mock
        }
        shadowOf(locations).simulateLocation(location)
        shadowOf(Looper.getMainLooper()).idle()
    }

    private fun gps(on: Boolean = true) = shadowOf(locations).setProviderEnabled(LocationManager.GPS_PROVIDER, on)

    private fun network(vararg transports: Int, vpn: Boolean = false, roaming: Boolean = false) {
        val manager = requireNotNull(context.getSystemService(ConnectivityManager::class.java))
        val capabilities = ShadowNetworkCapabilities.newInstance()
        transports.forEach(shadowOf(capabilities)::addTransportType)
        if (!vpn) shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        if (vpn) shadowOf(capabilities).removeCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        if (!roaming) shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_ROAMING)
        shadowOf(manager).setNetworkCapabilities(manager.activeNetwork, capabilities)
    }

    @Test
    fun withoutAnyPermissionEveryFactIsAbsent() {
        listen()
        val facts = phone.atStart()
        assertNull(facts.fixStart)
        assertEquals(Missing.PERMISSION_DENIED, facts.radioStart?.missing)
        assertEquals(Technology.UNKNOWN, facts.radioStart?.technology)
        assertNull(facts.radioStart?.rsrpDbm)
        assertEquals(LocationState.Denied, phone.state().location)
        assertNull("one SIM, or not told", phone.state().dataSimSlot)
    }

    @Test
    fun theApproximatePositionAloneIsSaid() {
        AppTest.allow(Manifest.permission.ACCESS_COARSE_LOCATION)
        listen()
        assertEquals(LocationState.CoarseOnly, phone.state().location)
    }

    @Test
    fun locationOffThenWaitingThenKnown() {
        AppTest.allow()
        gps(on = false)
        listen()
        assertEquals(LocationState.Off, phone.state().location)
        phone.stop()
        gps()
        listen()
        assertEquals(LocationState.Waiting, phone.state().location)
        fix()
        val known = phone.state().location as LocationState.Known
        assertEquals(12.0, requireNotNull(known.fix.accuracyM), 1e-6)
        assertEquals(FixSource.GNSS, known.fix.source)
        assertEquals(false, known.fix.mock)
        assertEquals(1_795_780_800_000_000, known.fix.atMicros)
        assertTrue(requireNotNull(known.fix.ageMs) >= 0)
        assertNull("no speed was told", known.fix.speedMps)
    }

    @Test
    fun aMockedPositionSaysSo() {
        AppTest.allow()
        gps()
        listen()
        fix(mock = true)
        assertEquals(true, phone.atStart().fixStart?.mock)
    }

    @Test
    fun wifiVpnAndMobile() {
        network(NetworkCapabilities.TRANSPORT_WIFI)
        assertEquals(TransportKind.WIFI, phone.state().transport.kind)
        assertEquals(false, phone.state().transport.vpn)
        network(NetworkCapabilities.TRANSPORT_CELLULAR, NetworkCapabilities.TRANSPORT_VPN, vpn = true)
        assertEquals(true, phone.state().transport.vpn)
        assertEquals("the VPN runs over mobile data", TransportKind.CELLULAR, phone.state().transport.kind)
        network(NetworkCapabilities.TRANSPORT_CELLULAR, NetworkCapabilities.TRANSPORT_WIFI)
        assertEquals("two at once are neither", TransportKind.OTHER, phone.state().transport.kind)
    }

    @Test
    fun withWifiOnTheLoadIsBoundToMobileData() {
        network(NetworkCapabilities.TRANSPORT_WIFI)
        val binding = Phone(context, "0.1.0", bindsToMobile = true)
        binding.start {}
        assertNull("no mobile network yet", binding.networkHandle())
        assertEquals(TransportKind.WIFI, binding.state().transport.kind)
        val manager = requireNotNull(context.getSystemService(ConnectivityManager::class.java))
        val mobile = ShadowNetwork.newInstance(7)
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addTransportType(NetworkCapabilities.TRANSPORT_CELLULAR)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_NOT_VPN)
        shadowOf(manager).setNetworkCapabilities(mobile, capabilities)
        shadowOf(manager).networkCallbacks.forEach { it.onAvailable(mobile) }
        assertEquals(mobile.networkHandle, binding.networkHandle())
        assertEquals(TransportKind.CELLULAR, binding.state().transport.kind)
        shadowOf(manager).networkCallbacks.forEach { it.onLost(mobile) }
        assertNull(binding.networkHandle())
        binding.stop()
    }

    @Test
    fun airplaneModeAndNoNetwork() {
        Settings.Global.putInt(context.contentResolver, Settings.Global.AIRPLANE_MODE_ON, 1)
        val manager = requireNotNull(context.getSystemService(ConnectivityManager::class.java))
        shadowOf(manager).setDefaultNetworkActive(false)
        shadowOf(manager).setActiveNetworkInfo(null)
        val state = phone.state()
        assertTrue(state.airplaneMode)
        assertFalse(state.online)
        assertEquals(TransportKind.UNKNOWN, state.transport.kind)
        assertNull(state.transport.vpn)
    }

    @Test
    fun operatorAndRoaming() {
        AppTest.allow()
        val telephony = shadowOf(requireNotNull(context.getSystemService(TelephonyManager::class.java)))
        telephony.setNetworkOperator("45601")
        telephony.setSimOperator("45204")
        telephony.setSimOperatorName("Viettel")
        telephony.setNetworkOperatorName("Cellcard")
        telephony.setIsNetworkRoaming(true)
        telephony.setDataNetworkType(TelephonyManager.NETWORK_TYPE_LTE)
        network(NetworkCapabilities.TRANSPORT_CELLULAR)
        val transport = phone.state().transport
        assertEquals("456-01", transport.servingPlmn)
        assertEquals("452-04", transport.simPlmn)
        assertEquals("Viettel", transport.simBrand)
        assertEquals(true, transport.roaming)
        assertEquals(Technology.G4, phone.state().technology)
        assertEquals("Cellcard", phone.state().operatorName)
    }

    @Test
    fun theDataSubscriptionOfTwoSpeaks() {
        AppTest.allow()
        val manager = requireNotNull(context.getSystemService(TelephonyManager::class.java))
        val calls = ShadowSubscriptionManager.SubscriptionInfoBuilder.newBuilder().setId(1).setSimSlotIndex(0).buildSubscriptionInfo()
        val data = ShadowSubscriptionManager.SubscriptionInfoBuilder.newBuilder().setId(2).setSimSlotIndex(1).buildSubscriptionInfo()
        shadowOf(requireNotNull(context.getSystemService(SubscriptionManager::class.java))).setActiveSubscriptionInfos(calls, data)
        ShadowSubscriptionManager.setDefaultDataSubscriptionId(2)
        val other = requireNotNull(context.getSystemService(TelephonyManager::class.java))
        shadowOf(other).setSimOperator("45202")
        shadowOf(manager).setSimOperator("45204")
        shadowOf(manager).setTelephonyManagerForSubscriptionId(2, secondSim())
        assertEquals(2, phone.state().dataSimSlot)
        assertEquals("452-02", phone.state().transport.simPlmn)
        assertEquals("the budget is the data SIM's", "452-02/2", phone.simLabel())
    }

    private fun secondSim(): TelephonyManager {
        val second = requireNotNull(
            AppTest.app.createAttributionContext("second").getSystemService(TelephonyManager::class.java),
        )
        shadowOf(second).setSimOperator("45202")
        return second
    }

    @Test
    fun lowBattery() {
        shadowOf(requireNotNull(context.getSystemService(PowerManager::class.java))).setIsPowerSaveMode(true)
        shadowOf(requireNotNull(context.getSystemService(BatteryManager::class.java)))
            .setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, 9)
        assertTrue(phone.state().powerSave)
        assertEquals(9, phone.state().batteryPercent)
    }

    @Test
    fun aPhoneThatDoesNotTellItsChargeHasNone() {
        shadowOf(requireNotNull(context.getSystemService(BatteryManager::class.java)))
            .setIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY, Int.MIN_VALUE)
        assertNull(phone.batteryPercent())
    }
}
