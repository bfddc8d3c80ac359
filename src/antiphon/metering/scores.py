"""How good answers were: written to the journal, read from there and from the database."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from antiphon.core.ports import Scores
from antiphon.core.receipt import Rated
from antiphon.core.score import Score, Tally, latest
from antiphon.core.signal import Value
from antiphon.metering.frames import Kind
from antiphon.metering.journal import FileJournal
from antiphon.metering.records import waiting
from antiphon.store.database import Reader

TASK = "task.name"
"""The fact that says of which class of tasks a request is."""
_scores = msgspec.msgpack.Decoder(list[Score])


class Said(Struct, gc=False):
    """What a receipt says of a fact."""

    name: str
    value: Value = None


class Grounds(Struct, gc=False):
    """The rest that its scores take from a receipt."""

    facts: tuple[Said, ...] = ()


_grounds = msgspec.json.Decoder(Grounds)


def scores(payload: bytes) -> list[Score]:
    """What a record of the kind `SCORES` holds."""
    return _scores.decode(payload)


def judged(
    receipt_id: str, tenant: str, route: str, at_ns: int, rated: Sequence[Rated], body: bytes
) -> Iterator[Score]:
    """Scores of whoever gave the answers that a receipt's recipe rated.

    Args:
        body: The receipt's JSON, or what its basis doesn't say.
    """
    task = next((one.value for one in _grounds.decode(body).facts if one.name == TASK), None)
    for one in rated:
        yield Score(
            receipt=receipt_id,
            tenant=tenant,
            deployment=one.deployment,
            route=route,
            task=task if isinstance(task, str) else "",
            source=one.source,
            score=one.score,
            at_ns=at_ns + one.at_us * 1000,
            by=one.step,
        )


class JournalledScores(Scores):
    """A write stands in this worker's journal when it returns."""

    def __init__(self, journal: FileJournal, reader: Reader, directory: Path) -> None:
        """`directory`: where the journals are."""
        self._journal = journal
        self._reader = reader
        self._directory = directory

    def put(self, scores: Sequence[Score]) -> None:
        self._journal.score(scores)

    def of(self, receipt_id: str) -> list[Score]:
        """Journal first: a record that is shipped meanwhile is then found in the database."""
        fresh = [
            one
            for frame in waiting(self._directory, self._reader)
            if frame.kind is Kind.SCORES
            for one in scores(frame.payload)
            if one.receipt == receipt_id
        ]
        found = latest([*self._reader.scores(receipt_id), *fresh])
        return [found[one] for one in sorted(found)]

    def tallies(self, tenant: str = "") -> list[Tally]:
        return self._reader.tallies(tenant)
