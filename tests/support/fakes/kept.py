from collections.abc import Sequence

from antiphon.control.compaction import Compactor
from antiphon.control.conversations import Conversations
from antiphon.control.keeper import Keeper
from antiphon.control.responses import Responses
from antiphon.core.error import StoreError
from antiphon.core.kept import Entry, merged, ordered
from antiphon.core.ports import Kept
from antiphon.server.kept import State
from antiphon.store.settings import KeepSettings
from fakes.clock import StoppedClock
from fakes.house import NumberedIds
from fakes.records import PlainSealer


class MemoryKept(Kept):
    """Keeps in memory; fails when it is told to."""

    def __init__(self) -> None:
        self.written: list[Entry] = []
        self.fails = False

    def keep(self, entries: Sequence[Entry]) -> None:
        if self.fails:
            raise StoreError("the journal can't be written: the disk is full")
        self.written += entries

    def find(self, keys: Sequence[str]) -> dict[str, Entry]:
        return {key: entry for key, entry in merged(self.written).items() if key in keys and not entry.gone}

    def parts(self, key: str) -> list[Entry]:
        whole = merged(self.written).get(key)
        if whole is not None and whole.gone:
            return []
        return ordered(merged(entry for entry in self.written if entry.part_of == key).values())


class Keeping:
    """Everything that keeps, on memory, at a time that tests set."""

    def __init__(self, **settings: float) -> None:
        self.kept = MemoryKept()
        self.clock = StoppedClock(1_700_000_000 * 10**9)
        self.keeper = Keeper(self.kept, PlainSealer(), self.clock, NumberedIds(), KeepSettings(**settings))
        self.conversations = Conversations(self.keeper)
        self.compactor = Compactor(PlainSealer(), self.keeper.new_id)
        self.responses = Responses(self.keeper, self.conversations, self.compactor)
        self.state = State(responses=self.responses, conversations=self.conversations)
