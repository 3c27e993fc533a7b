package vn.ispeed.app.engine

/** What of the place leaves the phone. */
enum class Share { NONE, COMMUNE, PRECISE }

/** What the person agreed to, and the version of the text they saw. */
data class Consent(val version: String, val atMicros: Long, val run: Boolean, val share: Share, val upload: Boolean)

/** What the person allows; `null` is the method's own cap. */
data class DataLimits(val perRunBytes: Long? = null, val perMonthBytes: Long? = null)

/** What a run would use. */
data class Estimate(
    val likelyBytes: Long?,
    val maxBytes: Long,
    val usedBytes: Long = 0,
    val leftBytes: Long? = null,
)

/** What to measure; everything else is the method's. */
data class RunPlan(
    /** Label of the subscription that pays; never part of a sample. */
    val sim: String? = null,
    /** Network the load is bound to ([android.net.Network.getNetworkHandle]); `null` is the system's own choice. */
    val networkHandle: Long? = null,
)

/** What the core refused or failed at, by its stable [kind]. */
class EngineException(val kind: String, message: String, cause: Throwable? = null) : Exception(message, cause)

/** A run that goes on. */
interface Run {
    /** Adds what the phone just learned. */
    fun push(facts: Facts)

    /** Ends the run; what was measured is kept. */
    fun cancel()

    /** Waits for the sample. */
    suspend fun outcome(): Sample
}

/** What an upload has to send. */
class UploadRequest(
    val id: String,
    val method: String,
    val url: String,
    val headers: List<Pair<String, String>>,
    val body: ByteArray,
)

/** What the core wants next. */
sealed interface NextUpload {
    /** Send this, and report the answer. */
    class Upload(val request: UploadRequest) : NextUpload

    /** Nothing is due before this instant. */
    data class Wait(val untilMicros: Long) : NextUpload

    /** Nothing waits, or nothing may be sent. */
    data object Done : NextUpload
}

/** What the shell saw of an upload. */
sealed interface UploadAnswer {
    /** An HTTP answer of whoever answered. */
    class Http(val code: Int, val headers: List<Pair<String, String>>, val body: ByteArray) : UploadAnswer

    /** No answer: `no_network`, `dns`, `connect`, `tls`, `timeout`, `cut` or `other`. */
    data class Failed(val kind: String) : UploadAnswer
}

/** The one door to the core. Every call but [bindsNetworks] may wait for a disk or a network: not on the main thread. */
interface Engine {
    /** Whether a run can be bound to a network of the phone. */
    val bindsNetworks: Boolean

    /** The choice that rules, if one was ever made. */
    fun consent(): Consent?

    /** Records a choice; it rules from now on. */
    fun recordConsent(consent: Consent)

    /** Withdraws: no run, no position, no upload until a new choice. */
    fun withdrawConsent()

    /** Limits of the next runs. */
    fun setLimits(limits: DataLimits)

    /** What a run now would use on this SIM. */
    fun estimate(plan: RunPlan, facts: Facts): Estimate

    /** Starts a run; [observer] gets at most ten pictures a second, on a thread of the core. */
    fun start(plan: RunPlan, facts: Facts, observer: (Progress) -> Unit): Run

    /** All samples, the newest first. */
    fun history(): List<Sample>

    /** How many samples wait to be sent, those on their way included. */
    fun waiting(): Int

    /** One sample with everything known of it. */
    fun detail(id: String): Sample

    /** Deletes a sample from this phone. */
    fun erase(id: String)

    /** Puts a refused sample back into the queue. */
    fun requeue(id: String)

    /** Writes the hand-over file; returns how many samples it holds. */
    fun export(path: String): Int

    /** The next upload, marked as being sent. */
    fun nextUpload(): NextUpload

    /** Takes in the answer to an upload. */
    fun uploadAnswered(id: String, answer: UploadAnswer)

    /** Has the collector delete everything of this phone; returns how many samples. */
    suspend fun deleteMyData(): Int

    /** Version of the boundaries on this phone; `null`: communes are approximate. */
    fun boundaries(): String?

    /** Fetches the collector's boundaries and takes them over; false where it has none. */
    suspend fun fetchBoundaries(): Boolean

    /** Reads and checks a campaign's code or the text of its QR code. */
    suspend fun join(text: String, role: String?): Campaign

    /** Fetches the plan of the day and keeps it. */
    suspend fun fetchPlan(question: PlanQuestion): PlanPack

    /** The plan that is kept, without a network. */
    fun keptPlan(question: PlanQuestion): PlanPack?

    /** What to measure next by the kept plan, without a network; refused where none is kept. */
    fun guide(question: PlanQuestion, at: Point?, accuracyM: Double?): Guide

    /** A new pair; the other phone reads its text. */
    fun newPair(): Pairing

    /** The pair the other phone made. */
    fun readPair(text: String): Pairing
}
