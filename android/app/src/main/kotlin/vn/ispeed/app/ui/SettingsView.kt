package vn.ispeed.app.ui

import android.content.Context
import android.text.InputType
import android.view.View
import android.widget.LinearLayout
import vn.ispeed.app.R
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.screens.Choices
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.Text
import vn.ispeed.app.screens.plain
import vn.ispeed.app.screens.say

/** What the settings screen shows. */
data class SettingsState(
    val choices: Choices,
    val limits: DataLimits,
    val boundaries: String?,
    val collector: String,
    val said: Text? = null,
)

/** What a person may do there. */
interface SettingsActions {
    fun changeConsent()

    fun withdraw()

    fun setLimits(limits: DataLimits)

    fun setCollector(url: String)

    fun fetchBoundaries()

    fun deleteMyData()
}

/** Consent, limits, data, about. */
class SettingsView(context: Context, private val actions: SettingsActions) {
    private val kit = Kit(context)
    private val page = kit.page()
    private val column: LinearLayout get() = page.second
    val view: View get() = page.first

    fun render(state: SettingsState) {
        column.removeAllViews()
        column.put(kit.text(say(Say.TAB_SETTINGS), TextStyle.TITLE), kit)
        state.said?.let { column.put(said(it), kit) }
        consent(state.choices)
        limits(state.limits)
        boundaries(state.boundaries)
        collector(state.collector)
        column.put(kit.text(say(Say.MY_TITLE), TextStyle.SENTENCE), kit, Kit.SIDE)
        column.put(kit.button(say(Say.MY_DELETE)) { actions.deleteMyData() }.apply { id = R.id.delete_mine }, kit)
        column.put(kit.text(say(Say.MY_WHAT), TextStyle.SENTENCE), kit, Kit.SIDE)
        listOf(Say.CONSENT_RUN_MORE, Say.CONSENT_UPLOAD_MORE, Say.CONSENT_COMMUNE_MORE, Say.CONSENT_PRECISE_MORE)
            .forEach { column.put(kit.text(say(it), TextStyle.SOFT), kit) }
        column.put(kit.text(say(Say.APP_DISCLAIMER), TextStyle.SOFT), kit, Kit.SIDE)
        column.put(kit.text(say(Say.APP_ABOUT), TextStyle.SOFT), kit)
    }

    private fun said(text: Text): View = kit.text(text, TextStyle.GOOD).apply {
        id = R.id.said
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
    }

    private fun consent(choices: Choices) {
        val chosen = listOf(
            choices.run to Say.CONSENT_RUN,
            choices.upload to Say.CONSENT_UPLOAD,
            choices.commune to Say.CONSENT_COMMUNE,
            choices.precise to Say.CONSENT_PRECISE,
        ).filter { (ticked, _) -> ticked }.map { (_, label) -> say(label) }
        val list = if (chosen.isEmpty()) say(Say.CONSENT_NONE) else Text.Joined(chosen, "; ")
        column.put(kit.text(say(Say.CONSENT_STATE, list)), kit)
        column.put(kit.button(say(Say.CONSENT_CHANGE)) { actions.changeConsent() }.apply { id = R.id.change_consent }, kit)
        column.put(kit.button(say(Say.CONSENT_WITHDRAW)) { actions.withdraw() }.apply { id = R.id.withdraw }, kit)
    }

    private fun limits(limits: DataLimits) {
        column.put(kit.text(say(Say.LIMIT_TITLE), TextStyle.SENTENCE), kit, Kit.SIDE)
        val fields = LimitFields(kit, limits).apply { putInto(column) }
        val save = kit.button(say(Say.SAVE)) { actions.setLimits(fields.limits) }
        column.put(save.apply { id = R.id.save_limits }, kit)
    }

    private fun boundaries(table: String?) {
        column.put(kit.text(say(Say.MY_BOUNDARIES), TextStyle.SENTENCE), kit, Kit.SIDE)
        val text = table?.let { say(Say.MY_BOUNDARIES_TABLE, plain(it)) } ?: say(Say.MY_BOUNDARIES_NONE)
        column.put(kit.text(text), kit)
        val fetch = kit.button(say(Say.MY_BOUNDARIES_FETCH)) { actions.fetchBoundaries() }
        column.put(fetch.apply { id = R.id.fetch_boundaries }, kit)
    }

    private fun collector(url: String) {
        column.put(kit.text(say(Say.SETTINGS_COLLECTOR), TextStyle.SENTENCE), kit, Kit.SIDE)
        val field = kit.field(say(Say.SETTINGS_COLLECTOR), url).apply {
            id = R.id.collector
            inputType = InputType.TYPE_CLASS_TEXT or InputType.TYPE_TEXT_VARIATION_URI
        }
        column.put(field, kit)
        val save = kit.button(say(Say.SAVE)) { actions.setCollector(field.text.toString().trim()) }
        column.put(save.apply { id = R.id.save_collector }, kit)
    }
}
