package vn.ispeed.app.ui

import android.widget.EditText
import android.widget.LinearLayout
import vn.ispeed.app.R
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.say

/** The two limits a person may set, in megabytes; an empty field is no limit. */
class LimitFields(private val kit: Kit, limits: DataLimits) {
    private val run = field(R.id.limit_run, limits.perRunBytes)
    private val month = field(R.id.limit_month, limits.perMonthBytes)

    val limits: DataLimits get() = DataLimits(bytes(run), bytes(month))

    fun putInto(column: LinearLayout) {
        column.putNamed(say(Say.LIMIT_RUN), run, kit)
        column.putNamed(say(Say.LIMIT_MONTH), month, kit)
    }

    private fun field(id: Int, bytes: Long?): EditText {
        val value = bytes?.let { (it / BYTES_PER_MB).toString() }.orEmpty()
        return kit.numberField(say(Say.LIMIT_NONE), value).apply { this.id = id }
    }

    private fun bytes(field: EditText): Long? = field.text.toString().toLongOrNull()?.takeIf { it > 0 }?.let { it * BYTES_PER_MB }

    private companion object {
        const val BYTES_PER_MB = 1_000_000L
    }
}
