package vn.ispeed.app.facts

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import android.net.NetworkCapabilities
import android.net.NetworkRequest
import android.os.Build
import vn.ispeed.app.engine.Transport
import vn.ispeed.app.engine.TransportKind

/** What carries packets. */
class NetworkFacts(context: Context) {
    private val manager: ConnectivityManager? = context.getSystemService(ConnectivityManager::class.java)
    private var watch: ConnectivityManager.NetworkCallback? = null
    private var request: ConnectivityManager.NetworkCallback? = null

    /** The mobile network, once the system has given it: the load may be bound to it while Wi-Fi stays on. */
    @Volatile
    var cellular: Network? = null
        private set

    /** Whether the system has a network at all. */
    val isOnline: Boolean get() = manager?.activeNetwork != null

    /** Tells of changes until [stop]. */
    fun start(changed: () -> Unit) {
        val callback = object : ConnectivityManager.NetworkCallback() {
            override fun onAvailable(network: Network) = changed()

            override fun onLost(network: Network) = changed()

            override fun onCapabilitiesChanged(network: Network, capabilities: NetworkCapabilities) = changed()
        }
        watch = callback
        unlessRefused { manager?.registerDefaultNetworkCallback(callback) }
        val mobile = object : ConnectivityManager.NetworkCallback() {
            override fun onAvailable(network: Network) {
                cellular = network
                changed()
            }

            override fun onLost(network: Network) {
                cellular = null
                changed()
            }
        }
        request = mobile
        val wanted = NetworkRequest.Builder()
            .addTransportType(NetworkCapabilities.TRANSPORT_CELLULAR)
            .addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
            .build()
        unlessRefused { manager?.requestNetwork(wanted, mobile) }
    }

    fun stop() {
        listOfNotNull(watch, request).forEach { callback -> manager?.unregisterNetworkCallback(callback) }
        watch = null
        request = null
        cellular = null
    }

    /** The network the system uses, or the mobile one where the load is bound to it. */
    fun transport(bound: Network?): Transport {
        val network = bound ?: manager?.activeNetwork ?: return Transport()
        val capabilities = unlessRefused { manager?.getNetworkCapabilities(network) } ?: return Transport()
        val has = { capability: Int -> capabilities.hasCapability(capability) }
        return Transport(
            kind = kind(capabilities),
            // A VPN that is up takes sockets away from a network they are bound to, so that it is asked for as well.
            vpn = !has(NetworkCapabilities.NET_CAPABILITY_NOT_VPN) || isVpnActive(),
            roaming = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) Api28.isRoaming(capabilities) else null,
            metered = !has(NetworkCapabilities.NET_CAPABILITY_NOT_METERED),
            captivePortal = has(NetworkCapabilities.NET_CAPABILITY_CAPTIVE_PORTAL),
        )
    }

    private fun isVpnActive(): Boolean {
        val active = manager?.activeNetwork ?: return false
        val capabilities = unlessRefused { manager.getNetworkCapabilities(active) } ?: return false
        return capabilities.hasTransport(NetworkCapabilities.TRANSPORT_VPN)
    }

    /** Whether the person restricts data in the background. */
    fun isDataSaverOn(): Boolean =
        manager?.restrictBackgroundStatus == ConnectivityManager.RESTRICT_BACKGROUND_STATUS_ENABLED
}

private fun kind(capabilities: NetworkCapabilities): TransportKind {
    val kinds = listOf(
        NetworkCapabilities.TRANSPORT_CELLULAR to TransportKind.CELLULAR,
        NetworkCapabilities.TRANSPORT_WIFI to TransportKind.WIFI,
        NetworkCapabilities.TRANSPORT_ETHERNET to TransportKind.ETHERNET,
    ).filter { (transport, _) -> capabilities.hasTransport(transport) }
    return kinds.singleOrNull()?.second ?: TransportKind.OTHER
}

@Since(Build.VERSION_CODES.P)
private object Api28 {
    fun isRoaming(capabilities: NetworkCapabilities): Boolean =
        !capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_ROAMING)
}
