"""What callers left to be kept: written to the journal, read from there and from the database."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from antiphon.core.error import StoreError
from antiphon.core.kept import Entry, merged, ordered
from antiphon.core.ports import Kept
from antiphon.metering.frames import Kind
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import waiting
from antiphon.store.database import Reader

_entries = msgspec.msgpack.Decoder(list[Entry])


def entries(payload: bytes) -> list[Entry]:
    """What a record of the kind `KEPT` holds."""
    return _entries.decode(payload)


class ReadKept(Kept):
    """Reads what workers kept, their journals with it; keeps nothing itself."""

    def __init__(self, reader: Reader, directory: Path) -> None:
        """`directory`: where the journals are."""
        self._reader = reader
        self._directory = directory

    def keep(self, entries: Sequence[Entry]) -> None:
        raise StoreError("this process keeps nothing: a gateway's worker does")

    def find(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Journal first: a record that is shipped meanwhile is then found in the database."""
        wanted = set(keys)
        fresh = [entry for entry in self._waiting() if entry.key in wanted]
        found = merged([*fresh, *self._reader.kept(keys)])
        return {key: entry for key, entry in found.items() if not entry.gone}

    def parts(self, key: str) -> list[Entry]:
        fresh = [entry for entry in self._waiting() if entry.part_of == key]
        return ordered(merged([*fresh, *self._reader.kept_parts(key)]).values())

    def _waiting(self) -> list[Entry]:
        """Entries that are not in the database yet."""
        return [
            entry
            for frame in waiting(self._directory, self._reader)
            if frame.kind is Kind.KEPT
            for entry in entries(frame.payload)
        ]


class JournalledKept(ReadKept):
    """A write stands in this worker's journal when it returns. Reads take the journals of all workers in."""

    def __init__(self, journal: FileJournal, reader: Reader, directory: Path) -> None:
        super().__init__(reader, directory)
        self._journal = journal

    def keep(self, entries: Sequence[Entry]) -> None:
        self._journal.keep(entries)
