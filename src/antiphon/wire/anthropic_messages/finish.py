"""Why an answer ended, both ways. Source: anthropic 2.14.0, `types/beta/beta_stop_reason.py` (2026-11)."""

from collections.abc import Mapping
from types import MappingProxyType

from antiphon.core.request import Dialect
from antiphon.core.response import FinishReason
from antiphon.wire.anthropic_messages.write import OWN
from antiphon.wire.losses import Losses

_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }
)
_WORDS: Mapping[FinishReason, str] = MappingProxyType(
    {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "function_call": "tool_use",
        "content_filter": "refusal",
        "other": "end_turn",
    }
)


def decode_finish(word: object) -> tuple[FinishReason | None, str | None]:
    """The reason, and Anthropic's word where that says more."""
    if not isinstance(word, str):
        return None, None
    reason = _REASONS.get(word, "other")
    return reason, None if _WORDS[reason] == word and reason != "other" else word


def encode_finish(
    reason: FinishReason | None,
    raw: str | None,
    dialect: Dialect,
    losses: Losses | None = None,
    *,
    stopped_at: str | None = None,
    called: bool = False,
) -> str | None:
    """Anthropic's word.

    Args:
        raw: The upstream's own word, which counts in this dialect alone.
        stopped_at: The text that the answer stopped at.
        called: The answer holds a tool call, by which clients must know to go on, whatever the upstream calls its end.
    """
    if reason is None or dialect == OWN:
        return raw or (None if reason is None else _WORDS[reason])
    if reason == "other" and losses is not None:
        losses.add("answer.finish_reason", "Anthropic has no such reason", "sent as end_turn")
    if called and reason in ("stop", "other"):
        return "tool_use"
    return "stop_sequence" if reason == "stop" and stopped_at is not None else _WORDS[reason]
