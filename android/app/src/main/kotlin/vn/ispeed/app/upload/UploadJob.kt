package vn.ispeed.app.upload

import android.app.job.JobInfo
import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.app.job.JobService
import android.content.ComponentName
import android.content.Context
import kotlinx.coroutines.Job
import kotlinx.coroutines.launch
import vn.ispeed.app.IspeedApp
import vn.ispeed.app.R
import vn.ispeed.app.engine.EngineException

/**
 * Hands samples in when there is a network. The job outlives a restart of the phone; it only sends what lies in the outbox, so
 * that it never measures again.
 */
class UploadJob : JobService() {
    private var job: Job? = null
    private var uploader: Uploader? = null

    override fun onStartJob(params: JobParameters): Boolean {
        val app = application as IspeedApp
        job = app.scope.launch(app.io) {
            val again = try {
                val session = app.session().await()
                val work = Uploader(session.engine, app.openSocket())
                uploader = work
                val drained = work.drain()
                session.changed()
                if (drained is Drained.Until) schedule(this@UploadJob, drained.micros)
                drained == Drained.Stopped
            } catch (_: EngineException) {
                true
            }
            jobFinished(params, again)
        }
        return true
    }

    override fun onStopJob(params: JobParameters): Boolean {
        uploader?.stop()
        job?.cancel()
        return true
    }

    companion object {
        private const val MICROS_PER_MS = 1_000L

        /** Asks for a job as soon as there is a network, or not before [notBeforeMicros]. */
        fun schedule(context: Context, notBeforeMicros: Long? = null) {
            val scheduler = context.getSystemService(JobScheduler::class.java) ?: return
            // A job of its own: scheduling the one that runs would stop it.
            val job = if (notBeforeMicros == null) R.integer.upload_job else R.integer.upload_later_job
            val id = context.resources.getInteger(job)
            val info = JobInfo.Builder(id, ComponentName(context, UploadJob::class.java))
                .setRequiredNetworkType(JobInfo.NETWORK_TYPE_ANY)
                .setPersisted(true)
                .setBackoffCriteria(JobInfo.DEFAULT_INITIAL_BACKOFF_MILLIS, JobInfo.BACKOFF_POLICY_EXPONENTIAL)
            if (notBeforeMicros != null) {
                val waitMs = (notBeforeMicros / MICROS_PER_MS - System.currentTimeMillis()).coerceAtLeast(0)
                info.setMinimumLatency(waitMs)
            }
            scheduler.schedule(info.build())
        }
    }
}
