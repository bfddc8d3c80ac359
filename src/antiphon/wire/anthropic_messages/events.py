"""Events of a stream as they are read. Source: anthropic 2.14.0, `types/raw_message_stream_event.py` (2026-11)."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.sse import data_of

DELTA = b"event: content_block_delta\ndata: "
TYPED = DELTA + b'{"type":"content_block_delta"'


class TextPiece(Struct, gc=False, frozen=True, tag_field="type", tag="text_delta"):
    text: str


class ThoughtPiece(Struct, gc=False, frozen=True, tag_field="type", tag="thinking_delta"):
    thinking: str


class InputPiece(Struct, gc=False, frozen=True, tag_field="type", tag="input_json_delta"):
    partial_json: str


class ProofPiece(Struct, gc=False, frozen=True, tag_field="type", tag="signature_delta"):
    signature: str


Piece = TextPiece | ThoughtPiece | InputPiece | ProofPiece


class BlockDelta(Struct, gc=False, frozen=True, tag_field="type", tag="content_block_delta"):
    """The usual events of a stream. One that doesn't fit is read as an object."""

    index: int
    delta: Piece


_delta = msgspec.json.Decoder(BlockDelta)
_object = msgspec.json.Decoder(dict[str, Any])


def is_delta(event: bytes) -> bool:
    """Whether an event is surely a block's piece in the form in which nearly all come."""
    return event.startswith(DELTA) and event.find(b"\n", len(DELTA)) == len(event) - 2


def piece_of(event: bytes) -> BlockDelta | None:
    """A piece that was found to be one; None where it needs a closer look."""
    try:
        return _delta.decode(event[len(DELTA) : -2])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def usual_of(said: dict[str, Any]) -> BlockDelta | None:
    """The same of an event that was read as an object."""
    try:
        return msgspec.convert(said, BlockDelta)
    except msgspec.ValidationError:
        return None


def payload_of(event: bytes) -> tuple[bytes, dict[str, Any]] | None:
    """What an event carries; None where it carries nothing. Raises: UpstreamMalformed."""
    data = data_of(event)
    payload = data.strip() if data else b""
    if not payload:
        return None
    try:
        return payload, _object.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed("an event of the upstream's stream is not a JSON object") from error
