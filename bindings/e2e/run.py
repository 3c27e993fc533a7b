"""All tests of this folder; the last line of standard output is the result for xtask."""

import pathlib
import sys
import unittest


def main():
    here = str(pathlib.Path(__file__).parent)
    sys.path.insert(0, here)
    suite = unittest.defaultTestLoader.discover(here)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = [test.id() for test, _ in result.failures + result.errors]
    # The tests of the inner run are counted by the test that starts it.
    skipped = [f"{test.id()} ({why})" for test, why in result.skipped if "the stand-in: see" not in why]
    passed = result.testsRun - len(failed) - len(result.skipped)
    print(f"e2e: {passed} passed, {len(failed)} failed, {len(skipped)} skipped: {', '.join(failed + skipped)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
