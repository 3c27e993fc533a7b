package vn.ispeed.app

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.os.Build
import android.os.Bundle
import android.view.Gravity
import android.view.View
import android.view.ViewGroup.LayoutParams.MATCH_PARENT
import android.view.ViewGroup.LayoutParams.WRAP_CONTENT
import android.view.WindowInsets
import android.widget.FrameLayout
import android.widget.LinearLayout
import android.widget.TextView
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.field.FieldService
import vn.ispeed.app.screens.Choices
import vn.ispeed.app.screens.problem
import vn.ispeed.app.screens.say
import vn.ispeed.app.ui.Back
import vn.ispeed.app.ui.Kit
import vn.ispeed.app.ui.Pages
import vn.ispeed.app.ui.Tab
import vn.ispeed.app.ui.TextStyle

/** The one window: four tabs, and what opens above them. */
class MainActivity : Activity() {
    internal lateinit var kit: Kit
    internal lateinit var content: FrameLayout
    private lateinit var tabs: Map<Tab, TextView>
    private lateinit var bar: LinearLayout
    private var pages: Pages? = null
    private var session: Session? = null
    private var scope: CoroutineScope = MainScope()
    private var visible = false
    private val back = Back(this) { pages?.back() == true }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        kit = Kit(this)
        setContentView(frame())
        val tab = savedInstanceState?.getString(TAB)?.let(Tab::valueOf) ?: Tab.MEASURE
        val detail = savedInstanceState?.getString(DETAIL)
        val choices = savedInstanceState?.getBooleanArray(CHOICES)?.let { Choices.of(it) }
        open(tab, detail, choices)
    }

    private fun open(tab: Tab, detail: String?, choices: Choices?) {
        scope.launch {
            try {
                val opened = (application as IspeedApp).session().await()
                session = opened
                pages = Pages(this@MainActivity, opened, scope, choices).also { it.show(tab, detail) }
                if (visible) listen(opened)
                joined(intent)
            } catch (failed: EngineException) {
                (application as IspeedApp).reopen()
                content.removeAllViews()
                content.addView(kit.text(problem(failed.kind, failed.message.orEmpty()), TextStyle.BAD))
            }
        }
    }

    /** Shows the core of another collector; where that is refused, nothing has changed. */
    internal suspend fun reopen(tab: Tab, collector: String) {
        (application as IspeedApp).changeCollector(collector)
        session?.let(::leave)
        scope.cancel()
        scope = MainScope()
        open(tab, null, null)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        joined(intent)
    }

    /** The text of a campaign's QR code that the camera app read. The person still presses the button. */
    private fun joined(intent: Intent?) {
        val text = intent?.dataString?.takeIf { intent.action == Intent.ACTION_VIEW } ?: return
        pages?.offerCampaign(text)
        setIntent(Intent(this, MainActivity::class.java))
    }

    override fun onStart() {
        super.onStart()
        visible = true
        session?.let(::listen)
    }

    override fun onStop() {
        visible = false
        session?.let(::leave)
        super.onStop()
    }

    private fun listen(session: Session) {
        session.listen(this)
        session.measure.refresh()
        // The process died on the way: the day goes on, from a visible screen as the system asks for.
        if (session.preferences.isRepeating && !session.field.isRepeating) FieldService.start(this)
    }

    private fun leave(session: Session) = session.leave(this)

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        val pages = pages ?: return
        outState.putString(TAB, pages.tab.name)
        outState.putString(DETAIL, pages.detail)
        pages.choices?.let { outState.putBooleanArray(CHOICES, it.flags()) }
    }

    override fun onDestroy() {
        scope.cancel()
        back.release()
        super.onDestroy()
    }

    @Deprecated("Back() asks for the call of newer phones; older ones still come here")
    override fun onBackPressed() {
        @Suppress("DEPRECATION")
        if (pages?.back() != true) super.onBackPressed()
    }

    /** Asks the person for what the facts need; what is refused is a fact that is missing. */
    internal fun askPermissions() {
        val wanted = mutableListOf(
            Manifest.permission.ACCESS_FINE_LOCATION,
            Manifest.permission.ACCESS_COARSE_LOCATION,
            Manifest.permission.READ_PHONE_STATE,
        )
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) wanted += "android.permission.POST_NOTIFICATIONS"
        requestPermissions(wanted.toTypedArray(), PERMISSIONS)
    }

    override fun onRequestPermissionsResult(requestCode: Int, permissions: Array<out String>, grantResults: IntArray) {
        super.onRequestPermissionsResult(requestCode, permissions, grantResults)
        session?.permissionsChanged()
    }

    /** Whether the tabs are shown: not while consent is asked for the first time. */
    internal fun showTabs(shown: Boolean, tab: Tab) {
        bar.visibility = if (shown) View.VISIBLE else View.GONE
        tabs.forEach { (which, view) -> view.isSelected = which == tab }
        tabs.forEach { (which, view) ->
            view.setTextColor(getColor(if (which == tab) R.color.accent else R.color.text_soft))
        }
        back.wanted(pages?.detail != null || tab != Tab.MEASURE)
    }

    private fun frame(): View {
        content = FrameLayout(this)
        bar = LinearLayout(this).apply { setBackgroundColor(getColor(R.color.bar)) }
        tabs = Tab.entries.associateWith(::tabView)
        tabs.values.forEach { bar.addView(it, LinearLayout.LayoutParams(0, MATCH_PARENT, 1f)) }
        bar.visibility = View.GONE
        return kit.column().apply {
            setBackgroundColor(getColor(R.color.ground))
            addView(content, LinearLayout.LayoutParams(MATCH_PARENT, 0, 1f))
            addView(bar, LinearLayout.LayoutParams(MATCH_PARENT, WRAP_CONTENT))
            setOnApplyWindowInsetsListener { view, insets -> padded(view, insets) }
        }
    }

    private fun tabView(tab: Tab): TextView = kit.text(say(tab.label), TextStyle.SOFT).apply {
        id = tab.id
        gravity = Gravity.CENTER
        minHeight = kit.dp(BAR)
        maxLines = 2
        setPadding(kit.dp(Kit.GAP), 0, kit.dp(Kit.GAP), 0)
        isClickable = true
        isFocusable = true
        setOnClickListener { pages?.show(tab) }
    }

    /** The system's bars lie over the window from Android 15 on. */
    private fun padded(view: View, insets: WindowInsets): WindowInsets {
        @Suppress("DEPRECATION")
        view.setPadding(
            insets.systemWindowInsetLeft,
            insets.systemWindowInsetTop,
            insets.systemWindowInsetRight,
            insets.systemWindowInsetBottom,
        )
        return insets
    }

    private companion object {
        const val TAB = "tab"
        const val DETAIL = "detail"
        const val CHOICES = "choices"
        const val PERMISSIONS = 1
        const val BAR = 56
    }
}
