package vn.ispeed.app.facts

import android.content.Context
import android.os.Build
import android.telephony.TelephonyCallback
import android.telephony.TelephonyDisplayInfo
import android.telephony.TelephonyManager

/** Whether the phone shows 5G while LTE is its anchor. Before API 31 nobody tells without a listener on its own thread. */
internal class DisplayFacts(private val context: Context) {
    private var listener: Any? = null
    private var manager: TelephonyManager? = null

    @Volatile
    var showsNsa = false
        private set

    fun start(of: TelephonyManager?, changed: () -> Unit) {
        if (of == null || Build.VERSION.SDK_INT < Build.VERSION_CODES.S) return
        manager = of
        listener = unlessRefused {
            Display31.listen(context, of) { nsa ->
                showsNsa = nsa
                changed()
            }
        }
    }

    fun stop() {
        val (there, of) = listener to manager
        if (there != null && of != null && Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) Display31.stop(of, there)
        listener = null
        showsNsa = false
    }
}

@Since(Build.VERSION_CODES.S)
private class Display(private val told: (Boolean) -> Unit) : TelephonyCallback(), TelephonyCallback.DisplayInfoListener {
    override fun onDisplayInfoChanged(info: TelephonyDisplayInfo) {
        val shown = info.overrideNetworkType
        told(
            shown == TelephonyDisplayInfo.OVERRIDE_NETWORK_TYPE_NR_NSA ||
                shown == TelephonyDisplayInfo.OVERRIDE_NETWORK_TYPE_NR_ADVANCED,
        )
    }
}

@Since(Build.VERSION_CODES.S)
private object Display31 {
    fun listen(context: Context, manager: TelephonyManager, told: (Boolean) -> Unit): Any {
        val display = Display(told)
        manager.registerTelephonyCallback(context.mainExecutor, display)
        return display
    }

    fun stop(manager: TelephonyManager, listener: Any) {
        manager.unregisterTelephonyCallback(listener as TelephonyCallback)
    }
}
