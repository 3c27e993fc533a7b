package vn.ispeed.app.upload

import vn.ispeed.app.engine.Engine
import vn.ispeed.app.engine.NextUpload
import vn.ispeed.app.engine.UploadAnswer
import vn.ispeed.app.engine.UploadRequest

/** The socket of an upload. Whatever happens is an answer. */
fun interface Socket {
    fun send(request: UploadRequest): UploadAnswer
}

/** How a drain ended. */
sealed interface Drained {
    /** Nothing waits. */
    data object Empty : Drained

    /** The core wants to wait until this instant. */
    data class Until(val micros: Long) : Drained

    /** The system took the time away. */
    data object Stopped : Drained
}

/** Sends whatever the core says is due, one after the other; the core decides what an answer means. */
class Uploader(private val engine: Engine, private val socket: Socket) {
    @Volatile
    private var stopped = false

    /** Ends after the upload that is under way. */
    fun stop() {
        stopped = true
    }

    fun drain(): Drained {
        while (!stopped) {
            when (val next = engine.nextUpload()) {
                is NextUpload.Upload -> engine.uploadAnswered(next.request.id, socket.send(next.request))
                is NextUpload.Wait -> return Drained.Until(next.untilMicros)
                NextUpload.Done -> return Drained.Empty
            }
        }
        return Drained.Stopped
    }
}
