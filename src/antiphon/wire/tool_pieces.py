"""Tool calls that come in pieces, for dialects that tell one behind the other, or whole."""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.content import Extra, ToolCall
from antiphon.core.response import ToolCallDelta

_object = msgspec.json.Decoder(dict[str, Any])


def joined(pieces: Sequence[ToolCallDelta]) -> ToolCall:
    """A call from its pieces, of which there is one at least."""
    first = pieces[0]
    proof = next((piece for piece in pieces if piece.signature is not None), first)
    extra: Extra = {}
    for piece in pieces:
        extra = {**extra, **piece.extra} if piece.extra else extra
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), ""),
        name="".join([piece.name for piece in pieces if piece.name]),
        arguments="".join([piece.arguments for piece in pieces if piece.arguments]),
        kind="custom" if first.custom else first.kind or "function",
        signature=proof.signature,
        signed_by=proof.signed_by,
        extra=extra,
    )


def is_whole(arguments: str) -> bool:
    """Whether nothing that counts can follow: an object is closed. Of an empty text that can't be known.

    It reads all of them: ask once of a call, or a stream takes the square of its length.
    """
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        _object.decode(arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True
