package vn.ispeed.app.screens

import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.Technology
import vn.ispeed.app.engine.Transport
import vn.ispeed.app.engine.TransportKind

/** What the phone knows of its position. */
sealed interface LocationState {
    /** The person did not allow it. */
    data object Denied : LocationState

    /** The person allowed the approximate position only. */
    data object CoarseOnly : LocationState

    /** It is allowed and switched off. */
    data object Off : LocationState

    /** No fix yet. */
    data object Waiting : LocationState

    /** A fix. */
    data class Known(val fix: Fix) : LocationState
}

/** What the phone knows before a run. */
data class PhoneState(
    val transport: Transport = Transport(),
    val operatorName: String? = null,
    val technology: Technology = Technology.UNKNOWN,
    val online: Boolean = true,
    val airplaneMode: Boolean = false,
    val location: LocationState = LocationState.Waiting,
    val batteryPercent: Int? = null,
    val powerSave: Boolean = false,
    val dataSaver: Boolean = false,
    /** Slot of the SIM that carries data, from 1; `null` where there is one SIM, or the phone does not tell. */
    val dataSimSlot: Int? = null,
)

/** One line: what carries the packets. */
fun networkLine(phone: PhoneState): Text = when {
    !phone.online -> say(Say.NETWORK_NONE)
    phone.transport.kind == TransportKind.WIFI -> say(Say.NETWORK_WIFI)
    phone.transport.kind == TransportKind.ETHERNET -> say(Say.NETWORK_ETHERNET)
    phone.transport.kind == TransportKind.CELLULAR -> {
        val operator = phone.operatorName?.let(::plain) ?: say(Say.NETWORK_UNKNOWN)
        say(Say.NETWORK_LINE, operator, technology(phone.technology))
    }
    else -> say(Say.NETWORK_OTHER)
}

/** Name of a technology. */
fun technology(technology: Technology): Text = say(
    when (technology) {
        Technology.G2 -> Say.TECHNOLOGY_2G
        Technology.G3 -> Say.TECHNOLOGY_3G
        Technology.G4 -> Say.TECHNOLOGY_4G
        Technology.G5 -> Say.TECHNOLOGY_5G
        Technology.G5_NSA -> Say.TECHNOLOGY_5G_NSA
        Technology.G5_SA -> Say.TECHNOLOGY_5G_SA
        Technology.UNKNOWN -> Say.TECHNOLOGY_UNKNOWN
    },
)

/** What a person should know or do before measuring; whether a sample counts is the core's to say. */
fun hints(phone: PhoneState): List<Text> = buildList {
    if (phone.airplaneMode) add(say(Say.BEFORE_AIRPLANE))
    if (!phone.online && !phone.airplaneMode) add(say(Say.BEFORE_OFFLINE))
    if (phone.transport.kind == TransportKind.WIFI) add(say(Say.BEFORE_WIFI))
    if (phone.transport.vpn == true) add(say(Say.BEFORE_VPN))
    if (phone.transport.roaming == true) add(say(Say.BEFORE_ROAMING))
    if (phone.transport.captivePortal == true) add(say(Say.BEFORE_PORTAL))
    locationHint(phone.location)?.let(::add)
    if (phone.powerSave) {
        add(phone.batteryPercent?.let { say(Say.BEFORE_BATTERY, number(it)) } ?: say(Say.BEFORE_POWER_SAVE))
    }
    if (phone.dataSaver) add(say(Say.BEFORE_DATA_SAVER))
}

private fun locationHint(location: LocationState): Text? = when (location) {
    LocationState.Denied -> say(Say.BEFORE_LOCATION_DENIED)
    LocationState.CoarseOnly -> say(Say.BEFORE_LOCATION_COARSE)
    LocationState.Off -> say(Say.BEFORE_LOCATION_OFF)
    LocationState.Waiting -> say(Say.BEFORE_LOCATION_WAIT)
    is LocationState.Known -> if (location.fix.mock == true) say(Say.BEFORE_MOCK) else null
}

/** Radius of the fix, where there is one. */
fun accuracyLine(location: LocationState): Text? =
    (location as? LocationState.Known)?.fix?.accuracyM?.let { say(Say.LOCATION_ACCURACY, number(it)) }
