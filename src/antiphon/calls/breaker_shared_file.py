"""What the workers of one machine know of each other's breakers: a table in a file that all map into memory.

A cell has 512 bytes: digest of the name (0: free), version, seconds until which it is left alone (0: it isn't), seconds
until which a probe is claimed, length of the reason, the reason. Little endian.

Words are written under a lock on the file. Readers take none: a version is odd while its cell is being written, and
another one afterwards. Seconds are those of the machine's steady clock, the same for all processes.
"""

import fcntl
import mmap
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from antiphon.calls.breaker_shared import SharedBreaker, Word

CELLS = 4096
"""Deployments that were ever spoken of; words on more are not shared."""
CELL_BYTES = 512
_HEAD = struct.Struct("<QQddH")
_DIGEST, _VERSION, _UNTIL, _CLAIMED = 0, 8, 16, 24
_WORD = struct.Struct("<Q")
_TIME = struct.Struct("<d")
REASON_BYTES = CELL_BYTES - _HEAD.size
_TRIES = 8


class FileBreakers(SharedBreaker):
    """One worker's access to the table."""

    def __init__(self, path: Path, *, cells: int = CELLS) -> None:
        """Open the table, made when missing. Raises: OSError."""
        self._cells = cells
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(self._file, cells * CELL_BYTES)
            self._map = mmap.mmap(self._file, cells * CELL_BYTES)
        except OSError:
            os.close(self._file)
            raise
        self._places: dict[str, int] = {}
        self._heard: dict[str, tuple[int, Word | None]] = {}
        """By name: the version that was read last, and its word."""

    def tell(self, name: str, word: Word) -> None:
        with self._locked() as mine:
            place = self._place(name, make=mine)
            if mine and place >= 0:
                self._write(place, word)

    def heard(self, name: str) -> Word | None:
        place = self._place(name)
        if place < 0:
            return None
        version = _WORD.unpack_from(self._map, place + _VERSION)[0]
        known = self._heard.get(name)
        if known is not None and known[0] == version:
            return known[1]
        for _ in range(_TRIES):
            data = self._map[place : place + CELL_BYTES]
            _, version, until_s, _, length = _HEAD.unpack_from(data)
            if not version % 2 and _WORD.unpack_from(self._map, place + _VERSION)[0] == version:
                reason = data[_HEAD.size : _HEAD.size + length].decode("utf-8", "ignore")
                word = Word(open=until_s > 0, until_s=until_s, reason=reason) if version else None
                self._heard[name] = (version, word)
                return word
        return known[1] if known is not None else None  # it is being written: the next look sees it

    def claim(self, name: str, now_s: float, until_s: float) -> bool:
        with self._locked() as mine:
            place = self._place(name, make=mine)
            if not mine or place < 0:
                return True
            if _TIME.unpack_from(self._map, place + _CLAIMED)[0] > now_s:
                return False
            _TIME.pack_into(self._map, place + _CLAIMED, until_s)
            return True

    def release(self, name: str) -> None:
        with self._locked() as mine:
            place = self._place(name)
            if mine and place >= 0:
                _TIME.pack_into(self._map, place + _CLAIMED, 0.0)

    def close(self) -> None:
        """Let go of the table."""
        self._map.close()
        os.close(self._file)

    def _write(self, place: int, word: Word) -> None:
        version = _WORD.unpack_from(self._map, place + _VERSION)[0] // 2 * 2
        reason = word.reason.encode()[:REASON_BYTES]
        _WORD.pack_into(self._map, place + _VERSION, version + 1)
        digest = _WORD.unpack_from(self._map, place + _DIGEST)[0]
        until_s = max(word.until_s, 1e-9) if word.open else 0.0
        self._map[place + _HEAD.size : place + _HEAD.size + len(reason)] = reason
        _HEAD.pack_into(self._map, place, digest, version + 1, until_s, 0.0, len(reason))
        _WORD.pack_into(self._map, place + _VERSION, version + 2)

    def _place(self, name: str, *, make: bool = False) -> int:
        """Where a name's cell begins, in bytes; -1: there is none."""
        place = self._places.get(name)
        if place is not None:
            return place
        digest = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1
        for step in range(self._cells):
            place = (digest + step) % self._cells * CELL_BYTES
            found = _WORD.unpack_from(self._map, place)[0]
            if not found and not make:
                return -1
            if not found:
                _WORD.pack_into(self._map, place, digest)
            if found in {0, digest}:
                self._places[name] = place
                return place
        return -1

    @contextmanager
    def _locked(self) -> Generator[bool]:
        """Whether the lock was had: it is not waited for, as words may be lost."""
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.sched_yield()
            else:
                break
        else:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
