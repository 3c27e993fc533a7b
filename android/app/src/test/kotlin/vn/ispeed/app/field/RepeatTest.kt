package vn.ispeed.app.field

import org.junit.Assert.assertEquals
import org.junit.Test
import vn.ispeed.app.engine.Guide

class RepeatTest {
    private val rules = RepeatRules(everySeconds = 120, dayBytes = 1_000, stopAtBatteryPercent = 20)
    private val now = 1_000_000_000L
    private fun guide(notBefore: Long? = null, metres: Int? = null, left: Int? = 5) = Guide(emptyList(), notBefore, metres, left)
    private fun step(soFar: RepeatSoFar = RepeatSoFar(), guide: Guide? = guide(), battery: Int? = 80) =
        nextStep(rules, soFar, now, guide, battery)

    @Test
    fun theFirstIsAtOnce() = assertEquals(RepeatStep.Measure, step())

    @Test
    fun timeAndDistanceBothHaveToBeReached() {
        val recent = RepeatSoFar(samples = 1, lastEndedAtMicros = now - 100_000_000)
        assertEquals(RepeatStep.Wait(20, 0), step(recent))
        assertEquals(RepeatStep.Wait(20, 35), step(recent, guide(metres = 35)))
        val old = recent.copy(lastEndedAtMicros = now - 121_000_000)
        assertEquals(RepeatStep.Wait(0, 35), step(old, guide(metres = 35)))
        assertEquals(RepeatStep.Measure, step(old))
    }

    @Test
    fun theLaterOfThePlanAndThePersonRules() {
        val recent = RepeatSoFar(samples = 1, lastEndedAtMicros = now - 100_000_000)
        assertEquals(RepeatStep.Wait(300, 0), step(recent, guide(notBefore = now + 300_000_000)))
        assertEquals(RepeatStep.Wait(20, 0), step(recent, guide(notBefore = now - 5)))
    }

    @Test
    fun withoutAPlanTimeAloneDecides() {
        assertEquals(RepeatStep.Measure, step(guide = null))
        assertEquals(RepeatStep.Wait(120, 0), step(RepeatSoFar(lastEndedAtMicros = now), guide = null))
    }

    @Test
    fun batteryDataAndTheDaysNumberEndIt() {
        assertEquals(RepeatStep.StopBattery(20), step(battery = 20))
        assertEquals(RepeatStep.Measure, step(battery = 21))
        assertEquals(RepeatStep.Measure, step(battery = null))
        assertEquals(RepeatStep.StopBudget(1_000), step(RepeatSoFar(bytes = 1_000)))
        assertEquals(RepeatStep.StopFull, step(guide = guide(left = 0)))
    }
}
