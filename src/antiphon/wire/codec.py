"""What every dialect can do: read a caller's requests, be spoken to an upstream, read its answers, and answer a caller."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator, Mapping
from typing import Any, ClassVar, Generic, Literal, TypeVar

from msgspec import Struct

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.core.response import Response
from antiphon.core.usage import Usage
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder, Encoder, Relay

AskT = TypeVar("AskT")
AnswerT = TypeVar("AnswerT")
_T = TypeVar("_T")
Sliced = Generator[None, None, _T]
"""Gives back control between slices, and what it found at the end."""
Continuing = Literal["assistant", "prefix", "flags"]
"""How an answer is gone on with: a last message of the assistant is enough; it says `prefix: true`; or the request says
`continue_final_message: true` and `add_generation_prompt: false`."""
JSON = b"application/json"
EVENTS = b"text/event-stream"


class Asked(Struct, frozen=True, gc=False, kw_only=True):
    """What a request says beside its body."""

    endpoint: str
    """The path that it came in on."""
    model: str = ""
    """The model that the path names; empty: the body does."""
    stream: bool = False
    """The path asks for a stream."""
    headers: Mapping[bytes, bytes] = {}


class Quirks(Struct, frozen=True, gc=False, kw_only=True):
    """Where an upstream departs from its dialect."""

    who: str = ""
    """The provider, as losses name it."""
    rejects: tuple[str, ...] = ()
    """Top-level fields that it answers with an error."""
    output_limit_field: Literal["max_tokens"] | None = None
    """The one name under which it knows the bound on output tokens. None: it knows both."""
    asks_usage: bool = True
    """A stream's usage has to be asked for."""
    continuing: Continuing = "assistant"
    thoughts: str = ""
    """Field of an assistant's message in which thoughts go back to it; empty: it takes none."""
    variant: str = ""
    """The cloud that serves a provider's own dialect, where that changes it: `bedrock` or `vertex`."""


NO_QUIRKS = Quirks()


class Terms(Struct, frozen=True, gc=False, kw_only=True):
    """How one attempt puts a request to one upstream."""

    model: str
    """The upstream's id of the model."""
    stream: bool = False
    prompt: str | None = None
    """Text of a system message to put before all others."""
    so_far: str = ""
    """The start of an answer that is to be gone on with: a last message of the assistant."""
    output_tokens: int | None = None
    """The most that the model gives in one answer, for dialects where a request must say a bound; None: unknown."""
    quirks: Quirks = NO_QUIRKS


class Put(Struct, frozen=True, gc=False, kw_only=True):
    """A request's bytes for an upstream."""

    body: Body
    losses: tuple[Loss, ...] = ()
    hides_usage: bool = False
    """The stream's usage was asked for by us alone."""
    content_type: bytes = JSON


class Facts(Struct, frozen=True, gc=False, kw_only=True):
    """What an answer says of itself."""

    model: str
    fingerprint: str
    usage: Usage | None
    usage_note: str
    """Why its usage can't be believed; empty: it can, or there is none."""
    service: str = ""
    """The grade of service that it was given, in the upstream's word; empty: it doesn't say."""


class Upstream(ABC, Generic[AskT, AnswerT]):
    """A dialect that upstreams are spoken to in, by callers of others. `AskT` and `AnswerT` are the canonical forms of its
    operation: `Content` and `Response` for chat.
    """

    name: ClassVar[Dialect]
    operation: ClassVar[Operation] = "chat"
    answers: ClassVar[bytes] = JSON
    """Content type of its whole answers."""
    streams: ClassVar[bytes] = EVENTS
    """Content type of its streams."""

    def takes(self, content_type: bytes) -> bool:
        """Whether a whole answer may have this content type."""
        return content_type.startswith(self.answers) or content_type.lower().startswith(self.answers)

    @abstractmethod
    def encode(self, content: AskT, terms: Terms, losses: Losses) -> bytes:
        """Write a request that came in another dialect. Raises: BadRequest, where nothing sensible can be sent."""

    @abstractmethod
    def decode_answer(self, body: bytes) -> tuple[AnswerT, Facts]:
        """Check and read a whole answer. Raises: UpstreamMalformed, UpstreamError when it is an error."""

    def decode_long(self, body: bytes) -> Sliced[tuple[AnswerT, Facts]]:
        """The same of a long answer, in slices. Raises: the same."""
        yield
        return self.decode_answer(body)

    @abstractmethod
    def decoder(self) -> Decoder:
        """Read a stream for a caller of another dialect."""

    @abstractmethod
    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        """Let the caller read what this upstream says of a request that it refused: message, param and shown code."""


class Codec(Upstream[AskT, AnswerT]):
    """A dialect that callers speak too."""

    asks: ClassVar[tuple[bytes, ...]] = (JSON,)
    """Content types that its requests may have."""
    carries: ClassVar[tuple[bytes, ...]] = ()
    """Headers of the caller's that go on to an upstream of this very dialect; in lower case."""
    passes: ClassVar[tuple[bytes, ...]] = ()
    """Headers of an upstream of any dialect that its clients read; in lower case."""
    last_mark: ClassVar[bytes] = b""
    """What only a piece with a stream's last event holds; a text may hold it too."""
    opening: ClassVar[str] = "messages"
    """Top-level field that holds the conversation."""
    chance: ClassVar[tuple[str, ...]] = ("temperature", "seed", "top_p")
    """Top-level fields that decide on chance."""

    @property
    def served_by(self) -> Operation:
        """What an upstream of another dialect must be able to do."""
        return self.operation

    # --- requests

    @abstractmethod
    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        """Read the head of a request of ordinary length. Raises: BadRequest."""

    @abstractmethod
    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        """Read a long body in slices: yields None between them, and what `read` returns at the end. Raises: BadRequest."""

    @abstractmethod
    def decode(self, request: Request) -> AskT:
        """Read all of a request. Raises: BadRequest, whose `param` is a path such as `messages[2].content[0].text`."""

    @abstractmethod
    def put(self, request: Request, terms: Terms) -> Put:
        """A request for an upstream of this very dialect: the caller's bytes with the smallest edits."""

    # --- answers

    @abstractmethod
    def facts(self, body: bytes) -> Facts:
        """Check a whole answer of an upstream of this very dialect, and read its facts. Raises: as `decode_answer`."""

    def used(self, request: Request) -> Usage | None:
        """What a request by itself says that it uses, for whole answers that don't say; None: nothing."""
        del request
        return None

    @abstractmethod
    def relay(self, *, hides_usage: bool) -> Relay:
        """Pass a stream of an upstream of this very dialect on, byte for byte."""

    @abstractmethod
    def encode_answer(self, answer: AnswerT, head: Head, losses: Losses) -> bytes:
        """Write a whole answer for the caller."""

    def encode_long(self, answer: AnswerT, head: Head, losses: Losses) -> Iterator[bytes]:
        """The same of a long answer, piece by piece."""
        yield self.encode_answer(answer, head, losses)

    @abstractmethod
    def encoder(self, head: Head, losses: Losses) -> Encoder:
        """Write a stream for the caller. `losses` may go on being told of while it runs."""

    @abstractmethod
    def error(self, error: AntiphonError) -> bytes:
        """The body of an error answer."""

    @abstractmethod
    def error_event(self, error: AntiphonError) -> bytes:
        """The same as the end of a stream that can't go on."""

    @abstractmethod
    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        """The operator's own text as an answer, told apart from any model's by the model's name
        `antiphon/last-resort`, and without usage.
        """


ChatUpstream = Upstream[Content, Response]
ChatCodec = Codec[Content, Response]
AnyCodec = Codec[Any, Any]
AnyUpstream = Upstream[Any, Any]


_NUMBERS = frozenset({int, float})


def left_over(extra: Mapping[str, Any], path: str, losses: Losses, who: str, known: Collection[str] = ()) -> None:
    """Note what a foreign dialect's object says beside the canonical words, but for the names that were carried.

    A field that says nothing is none: null, false, and an empty text, list or object. Answers are full of them
    (`annotations: []`), and a dialect that has no such switch does not do what `false` would keep it from. Zero is a value.
    """
    for name, value in extra.items():
        if name not in known and (value or (type(value) in _NUMBERS)):
            losses.add(f"{path}.{name}" if path else name, f"{who} has no such field")
