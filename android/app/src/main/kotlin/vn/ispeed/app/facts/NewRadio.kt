package vn.ispeed.app.facts

import android.os.Build
import android.telephony.CellIdentityNr
import android.telephony.CellInfo
import android.telephony.CellInfoLte
import android.telephony.CellInfoNr
import android.telephony.CellSignalStrengthNr
import vn.ispeed.app.engine.Radio
import vn.ispeed.app.engine.Technology

/** 5G cells. */
@Since(Build.VERSION_CODES.Q)
internal object Nr {
    fun read(cells: List<CellInfo>, technology: Technology): Radio? {
        val cell = cells.filterIsInstance<CellInfoNr>().firstOrNull() ?: return null
        val signal = cell.cellSignalStrength as? CellSignalStrengthNr
        val identity = cell.cellIdentity as? CellIdentityNr
        return Radio(
            technology = if (technology == Technology.UNKNOWN) Technology.G5 else technology,
            rsrpDbm = signal?.ssRsrp?.let(::known)?.toDouble(),
            rsrqDb = signal?.ssRsrq?.let(::known)?.toDouble(),
            sinrDb = signal?.ssSinr?.let(::known)?.toDouble(),
            cellId = identity?.nci?.takeIf { it != CellInfo.UNAVAILABLE_LONG }?.toString(),
            pci = identity?.pci?.let(::known),
            areaCode = identity?.tac?.let(::known),
            arfcn = identity?.nrarfcn?.let(::known),
            band = identity?.let { if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) Bands.nr(it) else null },
        )
    }
}

/** Bands, which phones name since API 30. */
@Since(Build.VERSION_CODES.R)
internal object Bands {
    fun lte(cell: CellInfoLte): String? = cell.cellIdentity.bands.firstOrNull()?.let { "B$it" }

    fun nr(identity: CellIdentityNr): String? = identity.bands.firstOrNull()?.let { "n$it" }
}
