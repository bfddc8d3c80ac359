"""Reads the whole of a Messages request into its canonical form."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from antiphon.core.content import Content, Limits, Message, ResponseFormat, Sampling, Text
from antiphon.core.error import BadRequest
from antiphon.wire.anthropic_messages.messages import ROLES, decode_messages
from antiphon.wire.anthropic_messages.tools import decode_choice, decode_tool
from antiphon.wire.fields import Fields, as_list, as_object, missing, mistyped

_HEAD = ("model", "stream", "messages", "system")
"""What the request's head holds, or is read before."""


class _Said(Struct, gc=False, forbid_unknown_fields=True):
    """A message that is text alone."""

    role: str
    content: str


class Plain(Struct, gc=False, forbid_unknown_fields=True):
    """A request that asks nothing special of a model. A body that doesn't fit is read field by field."""

    model: str
    messages: list[_Said]
    max_tokens: int
    stream: bool | UnsetType = UNSET
    system: str | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    top_p: float | UnsetType = UNSET

    def keys(self) -> int:
        """Keys of the body, those of its messages included."""
        others = (
            (self.stream is not UNSET)
            + (self.system is not UNSET)
            + (self.temperature is not UNSET)
            + (self.top_p is not UNSET)
        )
        return 3 + others + 2 * len(self.messages)


_plain = msgspec.json.Decoder(Plain)


def plain(text: bytes) -> Plain | None:
    """A body when it is a plain one."""
    try:
        return _plain.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def decode_plain(body: Plain) -> Content | None:
    """Read a plain body; None where a role isn't known."""
    messages: list[Message] = []
    if body.system is not UNSET:
        messages.append(Message(role="system", parts=(Text(text=body.system),), form="text"))
    for said in body.messages:
        if said.role not in ROLES:
            return None
        messages.append(Message(role=said.role, parts=(Text(text=said.content),), form="text"))
    return Content(
        dialect="anthropic_messages",
        messages=tuple(messages),
        sampling=Sampling(
            temperature=None if body.temperature is UNSET else body.temperature,
            top_p=None if body.top_p is UNSET else body.top_p,
        ),
        limits=Limits(output_tokens=body.max_tokens),
    )


def decode(body: Mapping[str, Any]) -> Content:
    """Read a body whose JSON was read by `wire.json`.

    Raises: BadRequest, whose `param` is such as `messages[2].content[0].source`.
    """
    if body.get("messages") is None:
        raise missing("messages", "a list of messages")
    messages = decode_messages(body)
    fields = Fields(body)
    for name in _HEAD:
        fields.drop(name)
    tools = fields.items("tools", decode_tool)
    choice, parallel = decode_choice(fields)
    thought = _thinking(fields)
    effort, shape = _output(fields)
    return Content(
        dialect="anthropic_messages",
        messages=messages,
        tools=tools or None,
        tool_choice=choice,
        parallel_tool_calls=parallel,
        response_format=shape,
        sampling=Sampling(
            temperature=fields.number("temperature"),
            top_p=fields.number("top_p"),
            top_k=fields.whole("top_k"),
            stop=_stop(fields),
            reasoning_effort=effort,
            reasoning_tokens=thought[0],
            reasoning_shown=thought[1],
        ),
        limits=Limits(output_tokens=fields.whole("max_tokens")),
        user=_user(fields),
        service_tier=fields.text("service_tier"),
        extra=fields.left(),
    )


def _thinking(fields: Fields) -> tuple[int | None, bool | None]:
    """Read `thinking`: its budget of tokens, and whether it is shown. A type that isn't known stays in `extra`."""
    value = fields.peek("thinking")
    kind = (as_object(value) or {}).get("type")
    if value is not None and kind not in ("enabled", "adaptive", "disabled"):
        if as_object(value) is None:
            raise mistyped("thinking", "an object", value)
        return None, None
    inner = fields.inner("thinking")
    if inner is None:
        return None, None
    inner.drop("type")
    shown = _shown(inner)
    match kind:
        case "enabled":
            budget = inner.whole("budget_tokens")
            if budget is None or budget < 1:
                raise BadRequest(
                    "`thinking.budget_tokens` must be a whole number from 1024 on", param="thinking.budget_tokens"
                )
            return budget, shown
        case "adaptive":
            return -1, shown
        case _:
            return 0, shown


def _shown(thinking: Fields) -> bool | None:
    match thinking.peek("display"):
        case "summarized" | "omitted" as word:
            thinking.drop("display")
            return word == "summarized"
        case _:
            return None


def _output(fields: Fields) -> tuple[str | None, ResponseFormat | None]:
    """Read `output_config`, and the older `output_format`."""
    if fields.peek("output_config") == {} and fields.peek("output_format") is not None:
        fields.drop("output_config")
    config = fields.inner("output_config")
    effort = config.text("effort") if config is not None else None
    shape = _format(config, "format") if config is not None else None
    return effort, shape or _format(fields, "output_format")


def _format(fields: Fields, name: str) -> ResponseFormat | None:
    value = fields.tree(name)
    if value is None:
        return None
    said = Fields(value, fields.path(name))
    if said.needed("type") != "json_schema":
        return ResponseFormat(kind="other", extra=value)
    schema = said.tree("schema")
    if schema is None:
        raise missing(said.path("schema"), "a JSON Schema")
    return ResponseFormat(kind="json_schema", schema=schema, extra=said.left())


def _stop(fields: Fields) -> tuple[str, ...] | None:
    value = fields.peek("stop_sequences")
    if value is None:
        return None
    fields.drop("stop_sequences")
    words = as_list(value)
    if words is None:
        raise mistyped("stop_sequences", "a list of texts", value)
    return tuple(_word(word, f"stop_sequences[{index}]") for index, word in enumerate(words))


def _word(word: object, path: str) -> str:
    if not isinstance(word, str):
        raise mistyped(path, "a text", word)
    return word


def _user(fields: Fields) -> str | None:
    metadata = fields.inner("metadata")
    return None if metadata is None else metadata.text("user_id")
