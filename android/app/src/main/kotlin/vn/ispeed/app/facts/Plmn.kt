package vn.ispeed.app.facts

private const val MCC_DIGITS = 3
private val LENGTHS = 5..6

/** `45204` of Android as the `452-04` of samples; `null` for what is none. */
fun plmn(digits: String?): String? {
    val good = digits != null && digits.length in LENGTHS && digits.all(Char::isDigit)
    return if (good) "${digits.take(MCC_DIGITS)}-${digits.drop(MCC_DIGITS)}" else null
}
