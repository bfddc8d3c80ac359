"""What was journalled of runs that are kept no more, as they are too old or were erased, is erased too: a page at a time."""

from antiphon.agents.engine.dbos import Durable
from antiphon.core.run_store import RunStore

PAGE = 500


class Leftovers:
    """One process's walk through the journal; it begins again when it is through. All methods block."""

    def __init__(self, store: RunStore, durable: Durable, page: int = PAGE) -> None:
        self._store, self._durable, self._page = store, durable, page
        self._offset = 0

    def look(self) -> int:
        """Erase what is left over on the next page. Returns: of how many runs. Raises: StoreError."""
        workflows = self._durable.ended(self._offset, self._page)
        runs = dict.fromkeys(one.rpartition(".")[0] for one in workflows)
        gone = [one for one in runs if self._store.one(one) is None]
        self._durable.forget(gone)
        kept = sum(one.rpartition(".")[0] not in gone for one in workflows)
        self._offset = self._offset + kept if len(workflows) == self._page else 0
        return len(gone)
