"""Cohere's chat, version 2 of its API, as an upstream is spoken to: POST /v2/chat."""

from typing import ClassVar

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.core.request import Dialect
from antiphon.core.response import Response
from antiphon.wire.codec import ChatUpstream, Facts, Terms
from antiphon.wire.cohere_chat.answers import decode_answer, pass_on
from antiphon.wire.cohere_chat.encode import encode
from antiphon.wire.cohere_chat.events import CohereStream
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder


class CohereChat(ChatUpstream):
    """Cohere's chat."""

    name: ClassVar[Dialect] = "cohere_chat"

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        """Write a request that came in another dialect. Raises: BadRequest, where nothing sensible can be sent."""
        return encode(content, terms, losses)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        """Check and read a whole answer. Raises: UpstreamMalformed, UpstreamError when it is an error."""
        return decode_answer(body)

    def decoder(self) -> Decoder:
        """Read a stream for a caller of another dialect."""
        return CohereStream()

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        """Let the caller read what this upstream says of a request that it refused: its message."""
        pass_on(error, body)
