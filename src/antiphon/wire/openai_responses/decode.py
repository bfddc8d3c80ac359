"""Reads the whole of a Responses request into its canonical form."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import Content, Extra, Limits, Message, Sampling, Text
from antiphon.core.error import BadRequest
from antiphon.wire.fields import Fields, as_list, as_object, mistyped
from antiphon.wire.openai_responses.head import BACKGROUND, check_input
from antiphon.wire.openai_responses.items import read_items
from antiphon.wire.openai_responses.kept import keep
from antiphon.wire.openai_responses.needs import LOGPROBS
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.tools import decode_choice, decode_format, decode_tool

INSTRUCTIONS = "instructions"
_ENCRYPTED = "reasoning.encrypted_content"
_HARMLESS = ("store", "background", "stream_options", "prompt_cache_retention", "prompt_cache_options")
"""Fields that say how the provider keeps or sends things, whose loss changes no answer. The gateway itself stores."""
_USUAL: Mapping[str, object] = {"truncation": "disabled"}
"""What says no more than its absence."""


def decode(body: Mapping[str, Any]) -> Content:
    """Read a body whose JSON was read by `wire.json`.

    Raises: BadRequest, whose `param` is such as `input[2].content[0].text`.
    """
    check_input(body)
    if body.get("background"):
        raise BadRequest(BACKGROUND, param="background")
    fields = Fields(body)
    for name in ("model", "stream"):
        fields.drop(name)
    put_by: Extra = {}
    messages = (*_instructions(fields), *_input(fields))
    text, thinking = fields.inner("text") or Fields({}), fields.inner("reasoning") or Fields({})
    shape = decode_format(text)
    sampling = _sampling(fields, text, thinking, put_by)
    tokens = fields.whole("max_output_tokens")
    return Content(
        dialect=DIALECT,
        messages=messages,
        tools=fields.items("tools", decode_tool) or None,
        tool_choice=decode_choice(fields),
        parallel_tool_calls=fields.flag("parallel_tool_calls"),
        response_format=shape,
        sampling=sampling,
        limits=Limits() if tokens is None else Limits(output_tokens=tokens),
        metadata=_metadata(fields),
        user=_user(fields, put_by),
        service_tier=fields.text("service_tier"),
        cache_key=fields.text("prompt_cache_key"),
        extra=_extra(fields, put_by),
    )


def _extra(fields: Fields, put_by: Extra) -> Extra:
    left = fields.left()
    for name, value in list(left.items()):
        shape = as_object(value)
        empty = shape is not None and not any(inner is not None for inner in shape.values())
        if value is not None and (name in _HARMLESS or _USUAL.get(name) == value or empty):
            del left[name]
            keep(put_by, name, value)
    return {**left, **put_by} if put_by else left


def _instructions(fields: Fields) -> tuple[Message, ...]:
    text = fields.text(INSTRUCTIONS)
    if text is None:
        return ()
    extra: Extra = {}
    keep(extra, INSTRUCTIONS, value=True)
    return (Message(role="system", parts=(Text(text=text),), form="text", extra=extra),)


def _input(fields: Fields) -> tuple[Message, ...]:
    value = fields.peek("input")
    if value is None:
        return ()
    fields.drop("input")
    if isinstance(value, str):
        return (Message(role="user", parts=(Text(text=value),), form="text"),)
    return read_items(as_list(value) or (), "input")


def _sampling(fields: Fields, text: Fields, thinking: Fields, put_by: Extra) -> Sampling:
    top = fields.whole("top_logprobs")
    return Sampling(
        temperature=fields.number("temperature"),
        top_p=fields.number("top_p"),
        logprobs=_include(fields, put_by) or (True if top else None),
        top_logprobs=top,
        reasoning_effort=thinking.text("effort"),
        reasoning_shown=_shown(thinking),
        verbosity=text.text("verbosity"),
    )


def _include(fields: Fields, put_by: Extra) -> bool | None:
    """Take what is meant for every dialect out of `include`; the rest is this one's. Returns: whether logprobs are asked."""
    values = as_list(fields.peek("include"))
    if values is None:
        if fields.peek("include") is not None:
            raise mistyped("include", "a list of texts", fields.peek("include"))
        return None
    if all(value in (LOGPROBS, _ENCRYPTED) for value in values):
        fields.drop("include")
        keep(put_by, "include", values)
    return True if LOGPROBS in values else None


def _shown(thinking: Fields) -> bool | None:
    """A summary that is asked for. How long it is to be stays where it is."""
    if thinking.peek("summary") == "auto":
        thinking.drop("summary")
        return True
    return True if isinstance(thinking.peek("summary"), str) else None


def _user(fields: Fields, put_by: Extra) -> str | None:
    """The end user; its newer name is that of the two which stays, where there are both."""
    user = fields.text("user")
    if user is None:
        user = fields.text("safety_identifier")
        if user is not None:
            keep(put_by, "user", "safety_identifier")
    return user


def _metadata(fields: Fields) -> dict[str, str] | None:
    metadata = fields.tree("metadata")
    for name, value in (metadata or {}).items():
        if not isinstance(value, str):
            raise mistyped(f"metadata.{name}", "a text", value)
    return metadata
