package vn.ispeed.app.ui

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.view.ContextThemeWrapper
import android.view.View
import android.widget.ScrollView
import java.io.File
import kotlin.math.abs
import org.json.JSONObject
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.ParameterizedRobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import vn.ispeed.app.R
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.field.RepeatRules
import vn.ispeed.app.screens.Choices
import vn.ispeed.app.screens.FieldState
import vn.ispeed.app.screens.Fixtures
import vn.ispeed.app.screens.MeasureState
import vn.ispeed.app.screens.PhoneState
import vn.ispeed.app.screens.measureScreen

/**
 * Every screen as a picture, 360 dp wide, in both languages, light and dark, at font scales 1.0 and 2.0, compared with the reviewed
 * ones in `snapshots/`. `-Dscreens.update=true` writes them anew; whoever does that looks at each.
 */
@RunWith(ParameterizedRobolectricTestRunner::class)
class SnapshotRoboTest(private val language: String, private val night: Boolean, private val fontScale: Float) {
    private val folder = File(System.getProperty("ispeed.repository"), "android/app/src/test/snapshots")
    private val update = System.getProperty("screens.update") == "true"
    private val wrong = mutableListOf<String>()

    @Test
    fun screens() {
        val mode = if (night) "night" else "notnight"
        RuntimeEnvironment.setQualifiers("$language-w360dp-h800dp-$mode-mdpi")
        RuntimeEnvironment.setFontScale(fontScale)
        val context = ContextThemeWrapper(RuntimeEnvironment.getApplication(), R.style.Theme_Ispeed)
        check(context, "consent", consent(context))
        for (name in MEASURE) check(context, "measure-${name.replace(' ', '-').lowercase()}", measure(context, name))
        check(context, "result", result(context, "over Wi-Fi with a VPN"))
        check(context, "history", history(context))
        check(context, "detail", detail(context))
        check(context, "field", field(context, "plan and position"))
        check(context, "settings", settings(context))
        assertTrue(wrong.joinToString("; "), wrong.isEmpty())
    }

    private fun given(file: String, name: String): JSONObject {
        val cases = Fixtures.cases(file)
        val case = (0 until cases.length()).map(cases::getJSONObject).first { it.getString("name") == name }
        return case.getJSONObject("given")
    }

    private fun consent(context: Context): View {
        val estimate = Fixtures.estimate(given("consent", "a run only").getJSONObject("estimate"))
        return ConsentView(context, estimate, Choices(), DataLimits(), { _, _ -> }, {}, {}).view
    }

    private fun measure(context: Context, name: String): View {
        val given = given("measure", name)
        val view = MeasureView(context, {}, {})
        view.render(measureScreen(Fixtures.measureState(given.getJSONObject("state")), Fixtures.phone(given.getJSONObject("phone"))))
        return view.view
    }

    private fun result(context: Context, name: String): View {
        val sample = Fixtures.sample(given("result", name).getJSONObject("sample"))
        val view = MeasureView(context, {}, {})
        view.render(measureScreen(MeasureState.Over(sample), PhoneState(transport = sample.transport)))
        return view.view
    }

    private fun history(context: Context): View {
        val samples = given("history", "one of each state").getJSONArray("samples")
        return HistoryView(context, {
        }, {}).apply { render((0 until samples.length()).map { Fixtures.sample(samples.getJSONObject(it)) }) }.view
    }

    private fun detail(context: Context): View {
        val sample = Fixtures.sample(given("result", "valid as the collector judged, with its receipt").getJSONObject("sample"))
        val actions = object : DetailActions {
            override fun shareText(text: String) = Unit

            override fun sharePicture(of: View) = Unit

            override fun erase(id: String) = Unit

            override fun sendAgain(id: String) = Unit
        }
        return DetailView(context, sample, actions).view
    }

    private fun field(context: Context, name: String): View {
        val actions = object : FieldActions {
            override fun join(text: String, role: String) = Unit

            override fun leave() = Unit

            override fun fetchPlan() = Unit

            override fun start(rules: RepeatRules) = Unit

            override fun stop() = Unit

            override fun pair(code: String) = Unit
        }
        val state: FieldState = Fixtures.field(given("field", name))
        return FieldView(context, actions, RepeatRules(120, 3_000_000_000, 20)).apply { render(state) }.view
    }

    private fun settings(context: Context): View {
        val actions = object : SettingsActions {
            override fun changeConsent() = Unit

            override fun withdraw() = Unit

            override fun setLimits(limits: DataLimits) = Unit

            override fun setCollector(url: String) = Unit

            override fun fetchBoundaries() = Unit

            override fun deleteMyData() = Unit
        }
        val state =
            SettingsState(Choices(run = true, upload = true, commune = true), DataLimits(30_000_000), null, "https://ispeed.example")
        return SettingsView(context, actions).apply { render(state) }.view
    }

    private fun check(context: Context, name: String, view: View) {
        val (width, page) = context.resources.displayMetrics.widthPixels to (view as ScrollView).getChildAt(0)
        val unbounded = View.MeasureSpec.makeMeasureSpec(0, View.MeasureSpec.UNSPECIFIED)
        view.isFillViewport = false
        view.measure(View.MeasureSpec.makeMeasureSpec(width, View.MeasureSpec.EXACTLY), unbounded)
        view.layout(0, 0, width, page.measuredHeight)
        val picture = Bitmap.createBitmap(width, page.measuredHeight, Bitmap.Config.ARGB_8888)
        Canvas(picture).apply { drawColor(context.getColor(R.color.ground)) }.let(view::draw)
        cut(name, view)
        compare("$name-$language-${if (night) "dark" else "light"}-$fontScale", picture)
    }

    /** A text that does not fit into its own lines would be cut off: nothing is, at any size. */
    private fun cut(name: String, view: View) {
        for (text in vn.ispeed.app.views(view).filterIsInstance<android.widget.TextView>()) {
            val layout = text.layout ?: continue
            if ((0 until layout.lineCount).any { layout.getEllipsisCount(it) > 0 }) wrong += "$name: ${text.text} is cut off"
            val above = text.parent as View
            val hangsOut = layout.height > text.height || text.bottom > above.height || text.right > above.width
            if (text.width > 0 && hangsOut) wrong += "$name: ${text.text} hangs out of its place"
        }
    }

    private fun compare(name: String, picture: Bitmap) {
        val file = File(folder, "$name.png")
        if (update) {
            folder.mkdirs()
            Png.write(picture, file)
            return
        }
        val reviewed = if (file.isFile) BitmapFactory.decodeFile(file.path) else null
        val share = reviewed?.let { different(it, picture) } ?: 1.0
        if (share > MOST_DIFFERENT) {
            val now = File(System.getProperty("java.io.tmpdir"), "$name.png")
            Png.write(picture, now)
            wrong += "$name differs in ${(share * 100).toInt()} % from the reviewed picture; now: $now"
        }
    }

    private fun different(one: Bitmap, other: Bitmap): Double {
        if (one.width != other.width || one.height != other.height) return 1.0
        val size = one.width * one.height
        val (left, right) = IntArray(size) to IntArray(size)
        one.getPixels(left, 0, one.width, 0, 0, one.width, one.height)
        other.getPixels(right, 0, one.width, 0, 0, one.width, one.height)
        return (0 until size).count { far(left[it], right[it]) }.toDouble() / size
    }

    private fun far(one: Int, other: Int): Boolean =
        listOf(16, 8, 0).any { shift -> abs((one shr shift and BYTE) - (other shr shift and BYTE)) > NEAR }

    companion object {
        private val MEASURE = listOf("ready on 4G", "download with an interval", "everything at once")
        private const val BYTE = 0xFF

        /** Half a level (8) of the reviewed pictures, and what another version of the text renderer shades otherwise. */
        private const val NEAR = 48
        private const val MOST_DIFFERENT = 0.005

        @JvmStatic
        @ParameterizedRobolectricTestRunner.Parameters(name = "{0}, night {1}, font {2}")
        fun variants(): List<Array<Any>> = listOf("vi", "en").flatMap { language ->
            listOf(false, true).flatMap { night -> listOf(1f, 2f).map { arrayOf<Any>(language, night, it) } }
        }
    }
}
