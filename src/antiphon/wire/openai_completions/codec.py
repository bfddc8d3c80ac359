"""OpenAI's legacy completions, answered by upstreams that have them, or by any chat model."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.request import Dialect, Head, Operation, Request, Spots
from antiphon.core.response import Response
from antiphon.wire.codec import Asked, ChatCodec, Facts, Put, Terms
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.one_dialect import OpenAIErrors
from antiphon.wire.openai_chat.last_resort import MODEL
from antiphon.wire.openai_chat.whole import facts
from antiphon.wire.openai_completions import answers, ask
from antiphon.wire.openai_completions.events import CompletionDecoder, CompletionEncoder
from antiphon.wire.openai_completions.head import read_head, read_head_long
from antiphon.wire.openai_completions.put import put_completion
from antiphon.wire.openai_completions.relay import CompletionRelay
from antiphon.wire.stream import Decoder, Encoder, Relay


class OpenAICompletions(OpenAIErrors, ChatCodec):
    """To a chat model the prompt is the message of a user, and its answer comes back as a completion's text."""

    name: ClassVar[Dialect] = "openai_completions"
    operation: ClassVar[Operation] = "completions"
    last_mark: ClassVar[bytes] = b"[DONE]"
    opening: ClassVar[str] = "prompt"

    @property
    def served_by(self) -> Operation:
        return "chat"

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        return read_head(body, asked)

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        return read_head_long(body, asked)

    def decode(self, request: Request) -> Content:
        return ask.decode(loads(request.body.whole()))

    def put(self, request: Request, terms: Terms) -> Put:
        return put_completion(request, terms)

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        out = ask.encode(content, terms.model, losses)
        if terms.stream:
            out["stream"] = True
            if terms.quirks.asks_usage:
                out["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(out)

    def facts(self, body: bytes) -> Facts:
        return facts(body)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        return answers.decode(body), facts(body)

    def encode_answer(self, answer: Response, head: Head, losses: Losses) -> bytes:
        return msgspec.json.encode(answers.encode(answer, losses))

    def relay(self, *, hides_usage: bool) -> Relay:
        return CompletionRelay(hides_usage=hides_usage)

    def decoder(self) -> Decoder:
        return CompletionDecoder()

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        return CompletionEncoder(losses, wants_usage=head.wants_usage)

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": "stop"}
        said = {"id": f"cmpl-{receipt_id}", "object": answers.OBJECT, "created": created_s, "model": MODEL}
        body = msgspec.json.encode({**said, "choices": [choice]})
        return b"data: %b\n\ndata: [DONE]\n\n" % body if stream else body
