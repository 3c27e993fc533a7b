package vn.ispeed.app.ui

import android.content.Context
import android.util.TypedValue
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView
import vn.ispeed.app.R
import vn.ispeed.app.screens.Button as Press
import vn.ispeed.app.screens.MeasureScreen
import vn.ispeed.app.screens.ResultScreen
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.say

/** The screen with the one button. */
class MeasureView(context: Context, tap: (Press) -> Unit, askPermission: () -> Unit) {
    private val kit = Kit(context)
    private val page = kit.page()
    val view: View get() = page.first
    private var press = Press.START

    private val network = kit.text(TextStyle.SOFT).apply { id = R.id.network }
    private val headline = kit.text(TextStyle.TITLE).apply {
        id = R.id.headline
        gravity = Gravity.CENTER
        // Changes of phase are read out; the figures, ten a second, are not.
        accessibilityLiveRegion = View.ACCESSIBILITY_LIVE_REGION_POLITE
    }
    private val figure = kit.text(TextStyle.FIGURE).apply {
        id = R.id.figure
        gravity = Gravity.CENTER
        maxLines = 1
        setAutoSizeTextTypeUniformWithConfiguration(SMALLEST_SP, LARGEST_SP, 2, TypedValue.COMPLEX_UNIT_SP)
    }
    private val unit = kit.text(TextStyle.BODY).apply { gravity = Gravity.CENTER }
    private val interval = kit.text(TextStyle.BODY).apply {
        id = R.id.interval
        gravity = Gravity.CENTER
    }
    private val lines = kit.column().apply { id = R.id.lines }
    private val hints = kit.card().apply { id = R.id.hints }
    private val result = kit.column().apply { id = R.id.result }
    private val permission = kit.button(say(Say.BEFORE_PERMISSION), askPermission).apply { id = R.id.permission }
    private val button: Button = kit.primary(say(Say.MEASURE_START)) { tap(press) }.apply {
        id = R.id.measure
        minHeight = kit.dp(BUTTON)
        setTextSize(TypedValue.COMPLEX_UNIT_SP, TextStyle.SENTENCE.sp)
    }

    init {
        val column = page.second
        column.put(network, kit)
        column.put(headline, kit, SPACE)
        val figureBox = LinearLayout.LayoutParams(MATCH_PARENT, kit.dp(FIGURE_HEIGHT))
        column.addView(figure, figureBox)
        column.put(unit, kit, 0)
        column.put(interval, kit)
        column.put(lines, kit)
        column.put(result, kit)
        column.put(button, kit, SPACE)
        column.put(hints, kit, SPACE)
        column.addView(
            permission,
            LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT).apply { topMargin = kit.dp(Kit.SIDE) },
        )
    }

    fun render(screen: MeasureScreen) {
        val words = kit.words
        press = screen.button
        network.show(words.of(screen.network))
        headline.show(words.of(screen.headline))
        figure.show(screen.figure?.let(words::of))
        figure.contentDescription = screen.figure?.let { "${words.of(it)} ${screen.unit?.let(words::of).orEmpty()}" }
        unit.show(screen.unit?.let(words::of))
        interval.show(screen.interval?.let(words::of))
        lines.refill(screen.lines.map { kit.text(it, TextStyle.BODY).centred() })
        result.refill(screen.result?.let(::resultViews).orEmpty())
        hints.refill(hintViews(screen))
        permission.visibility = if (screen.offersPermission) View.VISIBLE else View.GONE
        button.show(words.of(say(screen.button.label)))
    }

    private fun hintViews(screen: MeasureScreen): List<View> = if (screen.hints.isEmpty()) {
        emptyList()
    } else {
        listOf(kit.text(say(Say.BEFORE_TITLE), TextStyle.SOFT)) + screen.hints.map { kit.text(it, TextStyle.WARN) }
    }

    private fun resultViews(screen: ResultScreen): List<View> = buildList {
        add(kit.text(screen.sentence, TextStyle.SENTENCE).apply { id = R.id.sentence })
        val verdict = if (screen.counts) TextStyle.GOOD else TextStyle.BAD
        add(kit.text(screen.verdict, verdict).apply { id = R.id.verdict })
        screen.reasons.forEach { add(kit.text(it, TextStyle.WARN)) }
        add(kit.text(screen.judge, TextStyle.SOFT))
        screen.lines.forEach { add(kit.line(it)) }
    }

    private fun TextView.centred() = apply { gravity = Gravity.CENTER }

    private companion object {
        const val SPACE = 20
        const val BUTTON = 64
        const val FIGURE_HEIGHT = 84
        const val SMALLEST_SP = 20
        const val LARGEST_SP = 56
    }
}
