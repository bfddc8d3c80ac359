"""Real processes that share limits by a file, one of them killed amid its work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from antiphon.core.counters import Told, Want
from antiphon.metering.counters_file import FileCounters

PROGRAM = """
import sys, time
from pathlib import Path
from limited import SMALL, bound, whose
from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit
from antiphon.metering.counters_file import FileCounters
from antiphon.metering.rates import Rates

rates = Rates(FileCounters(Path(sys.argv[1]), int(sys.argv[2]), 4, time.monotonic_ns), time.monotonic_ns, workers=4)
rates.become([
    Limit(name="r", kind="requests", number=36_000, per="hour", burst=500),
    Limit(name="t", kind="tokens", number=360_000, per="hour", burst=4_000),
    Limit(name="c", kind="concurrent_requests", number=3),
])
passed = 0
end_s = time.monotonic() + 1.0
while time.monotonic() < end_s:
    for _ in range(50):
        try:
            slot = rates.admit(whose(), stream=False)
        except OverLimit:
            continue
        try:
            rates.settle(rates.hold(slot, SMALL, bound(9)), 8, 0)
            passed += 1
        except OverLimit:
            pass
        rates.leave(slot)
    rates.tend()
    print("ran", flush=True)
print(passed, time.monotonic_ns())
"""


@pytest.mark.processes
def test_processes_at_full_speed_let_no_more_pass_than_the_limits_allow(tmp_path: Path) -> None:
    path = tmp_path / "counters"
    support = str(Path(__file__).parents[1] / "support")
    began_ns = time.monotonic_ns()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(worker)],
            env={**os.environ, "PYTHONPATH": support},
            stdout=subprocess.PIPE,
            text=True,
        )
        for worker in range(4)
    ]
    said = [one.communicate()[0].split()[-2:] for one in started]
    assert [one.returncode for one in started] == [0] * 4
    passed = sum(int(count) for count, _ in said)
    seconds = (max(int(at_ns) for _, at_ns in said) - began_ns) / 1e9
    assert passed * 8 <= 4_000 + 100 * seconds
    assert passed <= 500 + 10 * seconds
    assert passed * 8 >= 4_000 * 0.9  # what lies idle with others when the limit is reached is little


@pytest.mark.processes
def test_killed_workers_keep_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "counters"
    support = str(Path(__file__).parents[1] / "support")
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), "1"],
            env={**os.environ, "PYTHONPATH": support},
            stdout=subprocess.PIPE,
        ) as started:
            assert started.stdout is not None
            assert started.stdout.readline() == b"ran\n"
            started.send_signal(signal.SIGKILL)
    counters = FileCounters(path, 1, 4, time.monotonic_ns)
    _, [granted] = counters.ask_now([Told("concurrent_requests|c|acme|acme", 0, 3, 0, 0)], [[Want(0, 3, 3, False)]])
    assert granted.units == (3,)
    counters.close()
