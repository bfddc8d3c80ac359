"""Why an answer ended. Source: cohere 7.3.1, `types/chat_finish_reason.py`."""

from types import MappingProxyType

from antiphon.core.error import UpstreamError, UpstreamTimeout
from antiphon.core.response import FinishReason

_REASONS: MappingProxyType[str, tuple[FinishReason, bool]] = MappingProxyType(
    {
        "COMPLETE": ("stop", False),
        "STOP_SEQUENCE": ("stop", True),
        "MAX_TOKENS": ("length", False),
        "TOOL_CALL": ("tool_calls", False),
    }
)
"""The reason, and whether Cohere's word says more than it."""


def finish_of(word: str | None) -> tuple[FinishReason | None, str | None]:
    """The reason, and Cohere's own word where it says more."""
    if word is None:
        return None, None
    reason, more = _REASONS.get(word, ("other", True))
    return reason, word if more else None


def failure_of(word: str | None, message: str | None) -> UpstreamError | None:
    """The error that an answer ended with; None: it ended well."""
    if word not in ("ERROR", "TIMEOUT") and not message:
        return None
    told = "the upstream's answer ended with an error"
    if word == "TIMEOUT":
        return UpstreamTimeout("the upstream gave its answer up: it took too long")
    error = UpstreamError(f"{told}: {message[:300]}" if message else told)
    error.noted = told
    return error
