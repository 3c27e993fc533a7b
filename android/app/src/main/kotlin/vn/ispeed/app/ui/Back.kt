package vn.ispeed.app.ui

import android.app.Activity
import android.os.Build
import android.window.OnBackInvokedCallback
import android.window.OnBackInvokedDispatcher
import vn.ispeed.app.facts.Since

/** The gesture that goes back, as newer phones tell of it; older ones call the activity. */
internal class Back(private val activity: Activity, private val back: () -> Boolean) {
    private var registered: Any? = null

    /** Whether back means something inside the app; else the gesture shows that the app will be left. */
    fun wanted(wanted: Boolean) {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.TIRAMISU || wanted == (registered != null)) return
        if (wanted) registered = Api33.register(activity) { back() } else release()
    }

    fun release() {
        val callback = registered ?: return
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) Api33.unregister(activity, callback)
        registered = null
    }
}

@Since(Build.VERSION_CODES.TIRAMISU)
private object Api33 {
    fun register(activity: Activity, back: () -> Unit): Any {
        val callback = OnBackInvokedCallback { back() }
        val priority = OnBackInvokedDispatcher.PRIORITY_DEFAULT
        activity.onBackInvokedDispatcher.registerOnBackInvokedCallback(priority, callback)
        return callback
    }

    fun unregister(activity: Activity, callback: Any) =
        activity.onBackInvokedDispatcher.unregisterOnBackInvokedCallback(callback as OnBackInvokedCallback)
}
