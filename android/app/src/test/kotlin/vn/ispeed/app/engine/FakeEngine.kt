package vn.ispeed.app.engine

import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred

/** A core without a network: what it answers is put in, what it was asked is kept. */
class FakeEngine : Engine {
    var choice: Consent? = null
    var samples: List<Sample> = emptyList()
    var keptLimits = DataLimits()
    var refuse: EngineException? = null
    var estimate = Estimate(likelyBytes = 150_000_000, maxBytes = 900_000_000)
    var pack: PlanPack? = null
    var guide: Guide? = null

    /** How often a guide was asked for. */
    val guides = AtomicInteger()
    var table: String? = "vn@2025-07-01#abc"
    val runs = CopyOnWriteArrayList<FakeRun>()
    val queue = ArrayDeque<NextUpload>()
    val answers = mutableListOf<Pair<String, UploadAnswer>>()
    val erased = mutableListOf<String>()
    val requeued = mutableListOf<String>()

    class FakeRun(val id: String, val plan: RunPlan, val facts: Facts, val observer: (Progress) -> Unit) : Run {
        val pushed = CopyOnWriteArrayList<Facts>()
        val end = CompletableDeferred<Sample>()
        var cancelled = false

        override fun push(facts: Facts) {
            pushed += facts
        }

        override fun cancel() {
            cancelled = true
            end.complete(Sample(id, 0, Outcome.ABORTED, "cancelled"))
        }

        override suspend fun outcome(): Sample = end.await()
    }

    override val bindsNetworks = false

    private fun <T> answer(value: T): T = refuse?.let { throw it } ?: value

    override fun consent(): Consent? = choice

    override fun recordConsent(consent: Consent) {
        choice = consent
    }

    override fun withdrawConsent() {
        choice = choice?.copy(run = false, share = Share.NONE, upload = false)
    }

    override fun setLimits(limits: DataLimits) {
        keptLimits = limits
    }

    override fun estimate(plan: RunPlan, facts: Facts): Estimate = estimate

    override fun start(plan: RunPlan, facts: Facts, observer: (Progress) -> Unit): Run {
        answer(Unit)
        return FakeRun("run-${runs.size}", plan, facts, observer).also { runs += it }
    }

    override fun history(): List<Sample> = samples

    override fun waiting(): Int = samples.count { it.state == SampleState.WAITING || it.state == SampleState.SENDING }

    override fun detail(id: String): Sample = samples.find { it.id == id } ?: throw EngineException("not_found", id)

    override fun erase(id: String) {
        erased += id
        samples = samples.filter { it.id != id }
    }

    override fun requeue(id: String) {
        requeued += id
    }

    override fun export(path: String): Int {
        java.io.File(path).writeText(samples.joinToString("\n") { "{\"sample\":{\"id\":\"${it.id}\"},\"receipt\":null}" })
        return samples.size
    }

    override fun nextUpload(): NextUpload = queue.removeFirstOrNull() ?: NextUpload.Done

    override fun uploadAnswered(id: String, answer: UploadAnswer) {
        answers += id to answer
    }

    override suspend fun deleteMyData(): Int = answer(samples.size)

    override fun boundaries(): String? = table

    override suspend fun fetchBoundaries(): Boolean = answer(true)

    override suspend fun join(text: String, role: String?): Campaign =
        answer(Campaign(text, "Đợt đo thử", "2026-11-01", "2026-11-30", listOf("25195"), role))

    override suspend fun fetchPlan(question: PlanQuestion): PlanPack = answer(pack) ?: throw EngineException("no_network", "")

    override fun keptPlan(question: PlanQuestion): PlanPack? = pack

    override fun guide(question: PlanQuestion, at: Point?, accuracyM: Double?): Guide {
        guides.incrementAndGet()
        return guide ?: throw EngineException("input", "no plan is kept")
    }

    override fun newPair(): Pairing = Pairing("pair-1", "AB12", 0)

    override fun readPair(text: String): Pairing = Pairing("pair-1", text, 0)
}
