package vn.ispeed.app

import android.app.Application
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.MainScope
import kotlinx.coroutines.async
import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.EngineException
import vn.ispeed.app.engine.RustEngine
import vn.ispeed.app.facts.Phone
import vn.ispeed.app.upload.HttpsSocket
import vn.ispeed.app.upload.Socket
import vn.ispeed.app.upload.UploadJob

/** What lives as long as the process. */
class IspeedApp : Application() {
    val scope: CoroutineScope by lazy { MainScope() }
    val preferences: Preferences by lazy { Preferences(this) }

    /** Where the core's blocking calls run. */
    internal var io: CoroutineDispatcher = Dispatchers.IO

    /** How the core is opened; tests put another one here before anything is used. */
    internal var openEngine: () -> Engine = { RustEngine.open(this, preferences, versionName()) }

    /** How an upload's socket is made. */
    internal var openSocket: () -> Socket = { HttpsSocket(preferences.extraCaPem) }

    /** The wall clock, in microseconds since 1970; tests let it go by with the looper. */
    internal var nowMicros: () -> Long = { TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis()) }

    private var opening: Deferred<Session>? = null

    /** The open core: opened at the first question and off the main thread. */
    @Synchronized
    fun session(): Deferred<Session> = opening ?: scope.async(io) {
        val engine = openEngine()
        val phone = Phone(this@IspeedApp, versionName(), engine.bindsNetworks)
        Session(engine, phone, preferences, scope, io, nowMicros) { UploadJob.schedule(this@IspeedApp) }
    }.also { opening = it }

    /** The next question opens the core anew. */
    fun reopen() = hold(null)

    /** Opens the core anew with another collector. One that the core refuses is not taken: what was open stays. Not while a run goes on. */
    suspend fun changeCollector(url: String) {
        val (collector, open) = preferences.collector to opening
        preferences.collector = url
        reopen()
        try {
            session().await()
        } catch (refused: EngineException) {
            preferences.collector = collector
            hold(open)
            throw refused
        }
    }

    @Synchronized
    private fun hold(open: Deferred<Session>?) {
        opening = open
    }

    private fun versionName(): String = packageManager.getPackageInfo(packageName, 0).versionName ?: "0"
}
