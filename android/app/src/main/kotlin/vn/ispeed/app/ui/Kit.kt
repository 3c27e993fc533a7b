package vn.ispeed.app.ui

import android.content.Context
import android.graphics.Typeface
import android.graphics.drawable.GradientDrawable
import android.text.InputType
import android.util.TypedValue
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.widget.Button
import android.widget.CheckBox
import android.widget.EditText
import android.widget.LinearLayout
import android.widget.ScrollView
import android.widget.TextView
import vn.ispeed.app.R
import vn.ispeed.app.screens.Language
import vn.ispeed.app.screens.Line
import vn.ispeed.app.screens.Text
import vn.ispeed.app.screens.Words

/** The language of a screen, with the phone's own resources. */
fun words(context: Context): Words {
    val language = Language.of(context.resources.configuration.locales[0])
    return Words(language) { say, args ->
        // A text without values is no format: its per cent sign is one.
        if (args.isEmpty()) context.getString(say.id) else context.getString(say.id, *args.toTypedArray())
    }
}

/** Parts screens are built of: touch targets of 48 dp, colours with enough contrast, sizes that follow the person's font. */
class Kit(val context: Context) {
    val words: Words = words(context)

    fun dp(value: Int): Int =
        TypedValue.applyDimension(TypedValue.COMPLEX_UNIT_DIP, value.toFloat(), context.resources.displayMetrics).toInt()

    fun column(): LinearLayout = LinearLayout(context).apply {
        orientation = LinearLayout.VERTICAL
    }

    /** A column that scrolls, with a margin at its sides. */
    fun page(): Pair<ScrollView, LinearLayout> {
        val column = column().apply { setPadding(dp(SIDE), dp(SIDE), dp(SIDE), dp(SIDE)) }
        val scroll = ScrollView(context).apply {
            isFillViewport = true
            addView(column, MATCH_PARENT, WRAP_CONTENT)
        }
        return scroll to column
    }

    fun text(style: TextStyle = TextStyle.BODY): TextView = TextView(context).apply {
        setTextSize(TypedValue.COMPLEX_UNIT_SP, style.sp)
        setTextColor(context.getColor(style.color))
        if (style.bold) typeface = Typeface.DEFAULT_BOLD
        if (style.heading && android.os.Build.VERSION.SDK_INT >= android.os.Build.VERSION_CODES.P) Headings.mark(this)
        setPadding(0, dp(style.gap), 0, dp(style.gap))
    }

    fun text(text: Text, style: TextStyle = TextStyle.BODY): TextView = text(style).also { it.text = words.of(text) }

    /** The button a screen is about. */
    fun primary(text: Text, tap: () -> Unit): Button = button(text, tap).apply {
        background = rounded(R.color.accent)
        setTextColor(context.getColor(R.color.on_accent))
    }

    fun button(text: Text, tap: () -> Unit): Button = Button(context).apply {
        this.text = words.of(text)
        isAllCaps = false
        minHeight = dp(TARGET)
        minimumHeight = dp(TARGET)
        background = rounded(R.color.card)
        setTextColor(context.getColor(R.color.accent))
        setTextSize(TypedValue.COMPLEX_UNIT_SP, TextStyle.BODY.sp)
        setPadding(dp(SIDE), dp(GAP), dp(SIDE), dp(GAP))
        setOnClickListener { tap() }
    }

    fun check(text: Text, ticked: Boolean, changed: (Boolean) -> Unit): CheckBox = CheckBox(context).apply {
        this.text = words.of(text)
        minHeight = dp(TARGET)
        setTextSize(TypedValue.COMPLEX_UNIT_SP, TextStyle.BODY.sp)
        setTextColor(context.getColor(R.color.text))
        isChecked = ticked
        // State is the screen's own: a view that restores itself would tick what nobody ticked.
        isSaveEnabled = false
        setOnCheckedChangeListener { _, now -> changed(now) }
    }

    fun field(hint: Text, value: String): EditText = EditText(context).apply {
        this.hint = words.of(hint)
        setText(value)
        // The view's own: the text's least height is forgotten when the input type makes it a single line.
        minimumHeight = dp(TARGET)
        setTextColor(context.getColor(R.color.text))
        setHintTextColor(context.getColor(R.color.text_soft))
    }

    fun numberField(hint: Text, value: String): EditText = field(hint, value).apply { inputType = InputType.TYPE_CLASS_NUMBER }

    /** A name and its value beside it, or below it where large letters would break words, read out as one. */
    fun line(line: Line): View = LinearLayout(context).apply {
        val isBelow = resources.configuration.fontScale >= VALUE_BELOW_FROM_SCALE
        orientation = if (isBelow) LinearLayout.VERTICAL else LinearLayout.HORIZONTAL
        // On one baseline a label of two lines would hang out of the row.
        isBaselineAligned = false
        setPadding(0, dp(GAP), 0, dp(GAP))
        val label = text(line.label, TextStyle.LABEL)
        val value = text(line.value, TextStyle.VALUE)
        if (isBelow) {
            listOf(label, value).forEach { addView(it, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT)) }
        } else {
            value.gravity = Gravity.END
            addView(label, LinearLayout.LayoutParams(0, WRAP_CONTENT, LABEL_PART))
            addView(value, LinearLayout.LayoutParams(0, WRAP_CONTENT, VALUE_PART))
        }
        contentDescription = "${words.of(line.label)}: ${words.of(line.value)}"
        isFocusable = true
    }

    fun card(): LinearLayout = column().apply {
        background = rounded(R.color.card)
        setPadding(dp(SIDE), dp(GAP), dp(SIDE), dp(GAP))
    }

    private fun rounded(color: Int) = GradientDrawable().apply {
        cornerRadius = dp(CORNER).toFloat()
        setColor(context.getColor(color))
    }

    companion object {
        /** Least side of a touch target (Material, WCAG 2.5.5), dp. */
        const val TARGET = 48
        const val SIDE = 16
        const val GAP = 4
        private const val CORNER = 12
        private const val VALUE_BELOW_FROM_SCALE = 1.5f
        private const val LABEL_PART = 2f
        private const val VALUE_PART = 3f
    }
}

/** Sizes are sp, so that they follow the person's font scale. */
enum class TextStyle(
    val sp: Float,
    val color: Int,
    val bold: Boolean = false,
    val heading: Boolean = false,
    val gap: Int = Kit.GAP,
) {
    TITLE(22f, R.color.text, bold = true, heading = true),
    FIGURE(56f, R.color.accent, bold = true),
    SENTENCE(20f, R.color.text, bold = true),
    BODY(16f, R.color.text),
    SOFT(14f, R.color.text_soft),
    LABEL(14f, R.color.text_soft, gap = 0),
    VALUE(16f, R.color.text, bold = true, gap = 0),
    GOOD(16f, R.color.good, bold = true),
    WARN(16f, R.color.warn),
    BAD(16f, R.color.bad, bold = true),
}

@vn.ispeed.app.facts.Since(android.os.Build.VERSION_CODES.P)
private object Headings {
    fun mark(view: View) {
        view.isAccessibilityHeading = true
    }
}

/** Adds with a distance to what stands above. */
fun LinearLayout.put(view: View, kit: Kit, top: Int = Kit.GAP) {
    addView(view, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT).apply { topMargin = kit.dp(top) })
}

/** Adds a field under its name. */
fun LinearLayout.putNamed(name: Text, field: EditText, kit: Kit) {
    put(kit.text(name, TextStyle.SOFT).apply { labelFor = field.id }, kit)
    put(field, kit, 0)
}

/** Shows or takes away a text. */
fun TextView.show(text: String?) {
    visibility = if (text.isNullOrEmpty()) View.GONE else View.VISIBLE
    // A text that is set again is read out again.
    if (text != null && text != this.text.toString()) this.text = text
}

/** Replaces all children. */
fun ViewGroup.refill(views: List<View>) {
    removeAllViews()
    views.forEach { addView(it, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT)) }
    visibility = if (views.isEmpty()) View.GONE else View.VISIBLE
}
