"""Reads a list of items into messages: what an assistant thought, said and called in one turn is one message."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from antiphon.core.content import ContentForm, Extra, Message, Part, Refusal, Text, ToolCall, Unknown
from antiphon.wire.fields import Fields, as_object, missing, mistyped
from antiphon.wire.openai_responses.kept import keep
from antiphon.wire.openai_responses.parts import decode_part
from antiphon.wire.openai_responses.thoughts import decode_thoughts

CALLS = {"function_call": ("function", "arguments"), "custom_tool_call": ("custom", "input")}
"""Kind of tool that an item calls, and what its arguments are called there."""
RESULTS = {"function_call_output": "function", "custom_tool_call_output": "custom"}
_OF_CALLERS = frozenset(
    {
        "item_reference",
        "additional_tools",
        "configuration_update",
        "compaction",
        "compaction_trigger",
        "mcp_approval_response",
        "tool_search_output",
    }
)
"""Items of kinds that this form has no word for, and that are no part of what an assistant said. So are those whose kind
ends with `_call_output`."""


class Turns:
    """Takes items one by one, and gives messages.

    Args:
        single: All of it is one answer, so one message.
    """

    def __init__(self, *, single: bool = False) -> None:
        self._single = single
        self._messages: list[Message] = []
        self._parts: list[Part] = []
        """Of the assistant's turn that is open."""
        self._said: Message | None = None
        """What the turn has of a message item, less its parts."""
        self._calls = False
        self._proof: tuple[str, str] | None = None
        """Of the next tool call."""

    def add(self, item: Fields) -> None:
        """Take one item. Raises: BadRequest."""
        kind = item.text("type") or ("message" if item.peek("role") is not None else "")
        if kind == "message":
            self._message(item)
        elif kind == "reasoning":
            self._think(item)
        elif kind in CALLS:
            self._call(item, kind)
        elif self._single:
            self._parts.append(Unknown(kind=kind, raw=dict(item.value)))
        elif kind in RESULTS:
            self._close()
            self._messages.append(_result(item, RESULTS[kind]))
        elif not kind and item.strict and not isinstance(item.peek("id"), str):
            raise missing(item.path("type"), "the item's kind, such as `message`")
        elif not kind or kind in _OF_CALLERS or kind.endswith("_call_output"):
            self._close()
            self._messages.append(_lone(Unknown(kind=kind or "item_reference", raw=dict(item.value))))
        else:
            self._parts.append(Unknown(kind=kind, raw=dict(item.value)))

    def plain(self, message: Message) -> None:
        """Take a message that was read already."""
        if message.role == "assistant":
            self._say(message)
        else:
            self._close()
            self._messages.append(message)

    def end(self) -> tuple[Message, ...]:
        """Returns: all messages, once."""
        self._close()
        return tuple(self._messages)

    def _close(self) -> None:
        if not self._parts and self._said is None:
            return
        said = self._said or Message(role="assistant", form="none")
        self._messages.append(replace(said, parts=tuple(self._parts)))
        self._parts, self._said, self._calls, self._proof = [], None, False, None

    def _message(self, item: Fields) -> None:
        role = item.needed("role")
        if role != "assistant" and not self._single:
            self._close()
            self._messages.append(_spoken(item, role))
            return
        self._say(_spoken(item, role))

    def _say(self, said: Message) -> None:
        if self._said is not None and not self._calls and not self._single:
            self._close()
        if self._said is None:
            self._said = replace(said, parts=())
            self._parts.extend(said.parts)
        else:
            self._parts.extend(_marked(said))

    def _think(self, item: Fields) -> None:
        thoughts, proves = decode_thoughts(item)
        if proves == "call" and thoughts.signature is not None:
            self._proof = (thoughts.signature, thoughts.signed_by)
        elif proves == "text" and self._parts and isinstance(self._parts[-1], Text):
            self._parts[-1] = replace(self._parts[-1], signature=thoughts.signature, signed_by=thoughts.signed_by)
        else:
            self._parts.append(thoughts)

    def _call(self, item: Fields, kind: str) -> None:
        tool, words = CALLS[kind]
        call_id, name, arguments = item.needed("call_id"), item.needed("name"), item.needed(words)
        signature, by = self._proof or (None, "")
        self._proof = None
        self._calls = True
        extra = {**_put_by(item, item.text("id")), **item.left()}
        self._parts.append(
            ToolCall(
                id=call_id, name=name, arguments=arguments, kind=tool, signature=signature, signed_by=by, extra=extra
            )
        )


def _marked(said: Message) -> Iterable[Part]:
    """Parts of a second message item of one turn; the first knows what the item says beside them."""
    beside: Extra = {}
    keep(beside, "message", {"id": said.id, "form": said.form, "extra": said.extra})
    for part in said.parts:
        if beside and isinstance(part, Text | Refusal):
            yield replace(part, extra={**part.extra, **beside})
            beside = {}
        else:
            yield part


def _put_by(item: Fields, item_id: str | None) -> Extra:
    """What is of no use to others: an item's id, that it is complete, that the model itself called."""
    out: Extra = {}
    if item_id is not None:
        keep(out, "id", item_id)
    if item.peek("status") == "completed":
        item.drop("status")
    if item.peek("caller") == {"type": "direct"}:
        item.drop("caller")
        keep(out, "caller", {"type": "direct"})
    return out


def _spoken(item: Fields, role: str) -> Message:
    form, parts = content_of(item, "content")
    item_id = item.text("id")
    put_by: Extra = {}
    if item.peek("status") == "completed":
        item.drop("status")
    phase = item.text("phase")
    if phase is not None:
        keep(put_by, "phase", phase)
    return Message(role=role, parts=parts, form=form, id=item_id, extra={**item.left(), **put_by})


def _result(item: Fields, kind: str) -> Message:
    form, parts = content_of(item, "output")
    call_id, item_id = item.text("call_id"), item.text("id")
    extra = _put_by(item, None)
    if kind == "custom":
        keep(extra, "kind", kind)
    return Message(
        role="tool", parts=parts, form=form, tool_call_id=call_id, id=item_id, extra={**item.left(), **extra}
    )


def _lone(part: Unknown) -> Message:
    extra: Extra = {}
    keep(extra, "item", value=True)
    return Message(role="user", parts=(part,), extra=extra)


def content_of(item: Fields, name: str) -> tuple[ContentForm, tuple[Part, ...]]:
    """Read a content that is one text or a list of parts. Raises: BadRequest."""
    value = item.peek(name)
    if isinstance(value, str):
        item.drop(name)
        return "text", (Text(text=value),)
    if isinstance(value, list):
        parts = item.items(name, decode_part)
        if not parts:
            item.drop(name)
        return "parts", parts
    if item.strict:
        raise (
            missing(item.path(name), "a text or a list of parts")
            if value is None
            else mistyped(item.path(name), "a text or a list of parts", value)
        )
    return "none", ()


def read_items(values: Iterable[object], path: str) -> tuple[Message, ...]:
    """Read a request's items. Raises: BadRequest."""
    turns = Turns()
    for index, value in enumerate(values):
        item = as_object(value)
        if item is None:
            raise mistyped(f"{path}[{index}]", "an object", value)
        plain = _plain(item)
        if plain is not None:
            turns.plain(plain)
        else:
            turns.add(Fields(item, f"{path}[{index}]"))
    return turns.end()


def read_answer(values: Iterable[object]) -> Message:
    """Read an answer's items; what is no item is passed over."""
    turns = Turns(single=True)
    for value in values:
        item = as_object(value)
        if item is not None:
            turns.add(Fields(item, strict=False))
    return next(iter(turns.end()), Message(role="assistant", form="none"))


def _plain(item: dict[str, Any]) -> Message | None:
    """A message that is one text and nothing beside it: most are so."""
    content = item.get("content")
    role = item.get("role")
    if (
        isinstance(content, str)
        and isinstance(role, str)
        and (len(item) == 2 or (len(item) == 3 and item.get("type") == "message"))
    ):
        return Message(role=role, parts=(Text(text=content),), form="text")
    return None
