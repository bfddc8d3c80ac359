"""Why an answer ended, both ways. Source: google-genai 3.6.1, `types.FinishReason`, `types.BlockedReason`."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.response import FinishReason

_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "STOP": "stop",
        "MAX_TOKENS": "length",
        "SAFETY": "content_filter",
        "RECITATION": "content_filter",
        "BLOCKLIST": "content_filter",
        "PROHIBITED_CONTENT": "content_filter",
        "SPII": "content_filter",
        "IMAGE_SAFETY": "content_filter",
        "IMAGE_PROHIBITED_CONTENT": "content_filter",
        "IMAGE_RECITATION": "content_filter",
        "MODEL_ARMOR": "content_filter",
    }
)
"""All others, such as LANGUAGE or MALFORMED_FUNCTION_CALL, have no canonical word."""
_USUAL: Mapping[str, str] = MappingProxyType(
    {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
        "function_call": "STOP",
        "content_filter": "SAFETY",
        "other": "OTHER",
    }
)


def decode_finish(word: str | None, *, called: bool) -> tuple[FinishReason | None, str | None]:
    """The reason, and Gemini's own word where that says more.

    Args:
        called: The answer calls a function: Gemini says STOP then too.
    """
    if word is None:
        return None, None
    reason = _REASONS.get(word, "other")
    if reason == "stop" and called:
        reason = "tool_calls"
    return reason, None if _USUAL[reason] == word else word


def encode_finish(reason: FinishReason | None, raw: str | None) -> str | None:
    """The word for a reason; `raw` is Gemini's own."""
    return None if reason is None else raw or _USUAL[reason]
