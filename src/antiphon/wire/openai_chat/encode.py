"""Writes a Chat Completions request from its canonical form."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Content, Sampling
from antiphon.wire.fields import merged, present
from antiphon.wire.openai_chat.messages import encode_message
from antiphon.wire.openai_chat.thinking import encode_thinking
from antiphon.wire.openai_chat.tools import encode_choice, encode_format, encode_tools

_WORDS = tuple(name for name in Sampling.__struct_fields__ if name not in ("reasoning_tokens", "reasoning_shown"))


def encode(
    content: Content, *, model: str, stream: bool | None = None, stream_options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a body; what `decode` read comes out as it was.

    Args:
        model: The upstream's id of the model.
        stream: None leaves it out, as does None for `stream_options`.
    """
    out = {
        "model": model,
        "messages": [encode_message(message) for message in content.messages],
        **present(stream=stream, stream_options=stream_options),
        **encode_tools(content.tools or ()),
        **present(
            parallel_tool_calls=content.parallel_tool_calls,
            metadata=content.metadata,
            user=content.user,
            service_tier=content.service_tier,
            prompt_cache_key=content.cache_key,
        ),
        **_sampling(content.sampling),
    }
    if content.tool_choice is not None:
        out["function_call" if content.tool_choice.legacy else "tool_choice"] = encode_choice(content.tool_choice)
    if content.response_format is not None:
        out["response_format"] = encode_format(content.response_format)
    if content.limits.output_tokens is not None:
        out["max_tokens" if content.limits.legacy else "max_completion_tokens"] = content.limits.output_tokens
    return merged(out, content.extra)


def _sampling(sampling: Sampling) -> dict[str, Any]:
    """Its words are the dialect's own."""
    out = {name: value for name in _WORDS if (value := getattr(sampling, name)) is not None}
    if isinstance(sampling.stop, tuple):
        out["stop"] = list(sampling.stop)
    if sampling.reasoning_tokens is not None:
        out["thinking"] = encode_thinking(sampling.reasoning_tokens)
    return out
