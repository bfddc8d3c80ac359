"""Reads the whole of a Chat Completions request into its canonical form."""

from collections.abc import Mapping
from typing import Any, cast

from antiphon.core.content import Content, Limits, Message, Sampling
from antiphon.wire.fields import Fields, as_list, missing, mistyped
from antiphon.wire.openai_chat.messages import decode_message, plain_message
from antiphon.wire.openai_chat.thinking import decode_thinking
from antiphon.wire.openai_chat.tools import (
    decode_choice,
    decode_format,
    decode_legacy_tool,
    decode_search,
    decode_tool,
)

_HEAD = ("model", "stream", "stream_options")
"""What the request's head holds, not its content."""


def decode(body: Mapping[str, Any]) -> Content:
    """Read a body whose JSON was read by `wire.json`.

    Raises: BadRequest, whose `param` is such as `messages[2].content[0].image_url`.
    """
    fields = Fields(body)
    for name in _HEAD:
        fields.drop(name)
    if fields.peek("messages") is None:
        raise missing("messages", "a list of messages")
    messages = _messages(fields)
    if not messages:
        fields.drop("messages")
    tools = fields.items("tools", decode_tool) + fields.items("functions", decode_legacy_tool) + decode_search(fields)
    return Content(
        dialect="openai_chat",
        messages=messages,
        tools=tools or None,
        tool_choice=decode_choice(fields),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        response_format=decode_format(fields),
        sampling=_sampling(fields),
        limits=_limits(fields),
        metadata=_metadata(fields),
        user=fields.text("user"),
        service_tier=fields.text("service_tier"),
        cache_key=fields.text("prompt_cache_key"),
        extra=fields.left(),
    )


def _messages(fields: Fields) -> tuple[Message, ...]:
    """All messages; those that are text alone, as most are, without a closer look."""
    values = as_list(fields.peek("messages"))
    if not values or any(type(value) is not dict for value in values):
        return fields.items("messages", decode_message)
    fields.drop("messages")
    return tuple(
        [
            plain_message(value) or decode_message(Fields(value, f"messages[{index}]"))
            for index, value in enumerate(cast("list[dict[str, Any]]", values))
        ]
    )


def _sampling(fields: Fields) -> Sampling:
    return Sampling(
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        top_k=fields.whole("top_k"),
        frequency_penalty=fields.number("frequency_penalty"),
        presence_penalty=fields.number("presence_penalty"),
        seed=fields.whole("seed"),
        stop=_stop(fields),
        logit_bias=_bias(fields),
        logprobs=fields.flag("logprobs"),
        top_logprobs=fields.whole("top_logprobs"),
        n=fields.whole("n"),
        reasoning_effort=fields.text("reasoning_effort"),
        reasoning_tokens=decode_thinking(fields),
        verbosity=fields.text("verbosity"),
    )


def _limits(fields: Fields) -> Limits:
    tokens = fields.whole("max_completion_tokens")
    if tokens is not None:
        return Limits(output_tokens=tokens)
    older = fields.whole("max_tokens")
    return Limits() if older is None else Limits(output_tokens=older, legacy=True)


def _stop(fields: Fields) -> tuple[str, ...] | str | None:
    value = fields.peek("stop")
    fields.drop("stop")
    if value is None or isinstance(value, str):
        return value
    words = as_list(value)
    if words is None:
        raise mistyped("stop", "a text or a list of texts", value)
    return tuple(_word(word, f"stop[{index}]") for index, word in enumerate(words))


def _word(value: object, path: str) -> str:
    if not isinstance(value, str):
        raise mistyped(path, "a text", value)
    return value


def _bias(fields: Fields) -> dict[str, float] | None:
    bias = fields.tree("logit_bias")
    for token, value in (bias or {}).items():
        if type(value) not in (int, float):
            raise mistyped(f"logit_bias.{token}", "a number", value)
    return bias


def _metadata(fields: Fields) -> dict[str, str] | None:
    metadata = fields.tree("metadata")
    for name, value in (metadata or {}).items():
        _word(value, f"metadata.{name}")
    return metadata
