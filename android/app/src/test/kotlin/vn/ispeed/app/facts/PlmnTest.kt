package vn.ispeed.app.facts

import android.telephony.TelephonyManager
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test
import vn.ispeed.app.engine.Technology

class PlmnTest {
    @Test
    fun digitsBecomeAPlmn() {
        assertEquals("452-04", plmn("45204"))
        assertEquals("310-260", plmn("310260"))
        for (none in listOf(null, "", "452", "45x04", "4520456")) assertNull(none, plmn(none))
    }

    @Test
    fun anUnknownTypeIsNoTechnology() {
        assertEquals(Technology.G4, technologyOf(TelephonyManager.NETWORK_TYPE_LTE))
        assertEquals(Technology.G5_SA, technologyOf(TelephonyManager.NETWORK_TYPE_NR))
        assertEquals(Technology.UNKNOWN, technologyOf(TelephonyManager.NETWORK_TYPE_IWLAN))
    }

    @Test
    fun theSystemsUnknownIsAbsent() {
        assertNull(known(Int.MAX_VALUE))
        assertEquals(-93, known(-93))
    }
}
