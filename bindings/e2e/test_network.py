"""A run on one network by its handle, against a stand-in for Android's library."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import ispeed
from support import CoreTest

HANDLE, GONE = 4_711, 666


class WithoutAndroid(CoreTest):
    @unittest.skipIf(ispeed.can_bind_network(), "the stand-in is here")
    def test_a_handle_is_refused_where_there_are_none(self):
        self.agree()
        with self.assertRaises(ispeed.IspeedError.Input) as wrong:
            self.measure(network_handle=HANDLE)
        self.assertEqual(wrong.exception.field, "network_handle")

    @unittest.skipIf(ispeed.can_bind_network(), "this is the inner run")
    def test_with_the_stand_in(self):
        compiler = shutil.which("cc") or shutil.which("gcc")
        if not compiler:
            self.skipTest("no C compiler for the stand-in")
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(__file__).with_name("fake_android.c")
            library = pathlib.Path(folder) / "libandroid.so"
            subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
            environment = {**os.environ, "LD_LIBRARY_PATH": folder, "FAKE_ANDROID_LOG": f"{folder}/log"}
            words = [sys.executable, "-m", "unittest", "test_network.WithAndroid"]
            done = subprocess.run(words, cwd=source.parent, env=environment, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Ran 2 tests", done.stderr)
            self.assertNotIn("skipped", done.stderr)


@unittest.skipUnless(ispeed.can_bind_network(), "needs the stand-in: see WithoutAndroid")
class WithAndroid(CoreTest):
    def asked(self):
        return pathlib.Path(os.environ["FAKE_ANDROID_LOG"]).read_text().split("\n")[:-1]

    def test_every_socket_and_name_of_a_run_is_the_networks(self):
        self.core = self.open(collector=f"https://localhost:{self.server.port}")
        self.agree()
        result = self.measure(network_handle=HANDLE, ip_family=ispeed.IpFamily.V4, max_seconds=6.0)
        self.assertEqual(result.sample.outcome, ispeed.Outcome.COMPLETE, result.detail)
        asked = [line.split() for line in self.asked() if f" {HANDLE} " in line]
        kinds = [(what, name) for what, _, name in asked]
        self.assertIn(("name", "localhost"), kinds)
        self.assertIn(("socket", "udp"), kinds)
        # Collector, control channel, and at least one load flow each way.
        self.assertGreaterEqual(kinds.count(("socket", "tcp")), 1 + 1 + result.sample.down.flows + result.sample.up.flows)

    def test_a_network_that_is_gone_is_no_service_and_nothing_leaves_by_another(self):
        self.agree()
        result = self.measure(network_handle=GONE)
        sample = result.sample
        self.assertEqual((sample.outcome, sample.outcome_reason), (ispeed.Outcome.NO_SERVICE, "no_route"), result.detail)
        self.assertEqual((sample.bytes_down, sample.bytes_up, sample.server), (0, 0, None))


if __name__ == "__main__":
    unittest.main()
