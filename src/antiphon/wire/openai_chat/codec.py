"""OpenAI's Chat Completions. Source: openai-python 3.52.0, `types/chat`; API reference, 2026-11."""

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, UpstreamMalformed
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.core.response import Response
from antiphon.wire.codec import Asked, ChatCodec, Facts, Put, Terms
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat import errors, last_resort
from antiphon.wire.openai_chat.answers import decode_response, encode_response
from antiphon.wire.openai_chat.chunks import Chunks
from antiphon.wire.openai_chat.decode import decode
from antiphon.wire.openai_chat.encode import encode
from antiphon.wire.openai_chat.foreign import adopt
from antiphon.wire.openai_chat.foreign_answers import adopt_answer
from antiphon.wire.openai_chat.head import read, read_long
from antiphon.wire.openai_chat.put import put
from antiphon.wire.openai_chat.reading import ChunkDecoder
from antiphon.wire.openai_chat.relay import ChunkRelay
from antiphon.wire.openai_chat.whole import facts
from antiphon.wire.stream import Decoder, Encoder, Relay

_LIMIT = "max_completion_tokens"
_object = msgspec.json.Decoder(dict[str, Any])


class OpenAIChat(ChatCodec):
    """Spoken by callers and by most upstreams."""

    name: ClassVar[Dialect] = "openai_chat"
    last_mark = b"[DONE]"
    passes = (b"openai-processing-ms", b"openai-version")

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        return read(body, asked.endpoint)

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        return read_long(body, asked.endpoint)

    def decode(self, request: Request) -> Content:
        return decode(loads(request.body.whole()))

    def put(self, request: Request, terms: Terms) -> Put:
        return put(request, terms)

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        fit = content if content.dialect == self.name else adopt(content, terms, losses)
        quirks = terms.quirks
        options = {"include_usage": True} if terms.stream and quirks.asks_usage else None
        out = encode(fit, model=terms.model, stream=terms.stream or None, stream_options=options)
        if quirks.output_limit_field is not None and _LIMIT in out:
            out[quirks.output_limit_field] = out.pop(_LIMIT)
        for name in quirks.rejects:
            if name in out and name != "stream_options":
                del out[name]
                losses.add(name, f"{quirks.who} refuses it")
        return msgspec.json.encode(out)

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        said = facts(body)
        try:
            answer = decode_response(_object.decode(body))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UpstreamMalformed(f"the upstream's answer is not a chat completion: {error}") from error
        return answer, said

    def encode_answer(self, answer: Response, head: Head, losses: Losses) -> bytes:
        fit = answer if answer.dialect == self.name else adopt_answer(answer, losses)
        return msgspec.json.encode(encode_response(fit))

    def relay(self, *, hides_usage: bool) -> Relay:
        return ChunkRelay(hide_usage=hides_usage)

    def decoder(self) -> Decoder:
        return ChunkDecoder()

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        return Chunks(losses, wants_usage=head.wants_usage)

    def error(self, error: AntiphonError) -> bytes:
        return errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        return errors.event(error)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        return last_resort.encode(text, receipt_id, created_s, stream=stream)
