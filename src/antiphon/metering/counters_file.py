"""Counters that the workers of one machine share: a table in a file that all map into memory.

    bytes 0-7    what it is: the number of workers, above the magic
    from 64      cells of 3 + workers numbers, eight bytes each:
                 digest of the key (0: free), theoretical arrival time, each_ns, units held by worker 0, 1, …

A key stands in one of the `REACH` cells from the one that its digest names. A cell is free again once all has flowed
off and nobody holds anything. Grants are made under a lock on the file, which the system lifts when its holder dies. A
worker's own column is written by that worker alone, so it may hold less without the lock.

Times are nanoseconds of the machine's steady clock, the same for all processes until it restarts.
"""

import fcntl
import mmap
import os
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from antiphon.core.counters import CountersAway, Granted, NearCounters, Standing, Told, Want, divisor
from antiphon.metering.gcra import Bucket, carried, decide

CELLS = 65_536
"""Keys with something in them at one time; a page of the file takes memory only once it is used."""
REACH = 64
MAGIC = 0x616E746C << 16
DIGEST, ARRIVAL, EACH, HELD = 0, 1, 2, 3
_HEAD_WORDS = 8
TRIES = 400
PAUSE_S = 0.000_05
"""How often and in which steps the lock is tried, about 20 ms in all. It is held for microseconds, unless its holder is
stopped; then nobody waits for it for `LEFT_ALONE_NS`."""
LEFT_ALONE_NS = 1_000_000_000


class FileCounters(NearCounters):
    """One worker's access to the table."""

    def __init__(self, path: Path, worker: int, workers: int, now_ns: Callable[[], int], *, cells: int = CELLS) -> None:
        """Open the table, made when missing; what an earlier process of the same number held is cleared.

        Args:
            worker: This worker's number, from 0; no two living processes have the same.
            now_ns: The machine's steady clock.
        Raises: OSError.
        """
        self._worker, self._workers, self._cells, self._now_ns = worker, workers, cells, now_ns
        self._divide = divisor(workers)
        self._alone_until_ns = 0
        self._width = HELD + workers
        size = 8 * (_HEAD_WORDS + self._width * cells)
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._lock()
            try:
                self._begin(size)
            finally:
                self._unlock()
            self._map = mmap.mmap(self._file, size)
        except BaseException:
            os.close(self._file)
            raise
        self._words = memoryview(self._map).cast("q")
        self._at: dict[str, tuple[int, int]] = {}
        """Digest and place of keys that were found."""
        bury(path, worker, now_ns())

    def _begin(self, size: int) -> None:
        """Make the table, or one anew where another number of workers made it."""
        head = MAGIC | self._workers
        found = int.from_bytes(os.pread(self._file, 8, 0), "little")
        if found != head or os.fstat(self._file).st_size != size:
            os.ftruncate(self._file, 0)
            os.ftruncate(self._file, size)
            os.pwrite(self._file, head.to_bytes(8, "little"), 0)

    def ask_now(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        words, width, mine = self._words, self._width, HELD + self._worker
        self._lock()
        try:
            now_ns = self._now_ns()
            places: list[int] = []
            buckets: list[Bucket] = []
            for one in told:
                place = self._place(one.key, now_ns)
                others = sum(words[place + HELD : place + width]) - words[place + mine]
                level_ns = carried(words[place + ARRIVAL] - now_ns, words[place + EACH], one)
                if level_ns <= 0:
                    words[place + ARRIVAL] = now_ns + 1  # so that no other key of this call takes the cell
                places.append(place)
                buckets.append(Bucket(one, level_ns, others))
            granted = decide(buckets, groups, self._divide)
            for place, one, bucket in zip(places, told, buckets, strict=True):
                words[place + ARRIVAL] = now_ns + bucket.level_ns
                words[place + EACH] = one.each_ns
                words[place + mine] = one.held + bucket.added
        finally:
            self._unlock()
        return [bucket.standing() for bucket in buckets], granted

    def lower(self, key: str, held: int) -> None:
        found = self._at.get(key)
        if found is not None and self._words[found[1]] == found[0]:
            self._words[found[1] + HELD + self._worker] = held

    def close(self) -> None:
        self._words.release()
        self._map.close()
        os.close(self._file)

    def _place(self, key: str, now_ns: int) -> int:
        """Where a key's cell begins, in words; one is made when there is none. Raises: CountersAway: there is no room."""
        words, known = self._words, self._at.get(key)
        if known is not None and words[known[1]] == known[0]:
            return known[1]
        digest = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") >> 1 or 1
        spare = -1
        for step in range(min(REACH, self._cells)):
            place = _HEAD_WORDS + (digest + step) % self._cells * self._width
            if words[place] == digest:
                break
            if spare < 0 and self._is_free(place, now_ns):
                spare = place
        else:
            if spare < 0:
                raise CountersAway("the table of counters is full")
            place = spare
            words[place + ARRIVAL] = 0
            words[place] = digest
        if len(self._at) >= self._cells:
            self._at.clear()
        self._at[key] = (digest, place)
        return place

    def _is_free(self, place: int, now_ns: int) -> bool:
        words = self._words
        return not words[place] or (
            words[place + ARRIVAL] <= now_ns and not any(words[place + HELD : place + self._width])
        )

    def _lock(self) -> None:
        """Raises: CountersAway, when another process keeps the lock: it is stopped, and nobody else must be for it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait()

    def _wait(self) -> None:
        tries = TRIES if self._now_ns() >= self._alone_until_ns else 1
        for _ in range(tries):
            time.sleep(PAUSE_S)
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return
        if tries > 1:
            self._alone_until_ns = self._now_ns() + LEFT_ALONE_NS
        raise CountersAway("another process keeps the counters locked")

    def _unlock(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)


def bury(path: Path, worker: int, now_ns: int) -> None:
    """Give back what a dead worker holds. What it had taken of a rate counts as passed, as it may have been.

    Whoever takes its number does so by itself; a supervisor that replaces nobody calls this. Raises: OSError.
    """
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        with mmap.mmap(file, 0) as mapped, memoryview(mapped) as raw, raw.cast("q") as words:
            workers = words[0] ^ MAGIC
            width = HELD + workers
            for place in range(_HEAD_WORDS, len(words), width):
                held = words[place + HELD + worker] if words[place] else 0
                if held:
                    passed_ns = held * words[place + EACH]
                    words[place + ARRIVAL] = max(words[place + ARRIVAL], now_ns) + passed_ns
                    words[place + HELD + worker] = 0
    finally:
        os.close(file)
