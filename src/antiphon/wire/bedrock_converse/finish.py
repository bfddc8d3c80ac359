"""Why an answer ended. Source: botocore 1.44.8, `bedrock-runtime/service-2.json`: StopReason."""

from types import MappingProxyType
from typing import Any

from antiphon.core.response import FinishReason

_REASONS: MappingProxyType[str, tuple[FinishReason, bool]] = MappingProxyType(
    {
        "end_turn": ("stop", False),
        "tool_use": ("tool_calls", False),
        "max_tokens": ("length", False),
        "stop_sequence": ("stop", True),
        "guardrail_intervened": ("content_filter", True),
        "content_filtered": ("content_filter", False),
        "model_context_window_exceeded": ("length", True),
    }
)
"""The reason, and whether Bedrock's word says more than it."""


def finish_of(word: str | None) -> tuple[FinishReason | None, str | None]:
    """The reason, and Bedrock's own word where it says more."""
    if word is None:
        return None, None
    reason, more = _REASONS.get(word, ("other", True))
    return reason, word if more else None


def stop_sequence_of(fields: dict[str, Any] | None) -> str | None:
    """The text that the answer stopped at, which is asked of Claude among its own fields."""
    value = (fields or {}).get("stop_sequence")
    return value if isinstance(value, str) else None
