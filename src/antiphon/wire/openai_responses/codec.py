"""OpenAI's Responses. Source: openai-python 3.52.0, `types/responses`; API reference, 2026-11."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, UpstreamMalformed
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.core.response import Response
from antiphon.wire.codec import Asked, ChatCodec, Facts, Put, Terms
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat import errors as chat_errors
from antiphon.wire.openai_responses import errors, last_resort
from antiphon.wire.openai_responses.answers import decode_response
from antiphon.wire.openai_responses.decode import decode
from antiphon.wire.openai_responses.encode import encode
from antiphon.wire.openai_responses.head import read
from antiphon.wire.openai_responses.long import read_long
from antiphon.wire.openai_responses.others import less_others, may_have_others
from antiphon.wire.openai_responses.put import put
from antiphon.wire.openai_responses.reading import EventReader
from antiphon.wire.openai_responses.relay import ResponseRelay
from antiphon.wire.openai_responses.stream import EventWriter
from antiphon.wire.openai_responses.told import encode_response
from antiphon.wire.openai_responses.whole import facts
from antiphon.wire.stream import Decoder, Encoder, Relay

_object = msgspec.json.Decoder(dict[str, Any])


class OpenAIResponses(ChatCodec):
    """Spoken by callers and by OpenAI's own models."""

    name: ClassVar[Dialect] = "openai_responses"
    opening = "input"
    chance = ("temperature", "top_p")
    last_mark = b"response.completed"
    passes = (b"openai-processing-ms", b"openai-version")

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        return read(body, asked)

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        return read_long(body, asked)

    def decode(self, request: Request) -> Content:
        return decode(loads(request.body.whole()))

    def put(self, request: Request, terms: Terms) -> Put:
        """The caller's bytes with the smallest edits; thoughts of other providers are taken out first."""
        if not may_have_others(request.body):
            return put(request, terms)
        losses = Losses()
        body = less_others(request.body, losses)
        head, spots = read(body, Asked(endpoint=request.head.endpoint))
        made = put(replace(request, head=head, body=body, spots=spots), terms)
        return replace(made, losses=(*losses.told(), *made.losses))

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        return msgspec.json.encode(encode(content, terms, losses))

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        said = facts(body)
        try:
            answer = decode_response(_object.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"the upstream's answer is not a response: {error}") from error
        return answer, said

    def encode_answer(self, answer: Response, head: Head, losses: Losses) -> bytes:
        return msgspec.json.encode(encode_response(answer, head, losses))

    def relay(self, *, hides_usage: bool) -> Relay:
        """Usage always comes, and is never asked for by us."""
        return ResponseRelay()

    def decoder(self) -> Decoder:
        return EventReader()

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        return EventWriter(head, losses)

    def error(self, error: AntiphonError) -> bytes:
        return chat_errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        """Numbered above any other event; whoever has the stream's relay or encoder at hand calls `errors.event` with its
        `sequence`.
        """
        return errors.event(error)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        chat_errors.pass_on(error, body)

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        return last_resort.encode(text, receipt_id, created_s, stream=stream)
