package vn.ispeed.app.engine

/** Where a position came from. */
enum class FixSource { GNSS, FUSED, NETWORK, UNKNOWN }

/** One position, as the phone gave it. */
data class Fix(
    val lat: Double,
    val lon: Double,
    val accuracyM: Double?,
    val atMicros: Long?,
    val ageMs: Long?,
    val speedMps: Double?,
    val altitudeM: Double?,
    val mock: Boolean?,
    val source: FixSource,
)

/** Radio access technology that carries the data. */
enum class Technology { G2, G3, G4, G5_NSA, G5_SA, G5, UNKNOWN }

/** The radio at one moment, of the subscription that carries data. [missing] says why values are absent. */
data class Radio(
    val technology: Technology,
    val rsrpDbm: Double? = null,
    val rsrqDb: Double? = null,
    val sinrDb: Double? = null,
    val cellId: String? = null,
    val pci: Int? = null,
    val areaCode: Int? = null,
    val arfcn: Int? = null,
    val band: String? = null,
    val missing: String? = null,
)

/** What carries the packets. */
enum class TransportKind { CELLULAR, WIFI, ETHERNET, OTHER, UNKNOWN }

/** The network in use; `null` is what the phone does not tell. */
data class Transport(
    val kind: TransportKind = TransportKind.UNKNOWN,
    val vpn: Boolean? = null,
    val roaming: Boolean? = null,
    val metered: Boolean? = null,
    val captivePortal: Boolean? = null,
    val changed: Boolean = false,
    val servingPlmn: String? = null,
    val simPlmn: String? = null,
    val simBrand: String? = null,
)

/** Where the device was, as the person says. */
enum class Surroundings { INDOOR, OUTDOOR, MOVING }

/** In which role the person measures. The code is never a name. */
data class Measurer(val official: Boolean, val roleCode: String?)

/** What only the phone knows of a run; a member that is `null` adds nothing. */
data class Facts(
    val fixStart: Fix? = null,
    val fixMid: Fix? = null,
    val fixEnd: Fix? = null,
    val radioStart: Radio? = null,
    val radioEnd: Radio? = null,
    val transport: Transport = Transport(),
    val surroundings: Surroundings? = null,
    val measurer: Measurer? = null,
    val campaign: String? = null,
    val pairId: String? = null,
    val osVersion: String? = null,
    val model: String? = null,
    val appBuild: String? = null,
)
