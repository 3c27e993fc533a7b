package vn.ispeed.app.engine

import org.junit.Assert.assertEquals
import org.junit.Test

class WindTest {
    @Test
    fun eachWindTakesItsEighth() {
        val expected = mapOf(
            0.0 to Wind.N, 22.4 to Wind.N, 22.6 to Wind.NE, 90.0 to Wind.E, 135.0 to Wind.SE,
            180.0 to Wind.S, 225.0 to Wind.SW, 270.0 to Wind.W, 315.0 to Wind.NW, 337.6 to Wind.N, 360.0 to Wind.N,
        )
        expected.forEach { (bearing, wind) -> assertEquals("$bearing", wind, windOf(bearing)) }
    }
}
