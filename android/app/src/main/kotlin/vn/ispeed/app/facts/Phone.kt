package vn.ispeed.app.facts

import android.content.Context
import android.net.Network
import android.os.BatteryManager
import android.os.Build
import android.os.PowerManager
import android.provider.Settings
import vn.ispeed.app.RunFacts
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.Transport
import vn.ispeed.app.screens.PhoneState

/** What the phone knows; each part that is missing or not allowed is a member that is absent. */
class Phone(
    private val context: Context,
    private val appBuild: String,
    /** The core binds its sockets: then the load runs over mobile data while Wi-Fi stays on. */
    private val bindsToMobile: Boolean,
) : RunFacts {
    private val location = LocationFacts(context)
    private val network = NetworkFacts(context)
    private val radio = RadioFacts(context)

    /** Listens until [stop]; [changed] may come on any thread. */
    fun start(changed: () -> Unit) {
        location.start(changed)
        network.start(changed)
        radio.start(changed)
    }

    fun stop() {
        location.stop()
        network.stop()
        radio.stop()
    }

    /** What the screens show. */
    fun state(): PhoneState = PhoneState(
        transport = transport(),
        operatorName = radio.operatorName(),
        technology = radio.technology(),
        online = network.isOnline,
        airplaneMode = Settings.Global.getInt(context.contentResolver, Settings.Global.AIRPLANE_MODE_ON, 0) != 0,
        location = location.state(),
        batteryPercent = batteryPercent(),
        powerSave = context.getSystemService(PowerManager::class.java)?.isPowerSaveMode == true,
        dataSaver = network.isDataSaverOn(),
        dataSimSlot = radio.dataSlot(),
    )

    /** The latest position. */
    fun fix(): Fix? = location.fix()

    /** Facts at the start of a run. */
    override fun atStart(): Facts = Facts(
        fixStart = location.fix(),
        radioStart = radio.radio(),
        transport = transport(),
        osVersion = Build.VERSION.RELEASE,
        model = "${Build.MANUFACTURER} ${Build.MODEL}",
        appBuild = appBuild,
    )

    /** Facts between the directions. */
    override fun atMiddle(): Facts = Facts(fixMid = location.fix(), transport = transport())

    /** Facts at the end. */
    override fun atEnd(): Facts = Facts(fixEnd = location.fix(), radioEnd = radio.radio(), transport = transport())

    /** What changed while a run goes on. */
    override fun change(): Facts = Facts(transport = transport())

    /** Label of the SIM that pays. */
    override fun simLabel(): String? = radio.simLabel()

    /** Charge in per cent, where the phone tells. */
    fun batteryPercent(): Int? = context.getSystemService(BatteryManager::class.java)
        ?.getIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY)
        ?.takeIf { it in 1..FULL }

    /** Handle of the mobile network the load is bound to; `null` leaves it to the system. */
    override fun networkHandle(): Long? = bound()?.networkHandle

    private fun bound(): Network? = network.cellular.takeIf { bindsToMobile }

    private fun transport(): Transport {
        val carried = network.transport(bound())
        return carried.copy(
            roaming = radio.isRoaming() ?: carried.roaming,
            servingPlmn = radio.servingPlmn(),
            simPlmn = radio.simPlmn(),
            simBrand = radio.simBrand(),
        )
    }

    private companion object {
        const val FULL = 100
    }
}
