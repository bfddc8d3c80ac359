"""What every dialect does with a stream: passes it on, reads it, writes it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from antiphon.core.error import UpstreamError
from antiphon.core.receipt import Loss
from antiphon.core.response import Event
from antiphon.core.usage import Usage


class Relay(ABC):
    """One stream's passage. Feed it what comes; send on what it gives back, which is whole events."""

    __slots__ = (
        "content_seen",
        "done",
        "events",
        "failure",
        "fingerprint",
        "losses",
        "model",
        "service",
        "usage",
        "usage_note",
    )

    def __init__(self) -> None:
        self.service = ""
        self.content_seen = False
        """The answer's first content has come: text, thoughts, a tool call, sound."""
        self.done = False
        """The dialect's last event has come: what was given back with it ends the answer."""
        self.events = 0
        self.model = self.fingerprint = ""
        self.usage: Usage | None = None
        self.usage_note = ""
        self.failure: UpstreamError | None = None
        """The upstream said amid its stream that it failed; what follows is dropped."""
        self.losses: tuple[Loss, ...] = ()

    def tell(self) -> None:
        """Bring `losses` and `usage_note` up to date: nobody may go on to the end."""
        return

    @abstractmethod
    def feed(self, piece: bytes) -> bytes:
        """Returns: what may go to the caller now. Raises: UpstreamMalformed."""

    @abstractmethod
    def end(self) -> bytes:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamError subclasses."""


class Decoder(ABC):
    """Reads one upstream's stream into canonical events.

    The first event that has anything to say names the answer's `id` and `model`. Odd events are passed over, not judged.
    """

    __slots__ = ("done", "failure", "model", "service", "usage_note")

    def __init__(self) -> None:
        self.service = ""
        self.model = ""
        """The model that was asked, for upstreams that don't say which answered."""
        self.done = False
        """The stream's last event was read."""
        self.failure: UpstreamError | None = None
        """The upstream said amid its stream that it failed."""
        self.usage_note = ""

    @abstractmethod
    def feed(self, piece: bytes) -> Sequence[Event]:
        """Read what came, however it was cut. Raises: UpstreamMalformed."""

    @abstractmethod
    def end(self) -> Sequence[Event]:
        """The upstream's body has ended. Returns: what was still held. Raises: UpstreamBroken, amid an answer."""


class Encoder(ABC):
    """Writes canonical events as one caller's stream."""

    __slots__ = ("created_s",)

    def __init__(self) -> None:
        self.created_s = 0
        """When the answer began, for upstreams that don't say: seconds since the epoch."""

    @abstractmethod
    def event(self, event: Event) -> bytes:
        """The bytes of one event; often empty, or several of the dialect's events."""

    @abstractmethod
    def end(self) -> bytes:
        """What closes the stream."""
