package vn.ispeed.app.ui

import android.content.Context
import android.view.View
import android.widget.EditText
import vn.ispeed.app.R
import vn.ispeed.app.field.RepeatRules
import vn.ispeed.app.screens.FieldState
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.fieldScreen
import vn.ispeed.app.screens.say

/** What an official may do. */
interface FieldActions {
    fun join(text: String, role: String)

    fun leave()

    fun fetchPlan()

    fun start(rules: RepeatRules)

    fun stop()

    fun pair(code: String)
}

/** Field mode. */
class FieldView(context: Context, private val actions: FieldActions, rules: RepeatRules) {
    private val kit = Kit(context)
    private val page = kit.page()
    val view: View get() = page.first

    private val campaign = kit.text(TextStyle.SENTENCE).apply { id = R.id.campaign }
    private val next = kit.text(TextStyle.TITLE).apply { id = R.id.next }
    private val map = MapView(context).apply { id = R.id.map }
    private val communes = kit.column()
    private val until = kit.text(TextStyle.SOFT)
    private val running = kit.column().apply { id = R.id.running }
    private val problem = kit.text(TextStyle.BAD).apply { id = R.id.problem }
    private val code = kit.field(say(Say.FIELD_JOIN_HINT), "").apply { id = R.id.code }
    private val role = kit.field(say(Say.FIELD_ROLE_HINT), "").apply { id = R.id.role }
    private val joinBox = kit.column()
    private val workBox = kit.column()
    private val every = numberField(Say.FIELD_EVERY, rules.everySeconds)
    private val budget = numberField(Say.FIELD_BUDGET, (rules.dayBytes / BYTES_PER_MB).toInt())
    private val battery = numberField(Say.FIELD_BATTERY, rules.stopAtBatteryPercent)
    private val pair = kit.field(say(Say.FIELD_PAIR_HINT), "")
    private val pairText = kit.text(TextStyle.BODY).apply {
        id = R.id.pair_text
        setTextIsSelectable(true)
    }
    private val start = kit.primary(say(Say.FIELD_START)) { actions.start(rules()) }.apply { id = R.id.repeat }
    private val stop = kit.primary(say(Say.FIELD_STOP)) { actions.stop() }.apply { id = R.id.stop_repeat }

    init {
        val column = page.second
        column.put(kit.text(say(Say.FIELD_TITLE), TextStyle.TITLE), kit)
        listOf(campaign, problem, next, map, until, running, communes).forEach { column.put(it, kit) }
        joinBox.put(code, kit)
        joinBox.put(role, kit)
        val join = kit.primary(say(Say.FIELD_JOIN)) { actions.join(code.text.toString(), role.text.toString()) }
        joinBox.put(join.apply { id = R.id.join }, kit)
        column.put(joinBox, kit, Kit.SIDE)
        column.put(kit.button(say(Say.FIELD_PLAN_FETCH)) { actions.fetchPlan() }.apply { id = R.id.plan }, kit, Kit.SIDE)
        workBox.put(start, kit)
        workBox.put(stop, kit)
        workBox.putNamed(say(Say.FIELD_EVERY), every, kit)
        workBox.putNamed(say(Say.FIELD_BUDGET), budget, kit)
        workBox.putNamed(say(Say.FIELD_BATTERY), battery, kit)
        workBox.put(kit.text(say(Say.FIELD_PAIR), TextStyle.SENTENCE), kit, Kit.SIDE)
        workBox.put(pairText, kit)
        workBox.put(pair, kit)
        val startPair = kit.button(say(Say.FIELD_PAIR_START)) { actions.pair(pair.text.toString()) }
        workBox.put(startPair.apply { id = R.id.pair }, kit)
        workBox.put(kit.button(say(Say.FIELD_LEAVE)) { actions.leave() }.apply { id = R.id.leave }, kit, Kit.SIDE)
        column.put(workBox, kit, Kit.SIDE)
    }

    /** Puts in what the camera app read; the person joins. */
    fun offer(text: String) = code.setText(text)

    fun render(state: FieldState) {
        val (screen, words) = fieldScreen(state) to kit.words
        campaign.show(words.of(screen.campaign))
        problem.show(screen.problem?.let(words::of))
        next.show(screen.next?.let(words::of))
        map.render(screen.map, screen.mapSpoken?.let(words::of))
        pairText.show(screen.pair?.let(words::of))
        communes.refill(screen.communes.map { kit.text(it) })
        until.show(screen.planUntil?.let(words::of))
        running.refill(screen.running.map { kit.text(it) })
        joinBox.visibility = if (state.campaign == null) View.VISIBLE else View.GONE
        workBox.visibility = if (state.campaign == null) View.GONE else View.VISIBLE
        val goesOn = state.repeating?.goesOn == true
        start.visibility = if (goesOn) View.GONE else View.VISIBLE
        stop.visibility = if (goesOn) View.VISIBLE else View.GONE
    }

    private fun rules() = RepeatRules(
        everySeconds = every.number(LEAST_SECONDS),
        dayBytes = budget.number(1) * BYTES_PER_MB,
        stopAtBatteryPercent = battery.number(1),
    )

    private fun numberField(name: Say, value: Int): EditText =
        kit.numberField(say(name), value.toString()).apply { id = View.generateViewId() }

    private fun EditText.number(least: Int): Int = text.toString().toIntOrNull()?.coerceAtLeast(least) ?: least

    private companion object {
        const val BYTES_PER_MB = 1_000_000L

        /** Oftener, one run would disturb the next. */
        const val LEAST_SECONDS = 30
    }
}
