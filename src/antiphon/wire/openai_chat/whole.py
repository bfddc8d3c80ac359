"""Reads from a whole answer what the receipt needs; its bytes go on as they are."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.openai_chat.usage import usage_of


class _Whole(Struct):
    choices: list[Raw]
    usage: dict[str, Any] | None = None
    model: str | None = None
    system_fingerprint: str | None = None


class Facts(Struct, frozen=True, gc=False, kw_only=True):
    """What an answer says of itself."""

    model: str
    fingerprint: str
    usage: Usage | None
    usage_note: str


_whole = msgspec.json.Decoder(_Whole)


def facts(body: bytes) -> Facts:
    """Check a whole answer and read its facts. Raises: UpstreamMalformed."""
    try:
        answer = _whole.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a chat completion: {error}") from error
    usage, note = (None, "") if answer.usage is None else usage_of(answer.usage)
    return Facts(model=answer.model or "", fingerprint=answer.system_fingerprint or "", usage=usage, usage_note=note)
