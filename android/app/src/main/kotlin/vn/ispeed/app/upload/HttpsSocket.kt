package vn.ispeed.app.upload

import java.io.IOException
import java.io.InputStream
import java.net.ConnectException
import java.net.HttpURLConnection
import java.net.NoRouteToHostException
import java.net.SocketTimeoutException
import java.net.URL
import java.net.UnknownHostException
import java.security.KeyStore
import java.security.cert.CertificateException
import java.security.cert.CertificateFactory
import java.security.cert.X509Certificate
import javax.net.ssl.HttpsURLConnection
import javax.net.ssl.SSLContext
import javax.net.ssl.SSLException
import javax.net.ssl.SSLSocketFactory
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import vn.ispeed.app.engine.UploadAnswer
import vn.ispeed.app.engine.UploadRequest

/** Uploads by the platform's own client: no redirects, no proxy, TLS only, bounded answers. */
class HttpsSocket(extraCaPem: String?) : Socket {
    private val trust: SSLSocketFactory? = extraCaPem?.let(::socketFactory)

    override fun send(request: UploadRequest): UploadAnswer {
        val connection = try {
            URL(request.url).openConnection(java.net.Proxy.NO_PROXY) as? HttpsURLConnection
        } catch (_: IOException) {
            null
        }
        // An address that is not https is never spoken to.
        return connection?.let { exchange(it, request) } ?: UploadAnswer.Failed("other")
    }

    private fun exchange(connection: HttpsURLConnection, request: UploadRequest): UploadAnswer = try {
        trust?.let { connection.sslSocketFactory = it }
        connection.instanceFollowRedirects = false
        connection.connectTimeout = CONNECT_TIMEOUT_MS
        connection.readTimeout = READ_TIMEOUT_MS
        connection.requestMethod = request.method
        connection.doOutput = true
        request.headers.forEach { (name, value) -> connection.setRequestProperty(name, value) }
        connection.setFixedLengthStreamingMode(request.body.size)
        connection.outputStream.use { it.write(request.body) }
        UploadAnswer.Http(connection.responseCode, headers(connection), body(connection))
    } catch (failed: IOException) {
        UploadAnswer.Failed(kind(failed))
    } finally {
        connection.disconnect()
    }

    private fun headers(connection: HttpURLConnection): List<Pair<String, String>> =
        connection.headerFields.orEmpty().flatMap { (name, values) ->
            if (name == null) emptyList() else values.map { name.lowercase() to it }
        }

    private fun body(connection: HttpURLConnection): ByteArray {
        val stream = if (connection.responseCode < HttpURLConnection.HTTP_BAD_REQUEST) {
            connection.inputStream
        } else {
            connection.errorStream
        }
        return stream?.use(::bounded) ?: ByteArray(0)
    }

    private companion object {
        /** A phone at the edge of coverage needs several seconds. */
        const val CONNECT_TIMEOUT_MS = 10_000

        /** Silence, not the whole answer. */
        const val READ_TIMEOUT_MS = 60_000
    }
}

/** Largest answer: a receipt, a verdict, a place. What is larger is not that. */
private const val ANSWER_MAX_BYTES = 64 * 1024

private fun bounded(stream: InputStream): ByteArray {
    val read = ByteArray(ANSWER_MAX_BYTES + 1)
    var length = 0
    while (length < read.size) {
        val more = stream.read(read, length, read.size - length)
        if (more < 0) break
        length += more
    }
    return if (length > ANSWER_MAX_BYTES) ByteArray(0) else read.copyOf(length)
}

/** Kind of a failure in the core's words. */
internal fun kind(failed: IOException): String = when (failed) {
    is UnknownHostException -> "dns"
    is NoRouteToHostException -> "no_network"
    is ConnectException -> "connect"
    is SocketTimeoutException -> "timeout"
    is SSLException -> "tls"
    else -> "cut"
}

/** The web's roots and one more. */
private fun socketFactory(pem: String): SSLSocketFactory {
    val own = KeyStore.getInstance(KeyStore.getDefaultType()).apply { load(null) }
    CertificateFactory.getInstance("X.509").generateCertificates(pem.byteInputStream())
        .forEachIndexed { index, certificate -> own.setCertificateEntry("extra$index", certificate) }
    val managers = listOf(managerOf(null), managerOf(own))
    val context = SSLContext.getInstance("TLS")
    context.init(null, arrayOf(EitherTrust(managers)), null)
    return context.socketFactory
}

private fun managerOf(store: KeyStore?): X509TrustManager {
    val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
    factory.init(store)
    return factory.trustManagers.filterIsInstance<X509TrustManager>().first()
}

/** Trusts what one of several does. Each of them checks the whole chain. */
private class EitherTrust(private val managers: List<X509TrustManager>) : X509TrustManager {
    override fun checkClientTrusted(chain: Array<X509Certificate>, authType: String) =
        either { it.checkClientTrusted(chain, authType) }

    override fun checkServerTrusted(chain: Array<X509Certificate>, authType: String) =
        either { it.checkServerTrusted(chain, authType) }

    override fun getAcceptedIssuers(): Array<X509Certificate> =
        managers.flatMap { it.acceptedIssuers.toList() }.toTypedArray()

    private fun either(check: (X509TrustManager) -> Unit) {
        var refused: CertificateException? = null
        for (manager in managers) {
            try {
                return check(manager)
            } catch (wrong: CertificateException) {
                refused = wrong
            }
        }
        throw refused ?: CertificateException("no trust manager")
    }
}
