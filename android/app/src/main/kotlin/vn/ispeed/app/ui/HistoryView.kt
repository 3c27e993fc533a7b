package vn.ispeed.app.ui

import android.content.Context
import android.view.View
import vn.ispeed.app.R
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.engine.SampleState
import vn.ispeed.app.screens.HistoryRow
import vn.ispeed.app.screens.Say
import vn.ispeed.app.screens.Text
import vn.ispeed.app.screens.detailScreen
import vn.ispeed.app.screens.historyScreen
import vn.ispeed.app.screens.say

/** All samples of this phone. */
class HistoryView(context: Context, private val open: (String) -> Unit, export: () -> Unit) {
    private val kit = Kit(context)
    private val page = kit.page()
    private val rows = kit.column().apply { id = R.id.rows }
    val view: View get() = page.first

    init {
        val column = page.second
        column.put(kit.text(say(Say.TAB_HISTORY), TextStyle.TITLE), kit)
        column.put(kit.button(say(Say.HISTORY_EXPORT), export).apply { id = R.id.export }, kit)
        column.put(rows, kit, Kit.SIDE)
    }

    fun render(samples: List<Sample>) {
        val screen = historyScreen(samples)
        rows.removeAllViews()
        screen.empty?.let { rows.put(kit.text(it), kit) }
        screen.rows.forEach { rows.put(row(it), kit, Kit.GAP * 2) }
    }

    private fun row(row: HistoryRow): View = kit.card().apply {
        minimumHeight = kit.dp(Kit.TARGET)
        isClickable = true
        isFocusable = true
        contentDescription = kit.words.of(row.spoken)
        setOnClickListener { open(row.id) }
        val parts = listOf(
            row.figures to TextStyle.VALUE,
            row.time to TextStyle.SOFT,
            row.place to TextStyle.SOFT,
            Text.Joined(listOf(row.counts, row.state), " · ") to TextStyle.SOFT,
        )
        parts.forEach { (text, style) ->
            // The row speaks as one; its parts are not read out again.
            put(kit.text(text, style).apply { importantForAccessibility = View.IMPORTANT_FOR_ACCESSIBILITY_NO }, kit, 0)
        }
    }
}

/** What a person may do with one sample. */
interface DetailActions {
    fun shareText(text: String)

    fun sharePicture(of: View)

    fun erase(id: String)

    fun sendAgain(id: String)
}

/** Everything of one sample. */
class DetailView(context: Context, sample: Sample, actions: DetailActions) {
    private val kit = Kit(context)
    private val page = kit.page()
    val view: View get() = page.first

    init {
        val screen = detailScreen(sample)
        val words = kit.words
        val picture = kit.column().apply {
            id = R.id.picture
            setBackgroundColor(context.getColor(R.color.ground))
            put(kit.text(screen.sentence, TextStyle.SENTENCE).apply { id = R.id.sentence }, kit)
            put(kit.text(screen.verdict, if (sample.verdict.counts) TextStyle.GOOD else TextStyle.BAD), kit)
            screen.reasons.forEach { put(kit.text(it, TextStyle.WARN), kit) }
            screen.lines.forEach { put(kit.line(it), kit, 0) }
            put(kit.text(say(Say.APP_DISCLAIMER), TextStyle.SOFT), kit)
            put(kit.text(say(Say.APP_ABOUT), TextStyle.SOFT), kit)
        }
        val column = page.second
        column.put(picture, kit)
        if (sample.state == SampleState.QUARANTINED) {
            val again = kit.button(say(Say.HISTORY_RETRY)) { actions.sendAgain(sample.id) }
            column.put(again.apply { id = R.id.again }, kit, Kit.SIDE)
        }
        val share = kit.button(say(Say.DETAIL_SHARE_TEXT)) { actions.shareText(words.of(screen.share)) }
        column.put(share.apply { id = R.id.share_text }, kit, Kit.SIDE)
        val shareAsPicture = kit.button(say(Say.DETAIL_SHARE_PICTURE)) { actions.sharePicture(picture) }
        column.put(shareAsPicture.apply { id = R.id.share_picture }, kit)
        val erase = kit.button(say(Say.DETAIL_ERASE)) { actions.erase(sample.id) }
        column.put(erase.apply { id = R.id.erase }, kit)
    }
}
