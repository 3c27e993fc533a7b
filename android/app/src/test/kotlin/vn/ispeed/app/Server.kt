package vn.ispeed.app

import java.io.File
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** A real `ispeed serve` in its own process on loopback. */
class Server private constructor(private val process: Process, val url: String, val data: File) : AutoCloseable {
    val certificate: String get() = File(data, "cert.pem").readText()

    /** As a machine that loses its power: nothing is said to anybody. */
    override fun close() {
        process.destroyForcibly()
        process.waitFor(10, TimeUnit.SECONDS)
    }

    /** What the program `ispeed` prints with these words. */
    fun program(vararg words: String): String = run(listOf(*words))

    companion object {
        private val program = File(requireNotNull(System.getProperty("ispeed.program")))

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
