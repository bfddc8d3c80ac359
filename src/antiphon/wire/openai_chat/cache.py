"""Marks for the provider's cache of prompts, as gateways take them in Chat Completions: Anthropic's own form.

Source: openrouter.ai/docs/features/prompt-caching, docs.litellm.ai/docs/completion/prompt_caching, 2026-11.
"""

from typing import Any

from antiphon.core.content import Cache
from antiphon.wire.fields import Fields, as_object, merged, present


def decode_cache(fields: Fields) -> Cache | None:
    """Take `cache_control` of a part, a tool or a message."""
    value = as_object(fields.peek("cache_control"))
    if value is None or value.get("type") != "ephemeral":
        return None
    fields.drop("cache_control")
    ttl = value.get("ttl")
    known = ("type", "ttl") if isinstance(ttl, str) and ttl else ("type",)
    rest = {name: one for name, one in value.items() if name not in known}
    return Cache(ttl=ttl if isinstance(ttl, str) else "", extra=rest)


def encode_cache(cache: Cache | None) -> dict[str, Any]:
    """Write it; nothing where there is none."""
    if cache is None:
        return {}
    return {"cache_control": merged({"type": "ephemeral", **present(ttl=cache.ttl or None)}, cache.extra)}
