package vn.ispeed.app.field

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.app.Service
import android.content.Context
import android.content.Intent
import android.content.pm.ServiceInfo
import android.os.Build
import android.os.IBinder
import android.util.Log
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import vn.ispeed.app.IspeedApp
import vn.ispeed.app.MainActivity
import vn.ispeed.app.R
import vn.ispeed.app.Session
import vn.ispeed.app.facts.Since
import vn.ispeed.app.screens.FieldState
import vn.ispeed.app.screens.Repeating
import vn.ispeed.app.screens.fieldScreen
import vn.ispeed.app.ui.words

/** Keeps repeated measuring alive with the screen off. Started from a visible screen only, and says what it does. */
class FieldService : Service() {
    private var watch: Job? = null
    private var open: Session? = null

    override fun onCreate() {
        super.onCreate()
        val channel = NotificationChannel(CHANNEL, title(), NotificationManager.IMPORTANCE_LOW)
        getSystemService(NotificationManager::class.java)?.createNotificationChannel(channel)
    }

    override fun onBind(intent: Intent?): IBinder? = null

    override fun onStartCommand(intent: Intent?, flags: Int, startId: Int): Int {
        if (!show(null)) {
            stopSelf()
            return START_NOT_STICKY
        }
        val app = application as IspeedApp
        watch?.cancel()
        watch = app.scope.launch {
            val session = app.session().await()
            open = session
            session.listen(this@FieldService)
            session.field.start()
            follow(session)
        }
        // After the death of the process the system starts it again: the day goes on.
        return START_STICKY
    }

    override fun onDestroy() {
        watch?.cancel()
        open?.leave(this)
        super.onDestroy()
    }

    private suspend fun follow(session: Session) {
        var shown: Repeating? = null
        session.field.state.collect { state ->
            // The state changes with each step of the person; the notice does not.
            if (state.repeating != shown) show(state.repeating)
            shown = state.repeating
            if (!session.field.isRepeating) stopSelf()
        }
    }

    /** False where the system does not allow it: a service of type location that it starts anew behind a dark screen. */
    private fun show(repeating: Repeating?): Boolean {
        val notice = notice(repeating)
        val id = resources.getInteger(R.integer.field_notice)
        return try {
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) Api29.foreground(this, id, notice) else startForeground(id, notice)
            true
        } catch (refused: SecurityException) {
            Log.w("ispeed", "field mode goes on when the app is opened: ${refused.message}")
            false
        }
    }

    private fun notice(repeating: Repeating?): Notification {
        val words = words(this)
        val running = fieldScreen(FieldState(repeating = repeating)).running
        val open = Intent(this, MainActivity::class.java)
        return Notification.Builder(this, CHANNEL)
            .setSmallIcon(R.drawable.ic_notice)
            .setContentTitle(title())
            .setContentText(running.joinToString(" ", transform = words::of))
            .setOngoing(true)
            .setContentIntent(PendingIntent.getActivity(this, 0, open, PendingIntent.FLAG_IMMUTABLE))
            .build()
    }

    private fun title(): String = getString(R.string.field_notice_channel)

    companion object {
        private const val CHANNEL = "field"

        fun start(context: Context) {
            context.startForegroundService(Intent(context, FieldService::class.java))
        }

        fun stop(context: Context) {
            context.stopService(Intent(context, FieldService::class.java))
        }
    }
}

@Since(Build.VERSION_CODES.Q)
private object Api29 {
    fun foreground(service: Service, id: Int, notice: Notification) =
        service.startForeground(id, notice, ServiceInfo.FOREGROUND_SERVICE_TYPE_LOCATION)
}
