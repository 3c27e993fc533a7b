package vn.ispeed.app.facts

/** Why a fact is absent, in the words samples use. */
object Missing {
    const val PERMISSION_DENIED = "permission_denied"
    const val API_MISSING = "api_missing"
    const val NO_SIGNAL = "no_signal"
}

/** A call of the platform that a phone may refuse; what it refuses is absent. */
internal inline fun <T> unlessRefused(read: () -> T?): T? = try {
    read()
} catch (_: SecurityException) {
    null
}
