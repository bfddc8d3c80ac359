"""Writes a Chat Completions request from its canonical form."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Content, Sampling, Tool
from antiphon.wire.fields import merged, present
from antiphon.wire.openai_chat.messages import encode_message
from antiphon.wire.openai_chat.tools import encode_choice, encode_format, encode_tool


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
        **_tools(content.tools or ()),
        **present(parallel_tool_calls=content.parallel_tool_calls, metadata=content.metadata, user=content.user),
        **_sampling(content.sampling),
    }
    if content.tool_choice is not None:
        out["function_call" if content.tool_choice.legacy else "tool_choice"] = encode_choice(content.tool_choice)
    if content.response_format is not None:
        out["response_format"] = encode_format(content.response_format)
    if content.limits.output_tokens is not None:
        out["max_tokens" if content.limits.legacy else "max_completion_tokens"] = content.limits.output_tokens
    return merged(out, content.extra)


def _tools(tools: tuple[Tool, ...]) -> dict[str, Any]:
    lists = {
        "tools": [encode_tool(tool) for tool in tools if not tool.legacy],
        "functions": [encode_tool(tool) for tool in tools if tool.legacy],
    }
    return {name: items for name, items in lists.items() if items}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    """Its words are the dialect's own."""
    out = present(**{name: getattr(sampling, name) for name in sampling.__struct_fields__})
    if isinstance(sampling.stop, tuple):
        out["stop"] = list(sampling.stop)
    return out
