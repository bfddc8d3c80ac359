"""The table of counters that a machine's workers share."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic_ns

import pytest
from limited import MS, SMALL, Time, bound, requests, whose

from antiphon.core.counters import CountersAway, Granted, Standing, Told, Want
from antiphon.core.error import OverLimit
from antiphon.core.limit import Limit
from antiphon.metering.counters_file import FileCounters, bury
from antiphon.metering.rates import Rates
from antiphon.metering.rates_slot import Hold, Slot

RATE = Told("r", 100 * MS, 10, 0, 0)
AT_ONCE = Told("c", 0, 10, 0, 0)


@pytest.fixture
def time() -> Time:
    return Time()


def one_of_two(path: Path, time: Time, worker: int, cells: int = 64) -> FileCounters:
    return FileCounters(path, worker, 2, time, cells=cells)


def test_what_one_worker_takes_another_sees(tmp_path: Path, time: Time) -> None:
    first, second = (one_of_two(tmp_path / "c", time, worker) for worker in (0, 1))
    standings, granted = first.ask_now([RATE, AT_ONCE], [[Want(0, 8, 8, True), Want(1, 9, 9, False)]])
    assert granted == [Granted((8, 9))]
    assert standings == [Standing(800 * MS, 0), Standing(0, 9)]
    _, granted = second.ask_now([RATE, AT_ONCE], [[Want(0, 3, 3, True)], [Want(0, 1, 1, True), Want(1, 2, 2, False)]])
    assert granted == [Granted((), 0, 100 * MS), Granted((), 1, 0)]
    _, granted = second.ask_now([RATE, AT_ONCE], [[Want(0, 2, 2, True), Want(1, 1, 1, False)]])
    assert granted == [Granted((2, 1))]
    first.close()
    second.close()


def test_a_worker_takes_less_ahead_the_nearer_the_limit_is(tmp_path: Path, time: Time) -> None:
    counters = one_of_two(tmp_path / "c", time, 0)
    wide = Told("r", MS, 1000, 0, 0)
    _, [granted] = counters.ask_now([wide], [[Want(0, 1, 1000, True)]])
    assert granted.units == (1 + 999 // 16,)
    _, [granted] = counters.ask_now([Told("r", MS, 1000, 0, 62)], [[Want(0, 900, 1000, True)]])
    assert granted.units == (900 + (1000 - 1 - 62 - 900) // 16,)
    counters.close()


def test_what_a_dead_worker_held_is_free_again_and_what_it_had_ahead_counts_as_passed(
    tmp_path: Path, time: Time
) -> None:
    path = tmp_path / "c"
    dead, living = one_of_two(path, time, 0), one_of_two(path, time, 1)
    dead.ask_now([RATE, AT_ONCE], [[Want(0, 4, 4, False), Want(1, 10, 10, False)]])
    bury(path, 0, time())
    standings, [granted] = living.ask_now([RATE, AT_ONCE], [[Want(1, 10, 10, False)]])
    assert granted.units == (10,)
    assert standings[0] == Standing(400 * MS, 0)
    living.close()
    again = one_of_two(path, time, 1)
    standings, _ = again.ask_now([RATE, AT_ONCE], [])
    assert standings == [Standing(400 * MS, 0), Standing(0, 0)]
    again.close()
    dead.close()


def test_the_slots_of_a_killed_process_come_back_with_its_replacement(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from antiphon.metering.counters_file import FileCounters;"
        "from antiphon.core.counters import Told, Want;"
        "c = FileCounters(Path(sys.argv[1]), 0, 2, time.monotonic_ns);"
        "print(c.ask_now([Told('c', 0, 5, 0, 0)], [[Want(0, 5, 5, False)]])[1][0].units, flush=True);"
        "sys.stdin.read()"
    )
    path = tmp_path / "c"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"(5,)\n"
        other = FileCounters(path, 1, 2, monotonic_ns)
        told, want = Told("c", 0, 5, 0, 0), Want(0, 1, 1, False)
        assert other.ask_now([told], [[want]])[1] == [Granted((), 0, 0)]
        process.send_signal(signal.SIGKILL)
        process.wait()
    replacement = FileCounters(path, 0, 2, monotonic_ns)
    assert other.ask_now([told], [[want]])[1] == [Granted((1,))]
    replacement.close()
    other.close()


def test_places_of_keys_that_are_empty_again_are_used_again_and_a_full_table_says_so(
    tmp_path: Path, time: Time
) -> None:
    counters = one_of_two(tmp_path / "c", time, 0, cells=4)
    keys = [Told(f"k{n}", 100 * MS, 10, 0, 1) for n in range(5)]
    counters.ask_now(keys[:4], [])
    with pytest.raises(CountersAway, match="full"):
        counters.ask_now(keys[4:], [])
    assert counters.ask_now(keys[:1], [])[0] == [Standing(200 * MS, 0)]
    time.ns += 100 * MS
    assert counters.ask_now(keys[4:], [])[0] == [Standing(100 * MS, 0)]
    assert counters.ask_now(keys[:1], [])[0] == [Standing(200 * MS, 0)]
    counters.close()


def test_a_table_of_another_number_of_workers_begins_anew(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "c"
    before = one_of_two(path, time, 0)
    before.ask_now([Told("r", 100 * MS, 10, 0, 5)], [])
    before.close()
    after = FileCounters(path, 0, 3, time, cells=64)
    assert after.ask_now([RATE], [])[0] == [Standing(0, 0)]
    after.close()


def test_while_a_stopped_process_keeps_the_lock_each_worker_enforces_its_part(tmp_path: Path, time: Time) -> None:
    path = tmp_path / "c"
    rates = Rates(one_of_two(path, time, 0), time, workers=2)
    rates.become([requests(10, burst=4), Limit(name="c", kind="concurrent_requests", number=6)])
    stopped = os.open(path, os.O_RDWR)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    for _ in range(2):
        rates.admit(whose(), stream=False)
    with pytest.raises(OverLimit, match="the limit rate"):
        rates.admit(whose(), stream=False)
    rates.tend()
    os.close(stopped)
    for _ in range(4):
        rates.admit(whose(), stream=False)
    with pytest.raises(OverLimit):
        rates.admit(whose(), stream=False)
    rates.close()


def test_a_refusal_is_remembered_for_20_ms_and_no_longer(tmp_path: Path, time: Time) -> None:
    first, second = (Rates(one_of_two(tmp_path / "c", time, at), time, workers=2) for at in (0, 1))
    for rates in (first, second):
        rates.become([Limit(name="t", kind="tokens", number=100, per="minute")])
    mine, slot = (rates.admit(whose(), stream=False) for rates in (first, second))
    assert isinstance(mine, Slot)
    assert isinstance(slot, Slot)
    hold = first.hold(mine, SMALL, bound(100))
    assert isinstance(hold, Hold)
    with pytest.raises(OverLimit) as caught:
        second.hold(slot, SMALL, bound(50))
    assert caught.value.retry_after_s == 30.0
    first.settle(hold, 0, 0)
    time.ns += 19 * MS
    with pytest.raises(OverLimit) as caught:
        second.hold(slot, SMALL, bound(60))
    assert caught.value.retry_after_s == pytest.approx(36.0 - 0.019)
    time.ns += 1 * MS
    assert isinstance(second.hold(slot, SMALL, bound(60)), Hold)
    for rates in (first, second):
        rates.close()
