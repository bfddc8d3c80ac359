"""Runs every test in three processes side by side: those of real processes leave cores idle, and two cores are enough for the
others beside them. What the others said is shown behind it. (No shell does it: it would keep Ctrl-C from what runs behind.)

    python tests/support/every.py
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROCESSES = "tests/e2e"
GUARDING = ("guards", "policy", "governance", "vault", "console", "admin", "control", "cli", "config")
RUN = (sys.executable, "-m", "pytest", "-o")


def main() -> int:
    """Returns 0 where all pass, else the first code that says why not."""
    some = [f"tests/{name}" for name in GUARDING]
    rest = [word for name in (PROCESSES, *some) for word in ("--ignore", name)]
    beside = ((*RUN, "cache_dir=.pytest_cache/some", *some), (*RUN, "cache_dir=.pytest_cache/rest", *rest))
    with tempfile.TemporaryDirectory() as directory:
        outputs = [Path(directory) / str(number) for number in range(len(beside))]
        running: list[subprocess.Popen[bytes]] = []
        for command, output in zip(beside, outputs, strict=True):
            with output.open("wb") as file:
                running.append(subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT))
        try:
            codes = [subprocess.call((*RUN[:-1], PROCESSES))]
            codes += [one.wait() for one in running]
        finally:
            for one in running:
                one.terminate()
        for output in outputs:
            sys.stdout.buffer.write(output.read_bytes())
        sys.stdout.flush()
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    raise SystemExit(main())
