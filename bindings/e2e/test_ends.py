"""Cancelling, dropping, and observers that are slow or throw."""

import asyncio
import gc
import pathlib
import statistics
import time
import unittest

import ispeed
from support import SHAPED_BPS, CoreTest, Recorder, facts, plan

# The figure.
ENDS_WITHIN_S = 0.2
# Loopback counts a byte once for each direction; acknowledgements and the end of the control channel remain.
STILL_MOVES_BYTES = 60_000


def loopback_bytes():
    """Bytes that loopback has received; the namespace is this test's own."""
    for line in pathlib.Path("/proc/net/dev").read_text().splitlines():
        name, _, counters = line.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    raise RuntimeError("no loopback")


def shaped(test):
    why = "needs a loopback of known capacity of its own: cargo xtask bindings as root"
    return unittest.skipUnless(SHAPED_BPS, why)(test)


class Ends(CoreTest):
    async def in_phase(self, observer, phase):
        deadline = time.monotonic() + 20
        while not any(picture.phase == phase and (picture.rate_bps or 0) > 0 for picture in observer.pictures):
            self.assertLess(time.monotonic(), deadline, f"never came to {phase}")
            await asyncio.sleep(0.02)

    async def bytes_after(self, end):
        before = loopback_bytes()
        await asyncio.sleep(0.5)
        moving = loopback_bytes() - before
        self.assertGreater(moving, 10 * STILL_MOVES_BYTES, "load is running")
        end()
        await asyncio.sleep(ENDS_WITHIN_S)
        before = loopback_bytes()
        await asyncio.sleep(1.0)
        return loopback_bytes() - before

    @shaped
    def test_cancel_stops_the_bytes(self):
        self.agree()
        for phase, directions in [
            (ispeed.Phase.DOWNLOAD, {"up": False}),
            (ispeed.Phase.UPLOAD, {"down": False}),
        ]:
            async def run():
                observer = Recorder()
                run = self.core.start(plan(long=True, **directions), facts(), observer)
                await self.in_phase(observer, phase)
                moved = await self.bytes_after(run.cancel)
                return moved, await run.outcome()

            moved, result = asyncio.run(run())
            print(f"after cancel in {phase.name}: {moved} bytes in 1 s, {ENDS_WITHIN_S} s later")
            self.assertLess(moved, STILL_MOVES_BYTES, phase)
            self.assertEqual((result.sample.outcome, result.sample.outcome_reason), (ispeed.Outcome.ABORTED, "cancelled"))
            self.assertGreater(result.sample.bytes_down + result.sample.bytes_up, 100_000, "what moved is kept")

    @shaped
    def test_dropping_the_handle_stops_the_bytes(self):
        self.agree()

        async def run():
            observer = Recorder()
            held = [self.core.start(plan(long=True, up=False), facts(), observer)]
            waiting = asyncio.ensure_future(held[0].outcome())
            await self.in_phase(observer, ispeed.Phase.DOWNLOAD)
            # A coroutine that is cancelled while it waits must not keep the run alive.
            waiting.cancel()
            try:
                await waiting
            except asyncio.CancelledError:
                pass
            del waiting

            def drop():
                held.clear()
                gc.collect()

            return await self.bytes_after(drop)

        moved = asyncio.run(run())
        print(f"after dropping the handle: {moved} bytes in 1 s, {ENDS_WITHIN_S} s later")
        self.assertLess(moved, STILL_MOVES_BYTES)
        deadline = time.monotonic() + 5
        while not self.core.history(ispeed.HistoryFilter()):
            self.assertLess(time.monotonic(), deadline, "the attempt is kept")
            time.sleep(0.05)
        entry = self.core.history(ispeed.HistoryFilter())[0]
        self.assertEqual(entry.outcome, ispeed.Outcome.ABORTED)

    @shaped
    def test_a_slow_or_throwing_observer_slows_nothing(self):
        self.agree()
        kinds = {
            "none": lambda: None,
            "slow": lambda: Recorder(sleeps=2.0),
            "throws": lambda: Recorder(throws_after=1),
        }
        rates = {kind: [] for kind in kinds}
        for _ in range(3):
            for kind, observer in kinds.items():
                shown = observer()
                result = self.measure(shown)
                self.assertEqual(result.sample.outcome, ispeed.Outcome.COMPLETE, result.detail)
                rates[kind].append((result.sample.down.goodput_bps, result.sample.up.goodput_bps))
                if kind == "throws":
                    self.assertEqual(len(shown.pictures), 1, "an observer that threw is not called again")
        for direction in (0, 1):
            median = {kind: statistics.median(rate[direction] for rate in all_) for kind, all_ in rates.items()}
            for kind in ("slow", "throws"):
                ratio = median[kind] / median["none"]
                print(f"{'down' if direction == 0 else 'up'} with observer {kind}: ratio {ratio:.4f}")
                self.assertGreaterEqual(ratio, 0.97, f"{kind} {median}")

    def test_the_end_does_not_wait_for_the_observer(self):
        self.agree()
        observer = Recorder(sleeps=30.0)
        begun = time.monotonic()
        self.measure(observer, max_seconds=1.0)
        self.assertLess(time.monotonic() - begun, 20.0)
        self.assertLessEqual(len(observer.pictures), 1)

    def test_a_run_that_is_closed_at_once_is_kept(self):
        self.agree()
        run = self.core.start(plan(), facts(), None)
        sample_id = run.id()
        del run
        gc.collect()
        deadline = time.monotonic() + 10
        while True:
            try:
                outcome = self.core.detail(sample_id).sample.outcome
                break
            except ispeed.IspeedError.NotFound:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.assertEqual(outcome, ispeed.Outcome.ABORTED)
        # The way is free for the next one, a moment after the sample is written.
        while True:
            try:
                sample = self.measure(max_seconds=4.0).sample
                break
            except ispeed.IspeedError.Busy:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.assertNotEqual(sample.id, sample_id)


if __name__ == "__main__":
    unittest.main()
