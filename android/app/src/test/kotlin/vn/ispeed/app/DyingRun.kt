package vn.ispeed.app

import java.io.File
import java.util.concurrent.TimeUnit
import vn.ispeed.app.engine.Consent
import vn.ispeed.app.engine.DataLimits
import vn.ispeed.app.engine.Facts
import vn.ispeed.app.engine.RunPlan
import vn.ispeed.app.engine.RustEngine
import vn.ispeed.app.engine.Share

/** A run in a process of its own that is killed while bytes move. */
object DyingRun {
    private const val MOVING = "bytes move"

    fun startAndKill(data: File, server: Server) {
        val certificate = File(server.data, "cert.pem")
        val process = ProcessBuilder(
            File(System.getProperty("java.home"), "bin/java").path,
            "-cp",
            System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path"),
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "vn.ispeed.app.DyingRunKt",
            data.path,
            server.url,
            certificate.path,
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val said = process.inputStream.bufferedReader().readLine()
        process.destroyForcibly()
        process.waitFor(10, TimeUnit.SECONDS)
        check(said == MOVING) { "the run that was to die said $said" }
    }

    fun run(data: File, collector: String, certificate: File) {
        val engine = RustEngine.open(data, null, collector, certificate.readText(), DataLimits(), "0.1.0")
        engine.recordConsent(Consent("app-2026-11", 1, run = true, share = Share.NONE, upload = true))
        var said = false
        val run = engine.start(RunPlan(), Facts()) { progress ->
            if (progress.bytesDown > 0 && !said) {
                said = true
                println(MOVING)
            }
        }
        Thread.sleep(60_000)
        run.cancel()
    }
}

fun main(words: Array<String>) = DyingRun.run(File(words[0]), words[1], File(words[2]))
