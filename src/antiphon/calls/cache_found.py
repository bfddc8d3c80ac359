"""What the cache has for a request: an answer, or a miss that keeps the one which is given now."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from antiphon.calls.cache_answer import CachedAnswer
from antiphon.calls.cache_reply import Paid
from antiphon.core.data_class import DataClass
from antiphon.core.ports import Reply, Served
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict


class Given:
    """Reads an answer that is there, as one reads a shared call from a `Seat`."""

    def __init__(self, answer: CachedAnswer) -> None:
        self.led_by = answer.receipt
        """Of the request that paid for it."""
        self._answer = answer
        self._left = iter(answer.pieces)

    async def head(self) -> Served:
        """What is told of it beside its content."""
        answer = self._answer
        headers = dict(answer.headers)
        return Served(answer.receipt, answer.deployment, headers, b"", answer.content_type, answer.losses)

    async def read(self) -> bytes | None:
        """The next piece; None at the end."""
        return next(self._left, None)

    def leave(self) -> None:
        """Nobody waits for it."""


class Hit(Struct, frozen=True, gc=False, kw_only=True):
    """An answer that is there."""

    answer: CachedAnswer
    lines: bytes
    """Header lines that say so."""

    @property
    def seat(self) -> Given:
        """A place to read it from."""
        return Given(self.answer)

    def recording(self, reply: Reply, paid: Paid) -> Reply:
        """It is kept already."""
        del paid
        return reply


class Miss(Struct, frozen=True, gc=False, kw_only=True):
    """None is there, or none may be given."""

    lines: bytes = b""
    """Header lines that say so."""
    record: Callable[[Reply, Paid], Reply] | None = None
    """Makes the reply that keeps the answer which is given now; None: it is not to be kept."""

    @property
    def seat(self) -> None:
        return None

    def recording(self, reply: Reply, paid: Paid) -> Reply:
        """The reply that the answer goes to."""
        return reply if self.record is None else self.record(reply, paid)


Found = Hit | Miss
UNASKED = Miss()
"""The cache was not asked."""


class _Arrival(Protocol):
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class Asking(Paid, Protocol):
    """The story of a request that looks into the cache."""

    principal: Principal
    lines: bytes
    cached: str
    saved_nano_usd: int | None
    data_class: DataClass | None

    @property
    def arrival(self) -> _Arrival: ...

    @property
    def allowed(self) -> Verdict: ...


def tell(story: Asking, found: Found) -> None:
    """Let a story know what there is."""
    story.lines += found.lines
    if isinstance(found, Hit):
        answer = found.answer
        story.cached, story.saved_nano_usd, story.cost_nano_usd = answer.receipt, answer.cost_nano_usd, 0
        story.served_model, story.fingerprint = answer.model, answer.fingerprint
