"""What a codec lacks whose operation has one dialect only, no streams, or no text in its answers."""

from typing import Any, NoReturn

from antiphon.core.error import AntiphonError
from antiphon.core.request import Head, Request
from antiphon.wire.codec import Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat import errors
from antiphon.wire.stream import Decoder, Encoder, Relay


def _never(codec: object, what: str) -> NoReturn:
    raise NotImplementedError(f"{type(codec).__name__} {what}; whoever asked it to has a mistake")


class OneDialect:
    """Nothing is ever translated within this operation: callers and upstreams speak the same dialect, and bytes are passed
    on. Each of these methods raises NotImplementedError, since a call of one is a mistake of the program.
    """

    def decode(self, request: Request) -> Any:
        _never(self, f"does not translate a request of {request.head.endpoint}")

    def encode(self, content: Any, terms: Terms, losses: Losses) -> bytes:
        _never(self, "writes no request of another dialect")

    def decode_answer(self, body: bytes) -> Any:
        _never(self, "translates no answer")

    def encode_answer(self, answer: Any, head: Head, losses: Losses) -> bytes:
        _never(self, "writes no answer of another dialect")

    def decoder(self) -> Decoder:
        _never(self, "translates no stream")

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        _never(self, "writes no stream of another dialect")


class NoStream:
    """Answers of this operation are never streamed, and no request of it says that they are to be: see `OneDialect`."""

    def relay(self, *, hides_usage: bool) -> Relay:
        _never(self, "has no streams")

    def decoder(self) -> Decoder:
        _never(self, "has no streams")

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        _never(self, "has no streams")


class NoText:
    """An operator's own text is no answer here: a route of this operation has no last resort. See `OneDialect`."""

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        _never(self, "has no answers of text")


class OpenAIErrors:
    """Errors in OpenAI's shape, both ways."""

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)

    def error(self, error: AntiphonError) -> bytes:
        return errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        return errors.event(error)
