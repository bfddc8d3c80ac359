"""Reads from a whole answer what the receipt needs; its bytes go on as they are."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.wire.anthropic_messages.answers import opened
from antiphon.wire.anthropic_messages.usage import speed_of, usage_of
from antiphon.wire.codec import Facts
from antiphon.wire.fields import as_object


class _Block(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Usual(Struct, gc=False):
    content: list[_Block]
    type: str
    usage: dict[str, Any] | None = None
    model: str = ""


_usual = msgspec.json.Decoder(_Usual)


def facts(body: bytes) -> Facts:
    """Check a whole answer and read its facts. Raises: UpstreamMalformed; UpstreamError when it is an error."""
    try:
        usual = _usual.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        usual = None
    if usual is None or usual.type != "message":
        said = opened(body)
        model, raw = said.get("model"), as_object(said.get("usage"))
        usual = _Usual(content=[], type="", usage=raw, model=model if isinstance(model, str) else "")
    usage, note = (None, "") if usual.usage is None else usage_of(usual.usage)
    return Facts(model=usual.model, fingerprint="", usage=usage, usage_note=note, service=speed_of(usual.usage))
