package vn.ispeed.app.facts

import android.Manifest
import android.content.Context
import android.content.pm.PackageManager
import android.location.Location
import android.location.LocationListener
import android.location.LocationManager
import android.os.Build
import android.os.Bundle
import android.os.Looper
import android.os.SystemClock
import vn.ispeed.app.engine.Fix
import vn.ispeed.app.engine.FixSource
import vn.ispeed.app.screens.LocationState

private const val NANOS_PER_MS = 1_000_000L
private const val MICROS_PER_MS = 1_000L

/** Often enough for a fix at start, middle and end of a run of ten seconds. */
private const val UPDATE_EVERY_MS = 1_000L

/** The position, by the platform's own services: no Google service is asked. */
class LocationFacts(private val context: Context) {
    private val manager: LocationManager? = context.getSystemService(LocationManager::class.java)

    /** Written on the main thread, read where facts are put together. */
    @Volatile
    private var latest: Location? = null
    private var onChange: () -> Unit = {}

    // An object and not a lambda: on phones before API 30 the other methods are abstract.
    private val listener = object : LocationListener {
        override fun onLocationChanged(location: Location) {
            take(location)
            onChange()
        }

        @Deprecated("never called since API 29")
        override fun onStatusChanged(provider: String?, status: Int, extras: Bundle?) = Unit

        override fun onProviderEnabled(provider: String) = onChange()

        override fun onProviderDisabled(provider: String) = onChange()
    }

    /** Asks for positions until [stop]; [changed] is called on the main thread. */
    fun start(changed: () -> Unit) {
        onChange = changed
        if (!isAllowed(Manifest.permission.ACCESS_COARSE_LOCATION)) return
        for (provider in providers()) {
            unlessRefused {
                manager?.getLastKnownLocation(provider)?.let(::take)
                manager?.requestLocationUpdates(provider, UPDATE_EVERY_MS, 0f, listener, Looper.getMainLooper())
            }
        }
    }

    fun stop() {
        onChange = {}
        manager?.removeUpdates(listener)
    }

    /** What is known now. */
    fun state(): LocationState {
        val fix = fix()
        return when {
            !isAllowed(Manifest.permission.ACCESS_COARSE_LOCATION) -> LocationState.Denied
            !isAllowed(Manifest.permission.ACCESS_FINE_LOCATION) -> LocationState.CoarseOnly
            providers().isEmpty() -> LocationState.Off
            fix == null -> LocationState.Waiting
            else -> LocationState.Known(fix)
        }
    }

    /** The latest fix with its age; `null` without one, or without permission. */
    fun fix(): Fix? = if (isAllowed(Manifest.permission.ACCESS_COARSE_LOCATION)) latest?.let(::fixOf) else null

    private fun take(location: Location) {
        val before = latest
        val newer = before == null || location.elapsedRealtimeNanos >= before.elapsedRealtimeNanos
        if (newer) latest = location
    }

    private fun providers(): List<String> {
        val wanted = listOf(LocationManager.GPS_PROVIDER, FUSED, LocationManager.NETWORK_PROVIDER)
        val there = manager?.allProviders.orEmpty()
        return wanted.filter { it in there && unlessRefused { manager?.isProviderEnabled(it) } == true }
    }

    private fun isAllowed(permission: String) =
        context.checkSelfPermission(permission) == PackageManager.PERMISSION_GRANTED

    private companion object {
        /** [LocationManager.FUSED_PROVIDER] has this name on the older phones that have it. */
        const val FUSED = "fused"
    }
}

/** A position of Android as a fact. */
internal fun fixOf(location: Location): Fix = Fix(
    lat = location.latitude,
    lon = location.longitude,
    accuracyM = if (location.hasAccuracy()) location.accuracy.toDouble() else null,
    atMicros = location.time.takeIf { it > 0 }?.let { it * MICROS_PER_MS },
    ageMs = ((SystemClock.elapsedRealtimeNanos() - location.elapsedRealtimeNanos) / NANOS_PER_MS).coerceAtLeast(0),
    speedMps = if (location.hasSpeed()) location.speed.toDouble() else null,
    altitudeM = if (location.hasAltitude()) location.altitude else null,
    mock = isMock(location),
    source = when (location.provider) {
        LocationManager.GPS_PROVIDER -> FixSource.GNSS
        "fused" -> FixSource.FUSED
        LocationManager.NETWORK_PROVIDER -> FixSource.NETWORK
        else -> FixSource.UNKNOWN
    },
)

private fun isMock(location: Location): Boolean = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) {
    Api31.isMock(location)
} else {
    @Suppress("DEPRECATION")
    location.isFromMockProvider
}

@Since(Build.VERSION_CODES.S)
private object Api31 {
    fun isMock(location: Location): Boolean = location.isMock
}
