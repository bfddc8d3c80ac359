"""Counters of one worker that is alone, or that nobody tells of the others."""

from collections.abc import Callable, Sequence

from antiphon.core.counters import Granted, NearCounters, Standing, Told, Want
from antiphon.metering.gcra import Bucket, carried, decide

SWEEP_AT = 4096
"""Keys at which the empty ones are dropped; twice as many as were left, from then on."""


class MemoryCounters(NearCounters):
    """For one worker. A key that is empty takes no room for long."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        """`now_ns` is a steady clock."""
        self._now_ns = now_ns
        self._cells: dict[str, tuple[int, int, int]] = {}
        """By key: theoretical arrival time, units held, and what a unit stands for."""
        self._sweep_at = SWEEP_AT

    def ask_now(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        now_ns, cells = self._now_ns(), self._cells
        buckets: list[Bucket] = []
        for one in told:
            arrival_ns, _, each_ns = cells.get(one.key, (0, 0, 0))
            buckets.append(Bucket(one, carried(arrival_ns - now_ns, each_ns, one), 0))
        granted = decide(buckets, groups, 1)
        for one, bucket in zip(told, buckets, strict=True):
            cells[one.key] = (now_ns + bucket.level_ns, bucket.held, one.each_ns)
        if len(cells) > self._sweep_at:
            self._cells = {key: cell for key, cell in cells.items() if cell[0] > now_ns or cell[1]}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._cells))
        return [bucket.standing() for bucket in buckets], granted

    def lower(self, key: str, held: int) -> None:
        cell = self._cells.get(key)
        if cell is not None:
            self._cells[key] = (cell[0], held, cell[2])

    def close(self) -> None:
        self._cells.clear()
