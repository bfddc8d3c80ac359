"""The chunks of a stream, read by type: whole answers that each hold a piece."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from antiphon.core.error import UpstreamMalformed


class Piece(Struct, gc=False, forbid_unknown_fields=True):
    """A part that is text alone, thought or said."""

    text: str
    thought: bool = False


class Turn(Struct, gc=False, forbid_unknown_fields=True):
    parts: list[Piece]
    role: str = "model"


class Candidate(Struct, gc=False, forbid_unknown_fields=True):
    content: Turn
    index: int = 0


class Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A chunk that brings text of an answer and nothing else: most are so."""

    candidates: list[Candidate]
    usageMetadata: Raw | UnsetType = UNSET  # noqa: N815  # the wire's name
    modelVersion: str = ""  # noqa: N815
    responseId: str = ""  # noqa: N815
    createTime: str = ""  # noqa: N815


_plain = msgspec.json.Decoder(Plain)
_object = msgspec.json.Decoder(dict[str, Any])
_objects = msgspec.json.Decoder(list[dict[str, Any]])


def plain(data: bytes) -> Plain | None:
    """A chunk that is plain; None when it needs a closer look."""
    try:
        return _plain.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def whole(data: bytes) -> dict[str, Any]:
    """Any chunk, or an error that came in a list. Raises: UpstreamMalformed."""
    try:
        if data.lstrip()[:1] == b"[":
            items = _objects.decode(data)
            return items[0] if items else {}
        return _object.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"an event of the upstream's stream is not valid: {error}") from error
