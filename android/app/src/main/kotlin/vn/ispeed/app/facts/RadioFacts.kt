package vn.ispeed.app.facts

import android.Manifest
import android.content.Context
import android.content.pm.PackageManager
import android.os.Build
import android.telephony.CellInfo
import android.telephony.CellInfoLte
import android.telephony.CellInfoWcdma
import android.telephony.SubscriptionManager
import android.telephony.TelephonyManager
import vn.ispeed.app.engine.Radio
import vn.ispeed.app.engine.Technology

/** The radio and the SIM of the subscription that carries data. */
class RadioFacts(private val context: Context) {
    private val plain: TelephonyManager? = context.getSystemService(TelephonyManager::class.java)
    private val display = DisplayFacts(context)

    /** The manager of the data subscription: on a phone with two SIMs the plain one speaks of the one for calls. */
    private fun manager(): TelephonyManager? {
        val id = SubscriptionManager.getDefaultDataSubscriptionId()
        return if (id == SubscriptionManager.INVALID_SUBSCRIPTION_ID) plain else plain?.createForSubscriptionId(id)
    }

    fun start(changed: () -> Unit) = display.start(manager(), changed)

    fun stop() = display.stop()

    /** Network of the SIM, `452-08`. */
    fun simPlmn(): String? = plmn(unlessRefused { manager()?.simOperator })

    /** Network in use, `452-04`. */
    fun servingPlmn(): String? = plmn(unlessRefused { manager()?.networkOperator })

    /** Service provider name of the SIM. */
    fun simBrand(): String? = unlessRefused { manager()?.simOperatorName }?.ifBlank { null }

    /** Name of the network in use. */
    fun operatorName(): String? = unlessRefused { manager()?.networkOperatorName }?.ifBlank { null }

    /** Whether the data subscription is away from its network. */
    fun isRoaming(): Boolean? = unlessRefused { manager()?.isNetworkRoaming }

    /** Label under which the budget of the SIM is kept: never its number, never part of a sample. */
    fun simLabel(): String? = simPlmn()?.let { plmn -> "$plmn/${dataSlot() ?: 1}" }

    /** Slot of the SIM that carries data, from 1; `null` with one SIM, or where the phone does not tell. */
    fun dataSlot(): Int? {
        if (!isAllowed(Manifest.permission.READ_PHONE_STATE)) return null
        val subscriptions = context.getSystemService(SubscriptionManager::class.java) ?: return null
        val active = unlessRefused { subscriptions.activeSubscriptionInfoList }.orEmpty()
        if (active.size < 2) return null
        val data = SubscriptionManager.getDefaultDataSubscriptionId()
        return active.find { it.subscriptionId == data }?.let { it.simSlotIndex + 1 }
    }

    /** The radio now. */
    fun radio(): Radio {
        val technology = technology()
        if (!isAllowed(Manifest.permission.ACCESS_FINE_LOCATION)) {
            return Radio(technology, missing = Missing.PERMISSION_DENIED)
        }
        val cells = unlessRefused { manager()?.allCellInfo } ?: return Radio(technology, missing = Missing.API_MISSING)
        val serving = cells.filter { it.isRegistered }
        val newest = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) Nr.read(serving, technology) else null
        return newest ?: lte(serving, technology) ?: wcdma(serving, technology)
            ?: Radio(technology, missing = Missing.NO_SIGNAL)
    }

    /** Technology of the data connection; 5G beside an LTE anchor shows only through the display information. */
    fun technology(): Technology {
        if (!isAllowed(Manifest.permission.READ_PHONE_STATE)) return Technology.UNKNOWN
        val type = unlessRefused { manager()?.dataNetworkType } ?: return Technology.UNKNOWN
        val technology = technologyOf(type)
        return if (technology == Technology.G4 && display.showsNsa) Technology.G5_NSA else technology
    }

    private fun isAllowed(permission: String) =
        context.checkSelfPermission(permission) == PackageManager.PERMISSION_GRANTED
}

/** Technology of a network type of [TelephonyManager]. */
internal fun technologyOf(type: Int): Technology = when (type) {
    TelephonyManager.NETWORK_TYPE_GPRS,
    TelephonyManager.NETWORK_TYPE_EDGE,
    TelephonyManager.NETWORK_TYPE_GSM,
    -> Technology.G2
    TelephonyManager.NETWORK_TYPE_UMTS,
    TelephonyManager.NETWORK_TYPE_HSDPA,
    TelephonyManager.NETWORK_TYPE_HSUPA,
    TelephonyManager.NETWORK_TYPE_HSPA,
    TelephonyManager.NETWORK_TYPE_HSPAP,
    TelephonyManager.NETWORK_TYPE_TD_SCDMA,
    -> Technology.G3
    TelephonyManager.NETWORK_TYPE_LTE -> Technology.G4
    NETWORK_TYPE_NR -> Technology.G5_SA
    else -> Technology.UNKNOWN
}

/** [TelephonyManager.NETWORK_TYPE_NR] of API 29. */
private const val NETWORK_TYPE_NR = 20

/** A value of the platform, or `null` for its "unknown". */
internal fun known(value: Int): Int? = value.takeIf { it != Int.MAX_VALUE && it != Int.MIN_VALUE }

private fun lte(cells: List<CellInfo>, technology: Technology): Radio? {
    val cell = cells.filterIsInstance<CellInfoLte>().firstOrNull() ?: return null
    val (signal, identity) = cell.cellSignalStrength to cell.cellIdentity
    return Radio(
        technology = technology,
        rsrpDbm = known(signal.rsrp)?.toDouble(),
        rsrqDb = known(signal.rsrq)?.toDouble(),
        sinrDb = known(signal.rssnr)?.toDouble(),
        cellId = known(identity.ci)?.toString(),
        pci = known(identity.pci),
        areaCode = known(identity.tac),
        arfcn = known(identity.earfcn),
        band = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) Bands.lte(cell) else null,
    )
}

private fun wcdma(cells: List<CellInfo>, technology: Technology): Radio? {
    val cell = cells.filterIsInstance<CellInfoWcdma>().firstOrNull() ?: return null
    val identity = cell.cellIdentity
    return Radio(
        technology = technology,
        cellId = known(identity.cid)?.toString(),
        areaCode = known(identity.lac),
        arfcn = known(identity.uarfcn),
        missing = Missing.API_MISSING,
    )
}
