package vn.ispeed.app.ui

import android.graphics.Color
import android.view.View
import android.widget.CheckBox
import android.widget.EditText
import android.widget.TextView
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import vn.ispeed.app.AppTest
import vn.ispeed.app.R
import vn.ispeed.app.engine.Outcome
import vn.ispeed.app.engine.Sample
import vn.ispeed.app.tap
import vn.ispeed.app.views

@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "+vi")
class AccessibleRoboTest {
    private val engine = AppTest.agreed().apply { samples = listOf(Sample("a", 0, Outcome.NO_SERVICE)) }

    @Before
    fun start() = AppTest.use(engine)

    private fun everyScreen(check: (String, View) -> Unit) {
        val activity = AppTest.open()
        for (tab in Tab.entries) {
            activity.tap(tab.id)
            check(tab.name, activity.get().window.decorView)
        }
        engine.choice = null
        val first = AppTest.open()
        check("consent", first.get().window.decorView)
    }

    @Test
    fun everythingThatIsTappedIsLargeEnough() = everyScreen { screen, root ->
        val least = Kit(root.context).dp(Kit.TARGET)
        val small = views(root).filter { it.isClickable && it.isEnabled }
            .filter { it.height < least || it.width < least }
        assertEquals("$screen has targets below 48 dp", emptyList<String>(), small.map(::describe))
    }

    @Test
    fun everythingThatIsTappedHasAName() = everyScreen { screen, root ->
        val nameless = views(root).filter { it.isClickable }.filter { name(it).isNullOrBlank() }
        assertEquals("$screen has nameless targets", emptyList<String>(), nameless.map(::describe))
    }

    @Test
    fun changesOfPhaseAreReadOut() {
        val activity = AppTest.open()
        val headline = activity.get().findViewById<View>(R.id.headline)
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, headline?.accessibilityLiveRegion)
    }

    @Test
    fun textStandsOutFromItsGroundByDayAndByNight() {
        val pairs = listOf(
            R.color.text to R.color.ground, R.color.text_soft to R.color.ground, R.color.accent to R.color.ground,
            R.color.good to R.color.ground, R.color.warn to R.color.ground, R.color.bad to R.color.ground,
            R.color.text to R.color.card, R.color.text_soft to R.color.card, R.color.warn to R.color.card,
            R.color.accent to R.color.card, R.color.on_accent to R.color.accent,
            R.color.accent to R.color.bar, R.color.text_soft to R.color.bar,
        )
        for (mode in listOf("notnight", "night")) {
            RuntimeEnvironment.setQualifiers("+$mode")
            val context = RuntimeEnvironment.getApplication()
            for ((text, ground) in pairs) {
                val ratio = contrast(context.getColor(text), context.getColor(ground))
                val names = "${context.resources.getResourceEntryName(text)} on ${context.resources.getResourceEntryName(ground)}"
                assertTrue("$names has $ratio:1 by $mode", ratio >= LEAST_CONTRAST)
            }
        }
    }

    private fun name(view: View): CharSequence? = view.contentDescription
        ?: (view as? EditText)?.let { it.hint ?: it.text }
        ?: (view as? CheckBox)?.text
        ?: (view as? TextView)?.text

    private fun describe(view: View) = "${view.javaClass.simpleName} ${name(view)} ${view.width}x${view.height}"

    /** WCAG 2.2, contrast ratio. */
    private fun contrast(one: Int, other: Int): Double {
        val (a, b) = luminance(one) to luminance(other)
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    private fun luminance(color: Int): Double {
        val (r, g, b) = listOf(Color.red(color), Color.green(color), Color.blue(color)).map { part ->
            val share = part / 255.0
            if (share <= 0.04045) share / 12.92 else ((share + 0.055) / 1.055).pow(2.4)
        }
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    private companion object {
        const val LEAST_CONTRAST = 4.5
    }
}
