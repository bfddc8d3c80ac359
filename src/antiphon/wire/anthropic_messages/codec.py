"""Anthropic Messages: a dialect that callers speak, and that upstreams are spoken to in.

Sources: anthropic 2.14.0; platform.claude.com/docs (2026-11). What the API version 2026-10-21 removed (`temperature`, `top_p`,
`top_k`) is read and written all the same: 2023-06-01 has it, and an upstream's quirks say where it is refused.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.error import AntiphonError
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.core.response import Response
from antiphon.wire.anthropic_messages import edits, errors, head, last_resort, whole
from antiphon.wire.anthropic_messages.answers import decode_response, encode_response
from antiphon.wire.anthropic_messages.decode import decode, decode_plain, plain
from antiphon.wire.anthropic_messages.encode import encode
from antiphon.wire.anthropic_messages.errors import THREAD, unthreaded
from antiphon.wire.anthropic_messages.proofs import may_have_foreign, usable
from antiphon.wire.anthropic_messages.relay import MessagesRelay
from antiphon.wire.anthropic_messages.stream_decoder import MessagesDecoder
from antiphon.wire.anthropic_messages.stream_encoder import MessagesEncoder
from antiphon.wire.codec import Asked, ChatCodec, Facts, Put, Terms
from antiphon.wire.json import loads
from antiphon.wire.losses import Losses
from antiphon.wire.stream import Decoder, Encoder, Relay


class AnthropicMessages(ChatCodec):
    """The codec of `POST /v1/messages`."""

    name: ClassVar[Dialect] = "anthropic_messages"
    last_mark: ClassVar[bytes] = b"message_stop"
    carries: ClassVar[tuple[bytes, ...]] = (b"anthropic-version", b"anthropic-beta")
    passes: ClassVar[tuple[bytes, ...]] = (b"request-id", b"anthropic-organization-id")
    chance: ClassVar[tuple[str, ...]] = ("temperature", "top_p")

    def read(self, body: Body, asked: Asked) -> tuple[Head, Spots]:
        return head.read(body, asked)

    def read_long(self, body: Body, asked: Asked) -> Iterator[tuple[Head, Spots] | None]:
        return head.read_long(body, asked)

    def decode(self, request: Request) -> Content:
        """Read it for another provider. Raises: CannotCarry too, where Anthropic's servers hold the conversation."""
        text = request.body.whole()
        said = plain(text)
        found = (decode_plain(said) if said is not None else None) or decode(loads(text))
        if THREAD in found.extra:
            raise unthreaded()
        return found

    def encode(self, content: Content, terms: Terms, losses: Losses) -> bytes:
        return encode(content, terms, losses)

    def put(self, request: Request, terms: Terms) -> Put:
        """The caller's bytes; but a history that another provider thought in goes through the canonical form."""
        if may_have_foreign(request.body, terms.model):
            losses = Losses()
            content = decode(loads(request.body.whole()))
            if usable(content.messages, terms.model, losses) != content.messages:
                terms = msgspec.structs.replace(terms, stream=request.head.stream)
                return Put(body=Body((encode(content, terms, losses),)), losses=losses.told())
        return edits.put(request, terms)

    def facts(self, body: bytes) -> Facts:
        return whole.facts(body)

    def decode_answer(self, body: bytes) -> tuple[Response, Facts]:
        return decode_response(body)

    def relay(self, *, hides_usage: bool) -> Relay:
        """A stream of this dialect has its usage always: there is none to hide."""
        return MessagesRelay()

    def decoder(self) -> Decoder:
        return MessagesDecoder()

    def encode_answer(self, answer: Response, head: Head, losses: Losses) -> bytes:
        return encode_response(answer, losses)

    def encoder(self, head: Head, losses: Losses) -> Encoder:
        return MessagesEncoder(losses)

    def error(self, error: AntiphonError) -> bytes:
        return errors.encode(error)

    def error_event(self, error: AntiphonError) -> bytes:
        return errors.event(error)

    def pass_on(self, error: AntiphonError, body: bytes) -> None:
        errors.pass_on(error, body)

    def last_resort(self, text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
        return last_resort.encode(text, receipt_id, stream=stream)


def read_count(body: Body, asked: Asked) -> tuple[Head, Spots]:
    """Read a request of `POST /v1/messages/count_tokens`: the same but for `max_tokens`. Raises: BadRequest."""
    return head.read(body, asked, counting=True)


def count_fields(body: bytes) -> Content:
    """What a request to count tokens says. Raises: BadRequest."""
    return decode(loads(body))
