import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.telemetry.slots import SLOTS, Entry, Slots, read

often = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["w0", "w1", "w2"]),
        st.sampled_from(["counter", "gauge", "max", "restart"]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 100),
    ),
    max_size=25,
)


def told(directory: Path) -> dict[tuple[str, str], list[float]]:
    """Name and labels of each metric to its numbers; what is lost itself left out."""
    return {
        (sample.entry.name, ",".join(sample.entry.labels.values())): sample.numbers
        for sample in read(directory)
        if sample.entry.name != "antiphon_metrics_lost_total"
    }


def lost(directory: Path) -> float:
    return next(sample.numbers[0] for sample in read(directory) if sample.entry.name == "antiphon_metrics_lost_total")


@often
@given(STEPS)
def test_a_reader_sums_all_workers_also_those_that_died(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str, int]]
) -> None:
    directory = tmp_path_factory.mktemp("slots")
    workers = {name: Slots(directory, name) for name in ("w0", "w1", "w2")}
    counters: dict[str, int] = defaultdict(int)
    levels: dict[tuple[str, str], int] = {}
    for worker, step, label, amount in steps:
        slots = workers[worker]
        if step == "restart":
            workers[worker] = Slots(directory, worker)
            levels.update({key: 0 for key in levels if key[0].startswith(worker)})
        elif step == "counter":
            slots.number("counter", "c", "", {"l": label}).add(amount)
            counters[label] += amount
        else:
            slots.number("gauge" if step == "gauge" else "max", step, "", {"l": label}).set(amount)
            levels[f"{worker} {step}", label] = amount

    expected: dict[tuple[str, str], list[float]] = {("c", label): [total] for label, total in counters.items()}
    for kind, fold in (("gauge", sum), ("max", max)):
        for label in ("a", "b"):
            values = [value for (key, mine), value in levels.items() if key.endswith(kind) and mine == label]
            if values:
                expected[kind, label] = [fold(values)]
    assert told(directory) == expected
    assert lost(directory) == 0


def test_processes_count_into_one_sum(tmp_path: Path) -> None:
    children = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            slots = Slots(tmp_path, f"worker-{number}")
            counter = slots.number("counter", "requests", "", {"route": "fast"})
            for _ in range(1000):
                counter.add()
            slots.histogram("seconds", "", {}, (1.0, 2.0)).observe(number)
            os._exit(0)
        children.append(pid)

    statuses = [os.waitpid(pid, 0)[1] for pid in children]

    assert statuses == [0, 0, 0]
    assert told(tmp_path) == {("requests", "fast"): [3000], ("seconds", ""): [2, 1, 0, 3]}


def test_a_killed_process_loses_nothing_that_it_counted(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        Slots(tmp_path, "w").number("counter", "c", "").add(7)
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)

    Slots(tmp_path, "w").number("counter", "c", "").add(1)

    assert told(tmp_path) == {("c", ""): [8]}


@given(st.lists(st.floats(0, 1000), max_size=20), st.lists(st.floats(0, 1000), min_size=1, max_size=5, unique=True))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_value_falls_into_the_first_bucket_that_holds_it(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], bounds: list[float]
) -> None:
    directory = tmp_path_factory.mktemp("slots")
    bounds = sorted(bounds)
    histogram = Slots(directory, "w").histogram("h", "", {}, tuple(bounds))

    for value in values:
        histogram.observe(value)

    *buckets, total = told(directory)["h", ""]
    ranges = zip([-1.0, *bounds], [*bounds, float("inf")], strict=True)
    assert buckets == [sum(low < value <= high for value in values) for low, high in ranges]
    assert total == pytest.approx(sum(values))


def test_the_same_metric_is_the_same_number(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "w")

    slots.number("counter", "c", "", {"a": "1", "b": "2"}).add(1)
    slots.number("counter", "c", "", {"b": "2", "a": "1"}).add(2)
    slots.number("counter", "c", "", {"a": "2", "b": "1"}).add(4)

    assert told(tmp_path) == {("c", "1,2"): [3], ("c", "2,1"): [4]}
    assert slots.number("counter", "c", "", {"a": "1", "b": "2"}).value == 3


def test_a_metric_without_room_is_counted_as_lost_and_harms_no_other(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "w")
    slots.histogram("wide", "", {}, tuple(map(float, range(SLOTS - 4)))).observe(0)
    last = slots.number("counter", "last", "")
    last.add(5)

    for number in range(3):
        spare = slots.number("counter", "c", "", {"l": str(number)})
        spare.add(100)
        slots.histogram("h", "", {"l": str(number)}, tuple(map(float, range(16)))).observe(3)

    found = told(tmp_path)
    assert {name for name, _ in found} == {"wide", "last"}
    assert found["last", ""] == [5]
    assert sum(found["wide", ""]) == 1
    assert lost(tmp_path) == 6
    slots.number("counter", "c", "", {"l": "0"}).add()
    assert lost(tmp_path) == 6, "a metric is lost once, not each time it is asked for"


def test_a_name_that_was_being_written_when_the_process_died_is_left_out(tmp_path: Path) -> None:
    Slots(tmp_path, "w").number("counter", "c", "").add(1)
    with (tmp_path / "w.names").open("ab") as names:
        names.write(b'{"kind":"counter","na')

    before = told(tmp_path)
    Slots(tmp_path, "w").number("counter", "d", "").add(2)

    assert before == {("c", ""): [1]}
    assert told(tmp_path) == {("c", ""): [1], ("d", ""): [2]}


def test_a_metric_that_can_not_be_named_is_counted_as_lost(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "w")
    slots.number("counter", "c", "").add(1)
    (tmp_path / "w.names").rename(tmp_path / "elsewhere")
    (tmp_path / "w.names").mkdir()

    slots.number("counter", "d", "").add(1)
    (tmp_path / "w.names").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "w.names")

    assert told(tmp_path) == {("c", ""): [1]}
    assert lost(tmp_path) == 1


def test_slots_are_not_used_twice_after_a_restart(tmp_path: Path) -> None:
    bounds = (1.0, 2.0)
    Slots(tmp_path, "w").histogram("h", "", {}, bounds).observe(5)

    slots = Slots(tmp_path, "w")
    slots.number("counter", "c", "").add(3)
    slots.histogram("h", "", {}, bounds).observe(0.5)

    assert told(tmp_path) == {("h", ""): [1, 0, 1, 5.5], ("c", ""): [3]}
    places = [(sample.entry.slot, len(sample.numbers)) for sample in read(tmp_path)]
    taken = [slot for start, width in places for slot in range(start, start + width)]
    assert len(set(taken)) == len(taken)


def test_no_file_stays_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    slots = [Slots(tmp_path, f"w{number}") for number in range(5)]
    for one in slots:
        one.number("counter", "c", "").add()

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + len(slots), "a mapping keeps one of its own"


def test_an_entry_says_where_its_numbers_stand(tmp_path: Path) -> None:
    slots = Slots(tmp_path, "w")
    slots.number("gauge", "g", "What it is.", {"a": "b"}).set(4)

    (entry,) = [sample.entry for sample in read(tmp_path) if sample.entry.name == "g"]

    assert entry == Entry(kind="gauge", name="g", help="What it is.", labels={"a": "b"}, slot=1)
