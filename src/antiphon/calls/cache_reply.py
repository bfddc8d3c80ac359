"""Keeps what is released to a caller, once its receipt is closed."""

from collections.abc import Callable
from typing import Protocol

from antiphon.calls.cache_answer import CachedAnswer, told_again
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Reply, Served


class Paid(Protocol):
    """What a request's story says of its answer, at its end."""

    cost_nano_usd: int | None
    served_model: str
    fingerprint: str


class RecordingReply(Reply):
    """Goes before the reply that writes, and changes nothing."""

    __slots__ = ("_keep", "_most_bytes", "_paid", "_pieces", "_served", "_size_bytes", "_under")

    def __init__(self, under: Reply, paid: Paid, most_bytes: int, keep: Callable[[CachedAnswer], None]) -> None:
        """`keep` gets an answer of up to `most_bytes` that was released to its end; it must not fail."""
        self._under = under
        self._paid = paid
        self._most_bytes = most_bytes
        self._keep = keep
        self._served: Served | None = None
        self._pieces: list[bytes] | None = []
        """None: it is not to be kept."""
        self._size_bytes = 0

    def whole(self, served: Served, body: bytes) -> None:
        self._under.whole(served, body)
        self._served = served
        self._note(body)
        self._done()

    def begin(self, served: Served) -> None:
        self._served = served
        self._under.begin(served)

    def write(self, piece: bytes) -> None:
        self._under.write(piece)
        self._note(piece)

    def end(self, last: bytes = b"") -> None:
        self._under.end(last)
        self._note(last)
        self._done()

    def keep(self, last: bytes) -> None:
        self._under.keep(last)

    @property
    def waits(self) -> bool:
        return self._under.waits

    async def settled(self, last: bytes) -> None:
        await self._under.settled(last)

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None:
        self._pieces = None
        self._under.error(error, receipt_id, told)

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None:
        self._pieces = None
        self._under.last_resort(text, receipt_id, told, stream=stream)

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None:
        self._under.on_pressure(callback)

    def _note(self, piece: bytes) -> None:
        if self._pieces is None or not piece:
            return
        self._size_bytes += len(piece)
        if self._size_bytes > self._most_bytes:
            self._pieces = None
        else:
            self._pieces.append(piece)

    def _done(self) -> None:
        served, pieces = self._served, self._pieces
        if served is None or pieces is None:
            return
        self._pieces = None
        kind, headers = told_again(served)
        paid = self._paid
        answer = CachedAnswer(
            receipt=served.receipt_id,
            at_ns=0,
            until_ns=0,
            deployment=served.deployment,
            content_type=kind,
            headers=headers,
            pieces=tuple(pieces),
            losses=served.losses,
            cost_nano_usd=paid.cost_nano_usd,
            model=paid.served_model,
            fingerprint=paid.fingerprint,
        )
        self._keep(answer)
