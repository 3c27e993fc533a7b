package vn.ispeed.app.engine

import android.content.Context
import java.io.File
import vn.ispeed.app.Preferences
import vn.ispeed.core.Folders
import vn.ispeed.core.HistoryFilter
import vn.ispeed.core.Ispeed
import vn.ispeed.core.IspeedException
import vn.ispeed.core.PlanAbout
import vn.ispeed.core.RunObserver
import vn.ispeed.core.RunTarget
import vn.ispeed.core.Settings
import vn.ispeed.core.canBindNetwork
import vn.ispeed.core.errorKind
import vn.ispeed.core.errorText

/** The Rust core. This file and [Mirror] alone name its generated package. */
class RustEngine private constructor(private val core: Ispeed) : Engine, AutoCloseable {
    private val mirror = Mirror { code -> core.communeName(code)?.name }

    override val bindsNetworks: Boolean = canBindNetwork()

    override fun close() = core.close()

    override fun consent(): Consent? = asked { core.consent()?.let(mirror::consent) }

    override fun recordConsent(consent: Consent) = asked { core.recordConsent(mirror.choice(consent)) }

    override fun withdrawConsent() = asked { core.withdrawConsent() }

    override fun setLimits(limits: DataLimits) = asked { core.setDataLimits(mirrored(limits)) }

    override fun estimate(plan: RunPlan, facts: Facts): Estimate =
        asked { mirror.estimate(core.estimate(plan(plan), mirror.facts(facts))) }

    override fun start(plan: RunPlan, facts: Facts, observer: (Progress) -> Unit): Run = asked {
        val told = object : RunObserver {
            override fun progress(snapshot: vn.ispeed.core.Progress) = observer(mirror.progress(snapshot))
        }
        RustRun(core.start(plan(plan), mirror.facts(facts), told))
    }

    private inner class RustRun(private val run: vn.ispeed.core.Run) : Run {
        override fun push(facts: Facts) = asked { run.push(mirror.facts(facts)) }

        override fun cancel() = asked { run.cancel() }

        override suspend fun outcome(): Sample = asked {
            // The outbox knows more than the run: where the sample stands, and whether it may be sent. The run is not closed here: a
            // fact or a tap that comes this late is to find a run that is over, which takes it and does nothing, and not a closed one.
            detail(run.outcome().sample.id)
        }
    }

    private fun plan(plan: RunPlan) = vn.ispeed.core.RunPlan(
        target = RunTarget.Auto,
        networkHandle = plan.networkHandle?.toULong(),
        sim = plan.sim,
    )

    override fun history(): List<Sample> = asked { core.history(HistoryFilter()).map(mirror::entry) }

    override fun waiting(): Int = asked { core.stock().waiting.toInt() }

    override fun detail(id: String): Sample = asked { mirror.detail(core.detail(id)) }

    override fun erase(id: String) = asked { core.erase(id) }

    override fun requeue(id: String) = asked { core.requeue(id) }

    override fun export(path: String): Int = asked { core.exportSamples(path, HistoryFilter()).toInt() }

    override fun nextUpload(): NextUpload = asked { mirror.nextUpload(core.nextUpload()) }

    override fun uploadAnswered(id: String, answer: UploadAnswer) =
        asked<Unit> {
            core.uploadAnswered(id, mirror.answer(answer))
        }

    override suspend fun deleteMyData(): Int = asked { core.deleteMyData().size }

    override fun boundaries(): String? = asked { core.boundaryTable()?.reference }

    override suspend fun fetchBoundaries(): Boolean =
        asked { core.refreshBoundaries() != vn.ispeed.core.BoundaryRefresh.NOT_OFFERED }

    override suspend fun join(text: String, role: String?): Campaign = asked {
        if (text.startsWith(JOIN_PREFIX)) {
            mirror.joined(core.readCampaign(text), role)
        } else {
            mirror.campaign(core.campaign(text).campaign, role)
        }
    }

    override suspend fun fetchPlan(question: PlanQuestion): PlanPack = asked { pack(core.fetchPlanPack(about(question))) }

    override fun keptPlan(question: PlanQuestion): PlanPack? = asked { core.planPack(about(question))?.let(::pack) }

    private fun pack(pack: vn.ispeed.core.PlanPack): PlanPack = mirror.pack(pack, core::communeBorder)

    override fun guide(question: PlanQuestion, at: Point?, accuracyM: Double?): Guide = asked {
        mirror.guide(core.guide(about(question), at?.let { vn.ispeed.core.Point(it.lat, it.lon) }, accuracyM, NEXT_CELLS))
    }

    override fun newPair(): Pairing = asked { mirror.pair(core.newPair()) }

    override fun readPair(text: String): Pairing = asked { mirror.pair(core.readPair(text)) }

    private fun about(question: PlanQuestion): PlanAbout = when (question) {
        is PlanQuestion.Campaign -> PlanAbout.Campaign(question.code)
        // The plan of a day is kept for a commune, so that a step aside asks for the same one.
        is PlanQuestion.Around -> core.nearestCommune(vn.ispeed.core.Point(question.lat, question.lon), null).code
            ?.let(PlanAbout::Commune)
            ?: throw EngineException("not_found", "no commune at ${question.lat}, ${question.lon}")
    }

    companion object {
        private const val JOIN_PREFIX = "ispeed:campaign:"
        private const val NEXT_CELLS = 5u

        /** The boundaries of the release build, where it has any. */
        private const val BUNDLE = "communes.bundle"

        /** Opens the outbox in the app's own folder; what died with its process becomes a sample. */
        fun open(context: Context, preferences: Preferences, version: String): Engine {
            // Kept out of every backup: the device's secret lies in it.
            val data = context.noBackupFilesDir
            val limits = preferences.limits
            return open(data, bundle(context), preferences.collector, preferences.extraCaPem, limits, version)
        }

        /** The same without a context. */
        @Suppress("LongParameterList")
        fun open(
            data: File,
            bundle: String?,
            collector: String,
            extraCaPem: String?,
            limits: DataLimits,
            version: String,
        ): Engine = asked {
            val settings = Settings(
                collector = collector,
                programName = "ispeed-android",
                platform = "android",
                appBuild = version,
                dataLimits = mirrored(limits),
                extraCaPem = extraCaPem,
            )
            RustEngine(Ispeed.open(Folders(data.path), settings, bundle))
        }

        /** The asset as a file, which the core can read; written once a version of the app. */
        private fun bundle(context: Context): String? {
            if (BUNDLE !in context.assets.list("").orEmpty()) return null
            val file = File(context.noBackupFilesDir, "asset-$BUNDLE")
            val built = context.packageManager.getPackageInfo(context.packageName, 0).lastUpdateTime
            if (!file.isFile || file.lastModified() < built) {
                val part = File(file.path + ".part")
                context.assets.open(BUNDLE).use { asset -> part.outputStream().use(asset::copyTo) }
                part.renameTo(file)
            }
            return file.path
        }
    }
}

private fun mirrored(limits: DataLimits) =
    vn.ispeed.core.DataLimits(limits.perRunBytes?.toULong(), limits.perMonthBytes?.toULong())

/** A call of the core with the shell's own error. */
private inline fun <T> asked(call: () -> T): T = try {
    call()
} catch (refused: IspeedException) {
    throw EngineException(errorKind(refused), errorText(refused), refused)
} catch (lost: UnsatisfiedLinkError) {
    throw EngineException("internal", "libispeed.so: ${lost.message}", lost)
}
