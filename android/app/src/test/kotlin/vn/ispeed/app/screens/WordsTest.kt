package vn.ispeed.app.screens

import java.util.Locale
import org.junit.Assert.assertEquals
import org.junit.Test

class WordsTest {
    private val vi = Fixtures.words(Language.VI)
    private val en = Fixtures.words(Language.EN)

    @Test
    fun numbersAreWrittenAsTheLanguageWritesThem() {
        assertEquals("1.234,50", vi.of(number(1234.5, 2)))
        assertEquals("1,234.50", en.of(number(1234.5, 2)))
        assertEquals("0", vi.of(number(0)))
    }

    @Test
    fun timesAreVietnams() {
        assertEquals("00:00 28/11/2026", vi.of(Text.Time(1_795_798_800_000_000)))
        assertEquals("28/11/2026", en.of(Text.Day("2026-11-28")))
    }

    @Test
    fun vietnameseUnlessThePhoneSaysEnglish() {
        assertEquals(Language.EN, Language.of(Locale.UK))
        assertEquals(Language.VI, Language.of(Locale.forLanguageTag("vi-VN")))
        assertEquals(Language.VI, Language.of(Locale.FRANCE))
    }

    @Test
    fun amountsOfData() {
        assertEquals("150\u00a0MB", vi.of(bytes(150_000_000)))
        assertEquals("2,55\u00a0GB", vi.of(bytes(2_550_000_000)))
        assertEquals("20\u00a0KB", en.of(bytes(20_400)))
    }

    @Test
    fun whatWasNotMeasuredIsNotZero() {
        assertEquals("không đo được", vi.of(speed(null)))
        assertEquals("not measured", en.of(latency(null)))
        assertEquals("0.00\u00a0%", en.of(percent(0.0)))
    }
}
