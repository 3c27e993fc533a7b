package vn.ispeed.app.screens

import java.io.File
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

/** Every state of `tests/fixtures/screens` shows what is written there, in both languages. */
class ScreensTest {
    private val update = System.getProperty("screens.update") == "true"

    @Test
    fun measure() = check("measure") { given, words ->
        val screen = measureScreen(Fixtures.measureState(given.getJSONObject("state")), Fixtures.phone(given.getJSONObject("phone")))
        JSONObject()
            .put("headline", words.of(screen.headline))
            .put("button", words.of(say(screen.button.label)))
            .put("network", words.of(screen.network))
            .putOpt("figure", screen.figure?.let(words::of))
            .putOpt("interval", screen.interval?.let(words::of))
            .put("lines", texts(screen.lines, words))
            .put("hints", texts(screen.hints, words))
            .put("offers_permission", screen.offersPermission)
    }

    @Test
    fun result() = check("result") { given, words ->
        val sample = Fixtures.sample(given.getJSONObject("sample"))
        val screen = resultScreen(sample)
        val detail = detailScreen(sample)
        JSONObject()
            .put("sentence", words.of(screen.sentence))
            .put("verdict", words.of(screen.verdict))
            .put("reasons", texts(screen.reasons, words))
            .put("judge", words.of(screen.judge))
            .put("lines", lines(screen.lines, words))
            .put("detail", lines(detail.lines, words))
            .put("share", words.of(detail.share))
    }

    @Test
    fun history() = check("history") { given, words ->
        val samples = given.getJSONArray("samples")
        val screen = historyScreen((0 until samples.length()).map { Fixtures.sample(samples.getJSONObject(it)) })
        val rows = screen.rows.map { row ->
            JSONArray(listOf(row.time, row.figures, row.place, row.counts, row.state, row.spoken).map(words::of))
        }
        JSONObject().putOpt("empty", screen.empty?.let(words::of)).put("rows", JSONArray(rows))
    }

    @Test
    fun consent() = check("consent") { given, words ->
        val choices = Fixtures.choices(given.getJSONObject("choices"))
        val screen = consentScreen(choices, Fixtures.estimate(given.getJSONObject("estimate")))
        val record = choices.consent(0)
        JSONObject()
            .put("title", words.of(screen.title))
            .put("intro", words.of(screen.intro))
            .put("choices", texts(screen.choices.map { it.label }, words))
            .put("ticked", JSONArray(screen.choices.map { it.ticked }))
            .putOpt("data", screen.data?.let(words::of))
            .put("may_agree", screen.mayAgree)
            .putOpt("needed", screen.needed?.let(words::of))
            .put("records", "run ${record.run}, share ${record.share.name.lowercase()}, upload ${record.upload}")
    }

    @Test
    fun field() = check("field") { given, words ->
        val screen = fieldScreen(Fixtures.field(given))
        JSONObject()
            .put("campaign", words.of(screen.campaign))
            .putOpt("next", screen.next?.let(words::of))
            .put("communes", texts(screen.communes, words))
            .putOpt("plan_until", screen.planUntil?.let(words::of))
            .put("running", texts(screen.running, words))
            .putOpt("map", screen.mapSpoken?.let(words::of))
            .putOpt("pair", screen.pair?.let(words::of))
            .put("dots", screen.map.dots.size)
            .put("next_dots", screen.map.dots.count { it.isNext })
    }

    @Test
    fun noTextIsLeftWithAPlaceholder() {
        for (name in listOf("measure", "result", "history", "consent", "field")) {
            val text = File(Fixtures.folder, "$name.json").readText()
            assertTrue("$name.json shows a placeholder", !Regex("""\{\d}|%\d""").containsMatchIn(text))
        }
    }

    private fun check(name: String, shows: (JSONObject, Words) -> JSONObject) {
        val cases = Fixtures.cases(name)
        assertTrue("$name.json is empty", cases.length() > 0)
        for (index in 0 until cases.length()) {
            val case = cases.getJSONObject(index)
            for (language in Language.entries) {
                val shown = shows(case.getJSONObject("given"), Fixtures.words(language))
                if (update) {
                    case.put(language.tag, shown)
                } else {
                    val expected = case.optJSONObject(language.tag)?.toString(2)
                    assertEquals("${case.getString("name")} in ${language.tag}", expected, shown.toString(2))
                }
            }
        }
        if (update) File(Fixtures.folder, "$name.json").writeText(cases.toString(2).replace("\\/", "/") + "\n")
    }

    private fun texts(texts: List<Text>, words: Words) = JSONArray(texts.map(words::of))

    private fun lines(lines: List<Line>, words: Words) =
        JSONArray(lines.map { "${words.of(it.label)}: ${words.of(it.value)}" })
}
