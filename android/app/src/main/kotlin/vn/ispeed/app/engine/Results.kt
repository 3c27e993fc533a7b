package vn.ispeed.app.engine

/** How an attempt ended. Every attempt is a sample. */
enum class Outcome { COMPLETE, PARTIAL, NO_SERVICE, SERVER_FAILED, ABORTED }

/** Where a sample stands on its way to the collector. */
enum class SampleState { LOCAL, WAITING, SENDING, SENT, QUARANTINED }

/** How sure the commune is. */
enum class PlaceVerdict { CERTAIN, AMBIGUOUS, OUTSIDE, APPROXIMATE, UNKNOWN }

/** A commune a position may lie in. */
data class Candidate(val code: String, val name: String?, val distanceM: Double)

/** The commune of a sample and its doubt. */
data class Place(
    val verdict: PlaceVerdict,
    val code: String? = null,
    val name: String? = null,
    val candidates: List<Candidate> = emptyList(),
    val borderM: Double? = null,
    val table: String? = null,
)

/** Why a sample does not count: a stable code and the core's sentence for a person, in both languages. */
data class Reason(val code: String, val vi: String, val en: String)

/** Whether a sample counts, and who said so. */
data class Verdict(val counts: Boolean, val reasons: List<Reason> = emptyList(), val byCollector: Boolean = false)

/** The result of one direction. */
data class DirectionResult(
    val goodputBps: Double?,
    val lowBps: Double? = null,
    val highBps: Double? = null,
    val stop: String? = null,
    val flags: List<String> = emptyList(),
)

/** Latency, PDV and loss; what was not measured is `null`. */
data class Latency(
    val idleMs: Double? = null,
    val loadedDownMs: Double? = null,
    val loadedUpMs: Double? = null,
    val pdvMs: Double? = null,
    val lossShare: Double? = null,
)

/** Why a sample is still here: kind of the core, and its text. */
data class UploadProblem(val kind: String, val text: String)

/** One sample as the screens show it. */
data class Sample(
    val id: String,
    val startedAtMicros: Long,
    val outcome: Outcome,
    val outcomeReason: String? = null,
    val down: DirectionResult? = null,
    val up: DirectionResult? = null,
    val latency: Latency = Latency(),
    val place: Place = Place(PlaceVerdict.UNKNOWN),
    val transport: Transport = Transport(),
    val technology: Technology = Technology.UNKNOWN,
    val rsrpDbm: Double? = null,
    /** Code of the operator, `viettel`, as the core found it; `null`: not known. */
    val operator: String? = null,
    val server: String? = null,
    val bytesDown: Long = 0,
    val bytesUp: Long = 0,
    val verdict: Verdict = Verdict(counts = false),
    val state: SampleState = SampleState.LOCAL,
    val problem: UploadProblem? = null,
    val receipt: String? = null,
)

/** Where a run is. */
enum class Phase { CONNECTING, LATENCY, DOWNLOAD, UPLOAD, FINISHING, DONE }

/** A picture of a running measurement. The figures are of the direction that runs. */
data class Progress(
    val phase: Phase = Phase.CONNECTING,
    val rateBps: Double? = null,
    val lowBps: Double? = null,
    val highBps: Double? = null,
    val latencyMs: Double? = null,
    val loadedMs: Double? = null,
    val bytesDown: Long = 0,
    val bytesUp: Long = 0,
)
