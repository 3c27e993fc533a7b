package vn.ispeed.app.field

import android.location.Location
import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.Guide
import vn.ispeed.app.engine.PlanPack

/** Nearer than this, a person has not moved: a guide speaks of cells of 200 m. */
private const val STEP_M = 5f

/** What a guide rests on: where one stands, the plan, the samples made so far, and the time, of which a minute is exact enough. */
internal data class Ground(
    val campaign: String?,
    val fix: Fix?,
    val plan: PlanPack?,
    val lastSample: String?,
    val minute: Long,
) {
    fun isLike(other: Ground): Boolean = copy(fix = null) == other.copy(fix = null) && isNear(fix, other.fix)
}

private fun isNear(a: Fix?, b: Fix?): Boolean {
    if (a == null || b == null) return a == b
    val metres = FloatArray(1)
    Location.distanceBetween(a.lat, a.lon, b.lat, b.lon, metres)
    return metres[0] < STEP_M
}

/** The core's guide, asked for anew only where what it rests on has changed: the core reads a plan and all samples for it. */
internal class GuideDesk(private val ask: (Ground) -> Guide?) {
    private var asked: Ground? = null
    private var answer: Guide? = null

    /** Waits for the core where it has to ask. */
    @Synchronized
    fun guide(now: Ground): Guide? {
        if (asked?.isLike(now) != true) {
            answer = ask(now)
            asked = now
        }
        return answer
    }
}
