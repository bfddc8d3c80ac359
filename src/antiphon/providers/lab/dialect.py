"""What each dialect of the lab brings: how a request is read, an answer written, an error said.

Whatever the dialect, one way lies between: a request is read into `Asked`, `compose` makes an `Answer` of it,
and the request's own `Writer` writes that. The codecs of the gateway are not used, so that what they say is
tested against another reading of each protocol.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.providers.lab.answer import Answer, Job, compose
from antiphon.providers.lab.replay import Outcome
from antiphon.providers.lab.request import Asked

Json = dict[str, Any]
JSON_LINE = b"content-type: application/json\r\n"
SSE_LINES = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"


class Incoming(Struct, frozen=True, kw_only=True):
    """A request as it came, and what its path says."""

    path: str
    body: bytes = b""
    headers: Mapping[bytes, bytes] = {}
    """Names in lower case."""
    query: Mapping[str, str] = {}
    model: str = ""
    """The model that the path names; empty: the body does."""
    action: str = ""
    """What the path asks of the model, where that is part of it."""


class Said(Struct, frozen=True, kw_only=True):
    """A whole answer that no pace applies to: an error, a list."""

    status: int = 200
    lines: bytes = JSON_LINE
    body: bytes


class Event(Struct, frozen=True):
    """One event of a stream, and how many tokens of its choice are out with it."""

    token: int
    data: bytes


class Writer(ABC):
    """One request that was read, and how its answer is written."""

    whole_lines: ClassVar[bytes] = JSON_LINE
    stream_lines: ClassVar[bytes] = SSE_LINES
    id_header: ClassVar[bytes] = b"x-request-id"
    wrong_usage: ClassVar[Json]
    """A usage that can't be."""
    done: bytes = b""
    """What ends a stream."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    @property
    def stream(self) -> bool:
        return bool(self.asked.chat.stream)

    def compose(self, job: Job, outcome: Outcome | None) -> Answer:
        """Raises: BadRequest, when the request can't be answered."""
        return compose(job, outcome)

    def lines(self, answer: Answer) -> bytes:
        """Headers: what kind of body, the answer's id, and that it is a lab's."""
        origin = b"replayed" if answer.replayed else b"simulated"
        kind = self.stream_lines if self.stream else self.whole_lines
        return b"%b%b: %b\r\nx-antiphon-lab: %b\r\n" % (kind, self.id_header, answer.id.encode(), origin)

    @abstractmethod
    def usage(self, answer: Answer) -> Json:
        """What the answer used, in the dialect's own counting."""

    @abstractmethod
    def whole(self, answer: Answer, used: Json | None) -> bytes:
        """A whole answer. `used` takes the place of the true usage, None leaves it out."""

    @abstractmethod
    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        """A stream's events but for `done`. `used` as for `whole`."""


class Whole(Writer):
    """A request whose answer never comes as a stream."""

    @property
    def stream(self) -> bool:
        return False

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        raise NotImplementedError("this answer is never streamed")


class Manners(Struct, frozen=True, kw_only=True):
    """How a dialect says that something is wrong, and what its broken answers look like."""

    problem: Callable[[AntiphonError], Said]
    faults: Mapping[str, Said]
    """By the kinds of faults that are errors in the dialect's own form."""
    broken_json: bytes
    """The start of a whole answer."""
    broken_stream: tuple[bytes, ...]
    """One event as it should be, then some that can't be read."""
    stream_lines: bytes = SSE_LINES
    huge: tuple[bytes, bytes]
    """What stands before and after the text of a whole answer that is one long text."""
    huge_stream: tuple[bytes, bytes]
    """The same of a stream with one long event."""


class Dialect(ABC):
    """One way of asking models."""

    name: str
    manners: Manners

    @abstractmethod
    def read(self, incoming: Incoming) -> Writer:
        """Raises: AntiphonError, which `manners` puts into the dialect's words."""
