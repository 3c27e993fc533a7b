package vn.ispeed.app.screens

import java.text.DecimalFormat
import java.text.DecimalFormatSymbols
import java.time.Instant
import java.time.LocalDate
import java.time.ZoneId
import java.time.format.DateTimeFormatter
import java.util.Locale

/** A text of a screen before it is put into a language. */
sealed interface Text {
    /** A text of the table with its values. */
    data class Of(val say: Say, val args: List<Text>) : Text

    /** A name or code: the same in every language. */
    data class Plain(val text: String) : Text

    /** A number with this many decimals. */
    data class Number(val value: Double, val decimals: Int) : Text

    /** An instant, shown in Vietnam's time. */
    data class Time(val micros: Long) : Text

    /** The time of day to the second, in Vietnam. */
    data class Clock(val micros: Long) : Text

    /** A day, `2026-11-27`. */
    data class Day(val iso: String) : Text

    /** A sentence of the core, which has its own in both languages. */
    data class Both(val vi: String, val en: String) : Text

    /** Texts one after the other. */
    data class Joined(val parts: List<Text>, val separator: String) : Text
}

fun say(say: Say, vararg args: Text): Text = Text.Of(say, args.toList())

fun plain(text: String): Text = Text.Plain(text)

fun number(value: Double, decimals: Int = 0): Text = Text.Number(value, decimals)

fun number(value: Int): Text = Text.Number(value.toDouble(), 0)

/** A language. */
enum class Language(val tag: String) {
    VI("vi"),
    EN("en"),
    ;

    companion object {
        /** Vietnamese unless the phone says English. */
        fun of(locale: Locale): Language = if (locale.language == EN.tag) EN else VI
    }
}

/** Puts texts into one language: decimal comma and day first in Vietnamese. */
class Words(val language: Language, private val lookUp: (Say, List<String>) -> String) {
    private val symbols = DecimalFormatSymbols(Locale.ROOT).apply {
        decimalSeparator = if (language == Language.VI) ',' else '.'
        groupingSeparator = if (language == Language.VI) '.' else ','
    }

    fun of(text: Text): String = when (text) {
        is Text.Of -> lookUp(text.say, text.args.map(::of))
        is Text.Plain -> text.text
        is Text.Number -> number(text.value, text.decimals)
        is Text.Time -> TIME.format(Instant.ofEpochMilli(text.micros / MICROS_PER_MS).atZone(VIETNAM))
        is Text.Clock -> CLOCK.format(Instant.ofEpochMilli(text.micros / MICROS_PER_MS).atZone(VIETNAM))
        is Text.Day -> DAY.format(LocalDate.parse(text.iso))
        is Text.Both -> if (language == Language.VI) text.vi else text.en
        is Text.Joined -> text.parts.joinToString(text.separator, transform = ::of)
    }

    private fun number(value: Double, decimals: Int): String =
        DecimalFormat("#,##0" + if (decimals > 0) "." + "0".repeat(decimals) else "", symbols).format(value)

    private companion object {
        const val MICROS_PER_MS = 1_000L
        val VIETNAM: ZoneId = ZoneId.of("Asia/Ho_Chi_Minh")
        val TIME: DateTimeFormatter = DateTimeFormatter.ofPattern("HH:mm dd/MM/yyyy", Locale.ROOT)
        val CLOCK: DateTimeFormatter = DateTimeFormatter.ofPattern("HH:mm:ss", Locale.ROOT)
        val DAY: DateTimeFormatter = DateTimeFormatter.ofPattern("dd/MM/yyyy", Locale.ROOT)
    }
}
