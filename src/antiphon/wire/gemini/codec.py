"""Gemini's dialect: generateContent and streamGenerateContent, of AI Studio and of Vertex.

Source: google-genai 3.6.1, `types.py` and `models.py`; ai.google.dev/api/generate-content, 2026-11.
"""

from collections.abc import Iterator, Mapping

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.request import Head, Request, Spots
from antiphon.core.response import Response
from antiphon.wire.codec import Asked, ChatCodec, Facts, Put, Terms
from antiphon.wire.fields import as_object
from antiphon.wire.gemini import errors, head, last_resort, whole
from antiphon.wire.gemini.answers import decode_response
from antiphon.wire.gemini.decode import decode
from antiphon.wire.gemini.encode import encode
from antiphon.wire.gemini.events import StreamDecoder
from antiphon.wire.gemini.proof import foreign
from antiphon.wire.gemini.put import put
from antiphon.wire.gemini.relay import StreamRelay
from antiphon.wire.gemini.reply import encode_response
from antiphon.wire.gemini.told import StreamEncoder
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder, Encoder, Relay


class Gemini(ChatCodec):
    """What callers of Google's SDKs speak, and Google's own models."""

    name = "gemini"
    opening = "contents"
    chance = ("generationConfig", "generation_config")

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        return head.read(body, asked)

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        return head.read_long(body, asked)

    def read_count(self, body: Body, asked: Asked) -> Content:
        """Read what `countTokens` is asked about: contents alone, or a whole request. Raises: BadRequest."""
        fields: Mapping[str, object] = loads(body.whole())
        for name in ("generateContentRequest", "generate_content_request"):
            value = fields.get(name)
            if value is None:
                continue
            inner = as_object(value)
            if inner is None:
                raise BadRequest(f"`{name}` must be an object", param=name)
            inner = {key: child for key, child in inner.items() if key != "model"}
            return decode(inner, name)
        return decode(fields)

    def decode(self, request: Request) -> Content:
        return decode(loads(request.body.whole()))

    def put(self, request: Request, terms: Terms) -> Put:
        if not foreign(request.body.segments):
            return put(request, terms)
        # Another provider's proofs of thoughts, which came back through the caller: Gemini would refuse them.
        losses = Losses()
        body = self.encode(self.decode(request), terms, losses)
        return Put(body=Body((body,)), losses=losses.told())

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        return msgspec.json.encode(encode(content, terms, losses))

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        return decode_response(whole.read(body))

    def facts(self, body: bytes) -> Facts:
        return whole.facts(body)

    def relay(self, *, hides_usage: bool) -> Relay:
        return StreamRelay()

    def decoder(self) -> Decoder:
        return StreamDecoder()

    def encode_answer(self, answer: Response, head: Head, losses: Losses) -> bytes:
        return msgspec.json.encode(encode_response(answer, losses))

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        return StreamEncoder(losses)

    def error(self, error: AntiphonError) -> bytes:
        return errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        return errors.event(error)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        return last_resort.encode(text, receipt_id, stream=stream)
