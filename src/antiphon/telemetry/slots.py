"""Numbers in shared memory: a worker adds to its own, anyone may read all.

Each worker owns two files: `NAME.values`, an array of doubles that is mapped into memory, and
`NAME.names`, one JSON line for each metric that says which slots are its. An addition costs well
under a microsecond and no system call, and a reader sums the workers, dead ones included.
"""

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

SLOTS = 65_536
"""Slots of one worker; a mapped page costs memory only once it is used."""
SPARE = 64
"""Slots behind them that nobody reads: where metrics count that found no room, so that counting never fails."""
Kind = Literal["counter", "gauge", "max", "histogram"]


class Entry(Struct, frozen=True, kw_only=True):
    """Where a metric's numbers stand."""

    kind: Kind
    name: str
    help: str
    labels: dict[str, str]
    slot: int
    bounds: tuple[float, ...] = ()


class Sample(Struct, kw_only=True):
    """A metric's numbers, summed over workers (for `max`: the highest).

    A histogram's are its buckets, not cumulated, the last for what lies above all bounds, then the sum.
    """

    entry: Entry
    numbers: list[float]


class Number:
    """A counter or gauge."""

    __slots__ = ("_slot", "_values")

    def __init__(self, values: "memoryview[float]", slot: int) -> None:
        self._values = values
        self._slot = slot

    def add(self, amount: float = 1.0) -> None:
        self._values[self._slot] += amount

    def set(self, value: float) -> None:
        self._values[self._slot] = value

    @property
    def value(self) -> float:
        return self._values[self._slot]


class Histogram:
    """Counts in buckets by upper bound."""

    __slots__ = ("_bounds", "_slot", "_sum", "_values")

    def __init__(self, values: "memoryview[float]", slot: int, bounds: tuple[float, ...]) -> None:
        self._values = values
        self._slot = slot
        self._bounds = bounds
        self._sum = slot + len(bounds) + 1

    def observe(self, value: float) -> None:
        values = self._values
        values[self._slot + bisect_left(self._bounds, value)] += 1.0
        values[self._sum] += value


class Slots:
    """One worker's numbers. A worker that comes after another of the same name goes on from its counters."""

    def __init__(self, directory: Path, name: str) -> None:
        values_path = directory / f"{name}.values"
        with values_path.open("a+b") as file:
            os.ftruncate(file.fileno(), (SLOTS + SPARE) * 8)
            self._map = mmap.mmap(file.fileno(), (SLOTS + SPARE) * 8)
        self._values = memoryview(self._map).cast("d")
        self._names = directory / f"{name}.names"
        self._known: dict[tuple[str, tuple[tuple[str, str], ...]], Entry] = {}
        self._next = 0
        self._lost = Number(self._values, SLOTS)
        self._recover()
        self._lost = self.number(
            "counter", "antiphon_metrics_lost_total", "Metrics that found no room and are missing."
        )

    def _recover(self) -> None:
        """Go on from the metrics of the process before, less a line that it did not end."""
        with self._names.open("ab") as file:
            file.truncate(self._names.read_bytes().rfind(b"\n") + 1)
        for entry in _entries(self._names):
            self._known[_key(entry.name, entry.labels)] = entry
            self._next = max(self._next, entry.slot + _width(entry))
            if entry.kind in ("gauge", "max"):
                self._values[entry.slot] = 0.0

    def number(self, kind: Kind, name: str, help: str, labels: Mapping[str, str] | None = None) -> Number:
        entry = self._entry(kind, name, help, labels or {}, ())
        return Number(self._values, entry.slot)

    def histogram(self, name: str, help: str, labels: Mapping[str, str], bounds: tuple[float, ...]) -> Histogram:
        entry = self._entry("histogram", name, help, labels, bounds)
        return Histogram(self._values, entry.slot, entry.bounds)

    def _entry(self, kind: Kind, name: str, help: str, labels: Mapping[str, str], bounds: tuple[float, ...]) -> Entry:
        key = _key(name, labels)
        known = self._known.get(key)
        if known is not None:
            return known
        entry = Entry(kind=kind, name=name, help=help, labels=dict(labels), slot=self._next, bounds=bounds)
        if self._next + _width(entry) <= SLOTS and self._named(entry):
            self._next += _width(entry)
        else:
            entry = msgspec.structs.replace(entry, slot=SLOTS)
            self._lost.add()
        self._known[key] = entry
        return entry

    def _named(self, entry: Entry) -> bool:
        """Tell readers of a metric. Returns: whether that could be written."""
        line = msgspec.json.encode(entry) + b"\n"
        try:
            with self._names.open("ab", buffering=0) as file:
                size = file.tell()
                if file.write(line) == len(line):
                    return True
                file.truncate(size)
        except OSError:
            pass
        return False


def _key(name: str, labels: Mapping[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted(labels.items()))


def _entries(names: Path) -> Iterator[Entry]:
    """A worker's metrics. A last line without its end was being written; it is not there yet."""
    *lines, _ = names.read_bytes().split(b"\n")
    for line in lines:
        yield msgspec.json.decode(line, type=Entry)


def _width(entry: Entry) -> int:
    return len(entry.bounds) + 2 if entry.kind == "histogram" else 1


def read(directory: Path) -> Iterator[Sample]:
    """Every metric of every worker in a directory, summed."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], Sample] = {}
    for names in sorted(directory.glob("*.names")):
        values = memoryview(names.with_suffix(".values").read_bytes()).cast("d")
        for entry in _entries(names):
            numbers = list(values[entry.slot : entry.slot + _width(entry)])
            sample = found.get(_key(entry.name, entry.labels))
            if sample is None:
                found[_key(entry.name, entry.labels)] = Sample(entry=entry, numbers=numbers)
            elif entry.kind == "max":
                sample.numbers = [max(pair) for pair in zip(sample.numbers, numbers, strict=True)]
            else:
                sample.numbers = [sum(pair) for pair in zip(sample.numbers, numbers, strict=True)]
    yield from found.values()
