"""What came of a process's own model calls, as their receipts tell it."""

from antiphon.core.ledger import Holds
from antiphon.core.ports import Journal
from antiphon.core.receipt import Told


class Outcomes(Journal):
    """The journal of a worker; what is written of requests that somebody expects is handed to them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._expected: dict[str, Told | None] = {}

    def expect(self, receipt_id: str) -> None:
        """From now on keep what is told of this request."""
        self._expected[receipt_id] = None

    def taken(self, receipt_id: str) -> Told | None:
        """How it ended, once; None: nothing was told of its end."""
        return self._expected.pop(receipt_id, None)

    def opened(self, told: Told, tail: bytes = b"}") -> None:
        self._journal.opened(told, tail)

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        self._journal.closed(told, tail)
        self._keep(told)

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        self._journal.owe(told, tail)
        self._keep(told)

    def held(self, holds: Holds) -> None:
        self._journal.held(holds)

    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        self._journal.captured(receipt_id, tenant, sealed, until_ns=until_ns)

    def _keep(self, told: Told) -> None:
        if told.id in self._expected:
            self._expected[told.id] = told
