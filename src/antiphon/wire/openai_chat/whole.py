"""Reads from a whole answer what the receipt needs; its bytes go on as they are."""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.wire.codec import Facts
from antiphon.wire.openai_chat.usage import Counts, usage_of


class _Choice(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Usual(Struct, gc=False):
    choices: list[_Choice]
    usage: Counts
    model: str = ""
    system_fingerprint: str | None = None
    service_tier: str | None = None


class _Whole(Struct):
    choices: list[Raw]
    usage: dict[str, Any] | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: Any = None


_usual = msgspec.json.Decoder(_Usual)
_whole = msgspec.json.Decoder(_Whole)


def facts(body: bytes) -> Facts:
    """Check a whole answer and read its facts. Raises: UpstreamMalformed."""
    try:
        usual = _usual.decode(body)
        usage = usual.usage.usage()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        usual = usage = None
    if usual is not None and usage is not None:
        return Facts(
            model=usual.model,
            fingerprint=usual.system_fingerprint or "",
            usage=usage,
            usage_note="",
            service=usual.service_tier or "",
        )
    try:
        answer = _whole.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a chat completion: {error}") from error
    usage, note = (None, "") if answer.usage is None else usage_of(answer.usage)
    return Facts(
        model=answer.model or "",
        fingerprint=answer.system_fingerprint or "",
        usage=usage,
        usage_note=note,
        service=answer.service_tier if isinstance(answer.service_tier, str) else "",
    )
