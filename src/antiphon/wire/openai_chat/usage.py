"""What an answer says that it used."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.usage import Usage


def usage_of(said: Mapping[str, Any]) -> tuple[Usage | None, str]:
    """Read a `usage` object. Returns: the usage, or None and why it can't be believed."""
    prompt = said.get("prompt_tokens", 0)
    completion = said.get("completion_tokens", 0)
    details = said.get("prompt_tokens_details") or {}
    more = said.get("completion_tokens_details") or {}
    cached = details.get("cached_tokens") or said.get("prompt_cache_hit_tokens") or 0
    counts = (prompt, completion, cached)
    if any(type(count) is not int or count < 0 for count in counts) or cached > prompt:
        return None, f"implausible: {dict(said)!r:.200}"
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cached_tokens=cached,
        reasoning_tokens=more.get("reasoning_tokens") or 0,
        input_audio_tokens=details.get("audio_tokens") or 0,
        output_audio_tokens=more.get("audio_tokens") or 0,
    ), ""
