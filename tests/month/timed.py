#!/usr/bin/env python3
"""Runs a program and prints, after what it prints, `timed SECONDS MEGABYTES`: wall time and greatest resident size.

    timed.py PROGRAM [WORD…]
"""

import resource
import subprocess
import sys
import time


def main():
    begun = time.monotonic()
    code = subprocess.run(sys.argv[1:], check=False).returncode
    seconds = time.monotonic() - begun
    # Kilobytes on Linux, bytes on macOS.
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    resident = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    print(f"timed {seconds:.2f} {resident:.1f}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
