"""Runs every test in two processes side by side: those of real processes leave cores idle, and two cores are enough for all
others beside them. What the others said is shown behind it. (No shell does it: it would keep Ctrl-C from what runs behind.)

    python tests/support/every.py
"""

import subprocess
import sys
import tempfile

PROCESSES = ("tests/e2e", "tests/agents", "tests/sandbox")
RUN = (sys.executable, "-m", "pytest")


def main() -> int:
    """Returns 0 where all pass, else the first code that says why not."""
    left_out = [f"--ignore={one}" for one in PROCESSES]
    others = (*RUN, *left_out, "-o", "cache_dir=.pytest_cache/others")
    with tempfile.TemporaryFile() as told:
        beside = subprocess.Popen(others, stdout=told, stderr=subprocess.STDOUT)
        try:
            first = subprocess.call((*RUN, *PROCESSES))
            second = beside.wait()
        finally:
            beside.terminate()
        told.seek(0)
        sys.stdout.buffer.write(told.read())
        sys.stdout.flush()
    return first or second


if __name__ == "__main__":
    raise SystemExit(main())
