package vn.ispeed.app

import java.io.File
import java.net.URL
import java.security.KeyStore
import java.security.cert.CertificateFactory
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import javax.net.ssl.HttpsURLConnection
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory
import kotlin.concurrent.thread

/** A real `ispeed serve` in its own process on loopback. */
class Server private constructor(private val process: Process, val url: String, val data: File) : AutoCloseable {
    val certificate: String get() = File(data, "cert.pem").readText()

    override fun close() {
        process.destroy()
        process.waitFor(5, TimeUnit.SECONDS)
        process.destroyForcibly()
    }

    /** Another GET than the app's own. */
    fun get(path: String): String {
        val connection = URL(url + path).openConnection() as HttpsURLConnection
        val store = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null) }
        val own = CertificateFactory.getInstance("X.509").generateCertificate(certificate.byteInputStream())
        store.setCertificateEntry("own", own)
        val trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm()).apply { init(store) }
        connection.sslSocketFactory = SSLContext.getInstance("TLS").apply { init(null, trust.trustManagers, null) }.socketFactory
        return connection.inputStream.use { it.readBytes().decodeToString() }
    }

    /** What the program `ispeed` prints with these words. */
    fun program(vararg words: String): String = run(listOf(*words))

    companion object {
        private val program = File(requireNotNull(System.getProperty("ispeed.program")))

        val isThere: Boolean get() = program.isFile

        /** The word before the address in the first lines of the program. */
        private const val PAGE = "public page "

        fun start(data: File, listen: String = "127.0.0.1:0"): Server {
            val process = ProcessBuilder(program.path, "serve", "--listen", listen, "--data", data.path, "--self-signed")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
            val lines = LinkedBlockingQueue<String>()
            // Somebody has to read the rest, or the server would wait for its log.
            thread(isDaemon = true) { process.errorStream.bufferedReader().forEachLine(lines::add) }
            while (true) {
                val line = checkNotNull(lines.poll(60, TimeUnit.SECONDS)) { "the server did not start" }
                if (PAGE in line) return Server(process, line.substringAfter(PAGE).trim(), data)
            }
        }

        private fun run(words: List<String>): String {
            val process = ProcessBuilder(listOf(program.path) + words).redirectError(ProcessBuilder.Redirect.DISCARD).start()
            val text = process.inputStream.readBytes().decodeToString()
            check(process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0) { "ispeed ${words.joinToString(" ")}: $text" }
            return text
        }
    }
}
