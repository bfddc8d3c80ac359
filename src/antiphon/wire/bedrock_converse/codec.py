"""Bedrock's Converse and ConverseStream, as an upstream is spoken to.

Not said by its bodies: the model and whether to stream, which the URL says
(`/model/{id}/converse`, `/model/{id}/converse-stream`), and what an error is, which the header `x-amzn-errortype` says.
"""

from typing import ClassVar

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.core.request import Dialect
from antiphon.core.response import Response
from antiphon.wire.bedrock_converse.answers import decode_answer
from antiphon.wire.bedrock_converse.encode import encode
from antiphon.wire.bedrock_converse.events import ConverseStream
from antiphon.wire.bedrock_converse.failures import pass_on
from antiphon.wire.codec import ChatUpstream, Facts, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder

EVENT_STREAM = b"application/vnd.amazon.eventstream"


class BedrockConverse(ChatUpstream):
    """Converse, for models of every maker on Bedrock."""

    name: ClassVar[Dialect] = "bedrock_converse"
    streams: ClassVar[bytes] = EVENT_STREAM

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        """Write a request that came in another dialect. Raises: BadRequest, where nothing sensible can be sent."""
        return encode(content, terms, losses)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        """Check and read a whole answer. Raises: UpstreamMalformed, UpstreamError when it is an error."""
        return decode_answer(body)

    def decoder(self) -> Decoder:
        """Read a stream for a caller of another dialect."""
        return ConverseStream()

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        """Let the caller read what this upstream says of a request that it refused: its message."""
        pass_on(error, body)
