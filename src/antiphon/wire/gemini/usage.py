"""What Gemini says that a call used, both ways.

`promptTokenCount` includes cached tokens; `toolUsePromptTokenCount` stands beside it; `candidatesTokenCount` doesn't include
`thoughtsTokenCount`. Source: google-genai 3.6.1, `types.GenerateContentResponseUsageMetadata`.
"""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.core.usage import Usage
from antiphon.wire.fields import shown
from antiphon.wire.gemini.names import lenient, names

MAX_TOKENS = 1_000_000_000
"""No call uses a billion tokens: a count above this is an upstream's mistake."""

_NAMES = names(
    "promptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "cachedContentTokenCount",
    "toolUsePromptTokenCount",
    "totalTokenCount",
    "promptTokensDetails",
    "candidatesTokensDetails",
)
_MEDIA = {"AUDIO": "audio", "IMAGE": "image"}


class _Implausible(Exception):
    """Why a usage can't be believed."""


def usage_of(value: object, searches: int = 0) -> tuple[Usage | None, str]:
    """Read `usageMetadata`.

    Args:
        searches: How often the provider searched the web, which stands elsewhere.
    Returns: The usage, or None and why it can't be believed; None and nothing where it tells no tokens: of a stream's
        chunks all but the last may say no more than what kind of traffic it is.
    """
    if type(value) is not dict:
        return None, "usageMetadata is not an object"
    read: Mapping[str, Any] = lenient(value, _NAMES)
    if "promptTokenCount" not in read and "totalTokenCount" not in read:
        return None, ""
    try:
        return _usage(read, searches), ""
    except _Implausible as error:
        return None, str(error)


def usage_in(raw: msgspec.Raw, searches: int = 0) -> tuple[Usage | None, str]:
    """The same of what was not looked at yet."""
    try:
        return usage_of(msgspec.json.decode(raw), searches)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None, "usageMetadata can't be read"


def _usage(read: Mapping[str, Any], searches: int) -> Usage:
    if read.get("promptTokenCount") is None:
        raise _Implausible("usage has no promptTokenCount")
    prompt = _count(read, "promptTokenCount")
    thoughts = _count(read, "thoughtsTokenCount")
    whole = prompt + _count(read, "toolUsePromptTokenCount")
    output = _count(read, "candidatesTokenCount") + thoughts
    cached = _count(read, "cachedContentTokenCount")
    _within("cached tokens", cached, "promptTokenCount", prompt)
    if "promptTokensDetails" not in read and "candidatesTokensDetails" not in read:
        return Usage(
            input_tokens=whole, output_tokens=output, cached_tokens=cached, reasoning_tokens=thoughts, searches=searches
        )
    heard, spoken = _details(read, "promptTokensDetails"), _details(read, "candidatesTokensDetails")
    for name, count in heard.items():
        _within(f"{name} tokens", count, "promptTokenCount", prompt)
    for name, count in spoken.items():
        _within(f"{name} tokens", count, "candidatesTokenCount", output - thoughts)
    return Usage(
        input_tokens=whole,
        output_tokens=output,
        cached_tokens=cached,
        reasoning_tokens=thoughts,
        input_audio_tokens=heard.get("audio", 0),
        input_image_tokens=heard.get("image", 0),
        output_audio_tokens=spoken.get("audio", 0),
        output_image_tokens=spoken.get("image", 0),
        searches=searches,
    )


def _count(read: Mapping[str, Any], name: str) -> int:
    value = read.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise _Implausible(f"usage.{name} is {shown(value)}, which is no count of tokens")
    return value


def _details(read: Mapping[str, Any], name: str) -> dict[str, int]:
    """Tokens of sound and images."""
    items = read.get(name)
    if items is None:
        return {}
    if type(items) is not list:
        raise _Implausible(f"usage.{name} is not a list")
    out: dict[str, int] = {}
    for item in items:
        if type(item) is not dict:
            raise _Implausible(f"usage.{name} holds no objects")
        modality = item.get("modality")
        kind = _MEDIA.get(modality) if type(modality) is str else None
        if kind is not None:
            out[kind] = out.get(kind, 0) + _count(item, "tokenCount")
    return out


def _within(name: str, count: int, whole: str, most: int) -> None:
    if count > most:
        raise _Implausible(f"usage says {count} {name} of {most} {whole}")


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write `usageMetadata`; what is zero beside the three totals is left out."""
    out: dict[str, Any] = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_tokens:
        out["cachedContentTokenCount"] = usage.cached_tokens
    if usage.reasoning_tokens:
        out["thoughtsTokenCount"] = usage.reasoning_tokens
    heard = _encode_details(usage.input_audio_tokens, usage.input_image_tokens)
    if heard:
        out["promptTokensDetails"] = heard
    spoken = _encode_details(usage.output_audio_tokens, usage.output_image_tokens)
    if spoken:
        out["candidatesTokensDetails"] = spoken
    return out


def _encode_details(audio: int, image: int) -> list[dict[str, Any]]:
    counts = (("AUDIO", audio), ("IMAGE", image))
    return [{"modality": name, "tokenCount": count} for name, count in counts if count]
