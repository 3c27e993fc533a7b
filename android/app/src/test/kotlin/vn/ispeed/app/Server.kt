package vn.ispeed.app

import java.io.File
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/**
 * A real `ispeed serve` in its own process on loopback, behind a simulated mobile link. On loopback itself a run may have moved all
 * bytes the method allows before the rate stops climbing, above all on a busy machine: rightly it then ends without a figure.
 */
class Server private constructor(private val process: Process, val url: String, val data: File) : AutoCloseable {
    val certificate: String get() = File(data, "cert.pem").readText()

    /** As a machine that loses its power: nothing is said to anybody. */
    override fun close() {
        process.destroyForcibly()
        process.waitFor(10, TimeUnit.SECONDS)
    }

    companion object {
        private val program = File(requireNotNull(System.getProperty("ispeed.program")))

        /** The word before the address in the first lines of the program. */
        private const val PAGE = "public page "

        /** What the link carries down and up, Mbit/s with headers, and its round trip in ms: an ordinary 4G cell. */
        private const val LINK = "40/20/40"

        fun start(data: File, vararg more: String): Server {
            // The link is reached at the address the server gives as its own.
            val reached = listOf("--link", LINK, "--public-name", "127.0.0.1", "--listen", "127.0.0.2:0")
            val process = ProcessBuilder(listOf(program.path, "serve", "--data", data.path, "--self-signed") + reached + more)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start()
            val lines = LinkedBlockingQueue<String>()
            // Somebody has to read the rest, or the server would wait for its log.
            thread(isDaemon = true) { process.errorStream.bufferedReader().forEachLine(lines::add) }
            while (true) {
                val line = checkNotNull(lines.poll(60, TimeUnit.SECONDS)) { "the server did not start" }
                if (PAGE in line) return Server(process, line.substringAfter(PAGE).trim(), data)
            }
        }

        /** What the program `ispeed` prints with these words. */
        fun run(vararg words: String): String {
            val process = ProcessBuilder(listOf(program.path, *words)).redirectError(ProcessBuilder.Redirect.DISCARD).start()
            val text = process.inputStream.readBytes().decodeToString()
            check(process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0) { "ispeed ${words.joinToString(" ")}: $text" }
            return text
        }
    }
}
