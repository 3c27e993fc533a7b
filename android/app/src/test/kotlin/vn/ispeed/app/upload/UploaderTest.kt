package vn.ispeed.app.upload

import java.io.IOException
import java.net.ConnectException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import javax.net.ssl.SSLHandshakeException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import vn.ispeed.app.engine.FakeEngine
import vn.ispeed.app.engine.NextUpload
import vn.ispeed.app.engine.UploadAnswer
import vn.ispeed.app.engine.UploadRequest

class UploaderTest {
    private val engine = FakeEngine()
    private fun upload(id: String) = NextUpload.Upload(UploadRequest(id, "PUT", "https://c/$id", emptyList(), byteArrayOf(1)))

    @Test
    fun everythingThatIsDueIsSentOnceAndEveryAnswerIsTold() {
        engine.queue += listOf(upload("a"), upload("b"), NextUpload.Wait(7))
        val sent = mutableListOf<String>()
        val drained = Uploader(engine) { request ->
            sent += request.id
            UploadAnswer.Failed("timeout")
        }.drain()
        assertEquals(listOf("a", "b"), sent)
        assertEquals(listOf("a", "b"), engine.answers.map { it.first })
        assertTrue(engine.answers.all { it.second == UploadAnswer.Failed("timeout") })
        assertEquals(Drained.Until(7), drained)
    }

    @Test
    fun anEmptyOutboxIsDone() = assertEquals(Drained.Empty, Uploader(engine) { error("nothing to send") }.drain())

    @Test
    fun aSystemThatTakesTheTimeAwayEndsAfterTheUploadUnderWay() {
        engine.queue += listOf(upload("a"), upload("b"))
        lateinit var uploader: Uploader
        uploader = Uploader(engine) {
            uploader.stop()
            UploadAnswer.Http(200, emptyList(), ByteArray(0))
        }
        assertEquals(Drained.Stopped, uploader.drain())
        assertEquals(1, engine.answers.size)
        assertEquals(1, engine.queue.size)
    }

    @Test
    fun failuresHaveTheCoresKinds() {
        assertEquals("dns", kind(UnknownHostException()))
        assertEquals("connect", kind(ConnectException()))
        assertEquals("timeout", kind(SocketTimeoutException()))
        assertEquals("tls", kind(SSLHandshakeException("")))
        assertEquals("cut", kind(IOException("unexpected end of stream")))
    }

    @Test
    fun onlyHttpsIsSpoken() {
        val answer = HttpsSocket(null).send(UploadRequest("a", "PUT", "http://127.0.0.1:1/x", emptyList(), ByteArray(0)))
        assertEquals(UploadAnswer.Failed("other"), answer)
    }
}
