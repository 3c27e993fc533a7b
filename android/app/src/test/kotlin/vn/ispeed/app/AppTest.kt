package vn.ispeed.app

import android.Manifest
import android.app.Application
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import kotlinx.coroutines.Dispatchers
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import vn.ispeed.app.engine.Consent
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.FakeEngine
import vn.ispeed.app.engine.Share
import vn.ispeed.app.upload.Socket

/** What the tests of the app on Robolectric share. */
object AppTest {
    val app: IspeedApp get() = RuntimeEnvironment.getApplication() as IspeedApp

    /** A core that was agreed with already. */
    fun agreed() = FakeEngine().apply { choice = Consent("app-2026-11", 1, run = true, share = Share.COMMUNE, upload = true) }

    /** The app with this core instead of its own; everything happens when the main looper is run. */
    fun use(engine: Engine, socket: Socket? = null) {
        app.io = Dispatchers.Unconfined
        app.openEngine = { engine }
        if (socket != null) app.openSocket = { socket }
    }

    fun open(): ActivityController<MainActivity> = Robolectric.buildActivity(MainActivity::class.java).setup().also { idle() }

    fun idle() = shadowOf(Looper.getMainLooper()).idle()

    fun allow(
        vararg permissions: String = arrayOf(
            Manifest.permission.ACCESS_FINE_LOCATION,
            Manifest.permission.ACCESS_COARSE_LOCATION,
            Manifest.permission.READ_PHONE_STATE,
        ),
    ) = shadowOf(app as Application).grantPermissions(*permissions)

    /** Runs the main looper until something is so; other threads work meanwhile. */
    fun until(what: String, seconds: Int = 60, isSo: () -> Boolean) {
        val end = System.nanoTime() + seconds * 1_000_000_000L
        while (!isSo()) {
            check(System.nanoTime() < end) { "$what did not happen within $seconds s" }
            idle()
            Thread.sleep(5)
        }
    }
}

fun ActivityController<MainActivity>.view(id: Int): View =
    checkNotNull(get().findViewById<View>(id)) { "${get().resources.getResourceName(id)} is not shown" }

fun ActivityController<MainActivity>.text(id: Int): String = (view(id) as TextView).text.toString()

fun ActivityController<MainActivity>.tap(id: Int) {
    view(id).performClick()
    AppTest.idle()
}

fun ActivityController<MainActivity>.has(id: Int): Boolean =
    get().findViewById<View>(id)?.isShown == true

/** All texts that are shown, in order. */
fun texts(view: View): List<String> = when {
    view.visibility != View.VISIBLE -> emptyList()
    view is TextView -> listOf(view.text.toString())
    view is ViewGroup -> (0 until view.childCount).flatMap { texts(view.getChildAt(it)) }
    else -> emptyList()
}

/** All views that are shown. */
fun views(view: View): List<View> = when {
    view.visibility != View.VISIBLE -> emptyList()
    view is ViewGroup -> listOf(view) + (0 until view.childCount).flatMap { views(view.getChildAt(it)) }
    else -> listOf(view)
}
