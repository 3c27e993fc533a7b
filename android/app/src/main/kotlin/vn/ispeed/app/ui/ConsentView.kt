package vn.ispeed.app.ui

import android.content.Context
import android.view.View
import vn.ispeed.app.R
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.Estimate
import vn.ispeed.app.screens.Choices
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.consentScreen
import vn.ispeed.app.screens.say

/** The choices before the first run. */
class ConsentView(
    context: Context,
    private val estimate: Estimate?,
    choices: Choices,
    limits: DataLimits,
    private val agreed: (Choices, DataLimits) -> Unit,
    private val declined: () -> Unit,
    private val changed: (Choices) -> Unit,
    decline: Say = Say.CONSENT_NONE,
) {
    private val kit = Kit(context)
    private val page = kit.page()
    private var choices = choices
    val view: View get() = page.first
    private val fields = LimitFields(kit, limits)
    private val agree = kit.primary(say(Say.CONSENT_GO)) { agreed(this.choices, fields.limits) }.apply { id = R.id.agree }
    private val needed = kit.text(TextStyle.SOFT)

    init {
        val screen = consentScreen(choices, estimate)
        val column = page.second
        column.put(kit.text(screen.title, TextStyle.TITLE), kit)
        column.put(kit.text(screen.intro), kit)
        val ids = listOf(R.id.consent_run, R.id.consent_upload, R.id.consent_commune, R.id.consent_precise)
        screen.choices.forEachIndexed { index, choice ->
            val check = kit.check(choice.label, choice.ticked) { tick(index, it) }.apply { id = ids[index] }
            column.put(check, kit, Kit.SIDE)
            column.put(kit.text(choice.more, TextStyle.SOFT), kit, 0)
        }
        screen.data?.let { column.put(kit.text(it), kit, Kit.SIDE) }
        fields.putInto(column)
        column.put(needed, kit)
        column.put(agree, kit, Kit.SIDE)
        column.put(kit.button(say(decline), declined).apply { id = R.id.decline }, kit, Kit.GAP)
        column.put(kit.text(screen.about, TextStyle.SOFT), kit, Kit.SIDE)
        render()
    }

    private fun tick(index: Int, ticked: Boolean) {
        choices = when (index) {
            0 -> choices.copy(run = ticked)
            1 -> choices.copy(upload = ticked)
            2 -> choices.copy(commune = ticked)
            else -> choices.copy(precise = ticked)
        }
        changed(choices)
        render()
    }

    private fun render() {
        val screen = consentScreen(choices, estimate)
        agree.isEnabled = screen.mayAgree
        agree.alpha = if (screen.mayAgree) 1f else FADED
        needed.show(screen.needed?.let(kit.words::of))
    }

    private companion object {
        const val FADED = 0.4f
    }
}
