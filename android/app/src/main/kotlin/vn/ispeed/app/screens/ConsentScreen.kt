package vn.ispeed.app.screens

import vn.ispeed.app.engine.Consent
import vn.ispeed.app.engine.Estimate
import vn.ispeed.app.engine.Share

/** Version of the text below; it travels with every sample, so a change of the text is a new version. */
const val CONSENT_VERSION = "app-2026-11"

/** What was ticked. Nothing is at first. */
data class Choices(
    val run: Boolean = false,
    val upload: Boolean = false,
    val commune: Boolean = false,
    val precise: Boolean = false,
) {
    /** The record of these choices. The point is of use only together with its commune. */
    fun consent(atMicros: Long): Consent = Consent(
        version = CONSENT_VERSION,
        atMicros = atMicros,
        run = run,
        share = when {
            precise -> Share.PRECISE
            commune -> Share.COMMUNE
            else -> Share.NONE
        },
        upload = upload,
    )

    /** As a phone keeps them while it is turned. */
    fun flags(): BooleanArray = booleanArrayOf(run, upload, commune, precise)

    companion object {
        /** What [flags] gave. */
        fun of(flags: BooleanArray): Choices {
            val (run, upload, commune, precise) = flags
            return Choices(run, upload, commune, precise)
        }

        /** The choices of a record. */
        fun of(consent: Consent?): Choices = Choices(
            run = consent?.run == true,
            upload = consent?.upload == true,
            commune = consent != null && consent.share != Share.NONE,
            precise = consent?.share == Share.PRECISE,
        )
    }
}

/** One choice with its explanation. */
data class Choice(val label: Text, val more: Text, val ticked: Boolean)

/** What a person reads and ticks before the first run, and may change at any time. */
data class ConsentScreen(
    val title: Text,
    val intro: Text,
    val choices: List<Choice>,
    val data: Text?,
    val about: Text,
    val agree: Text,
    val mayAgree: Boolean,
    val needed: Text?,
)

/** The screen of the choices. */
fun consentScreen(choices: Choices, estimate: Estimate?): ConsentScreen = ConsentScreen(
    title = say(Say.CONSENT_TITLE),
    intro = say(Say.CONSENT_INTRO),
    choices = listOf(
        Choice(say(Say.CONSENT_RUN), say(Say.CONSENT_RUN_MORE), choices.run),
        Choice(say(Say.CONSENT_UPLOAD), say(Say.CONSENT_UPLOAD_MORE), choices.upload),
        Choice(say(Say.CONSENT_COMMUNE), say(Say.CONSENT_COMMUNE_MORE), choices.commune),
        Choice(say(Say.CONSENT_PRECISE), say(Say.CONSENT_PRECISE_MORE), choices.precise),
    ),
    data = estimate?.let { estimate ->
        val most = bytes(estimate.maxBytes)
        estimate.likelyBytes?.let { say(Say.CONSENT_DATA, bytes(it), most) } ?: say(Say.CONSENT_DATA_FIRST, most)
    },
    about = say(Say.APP_ABOUT),
    agree = say(Say.CONSENT_GO),
    mayAgree = choices.run,
    needed = if (choices.run) null else say(Say.CONSENT_NEEDED),
)
