"""Reads contents: turns whose parts become messages, a tool's result each its own."""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from antiphon.core.content import ContentForm, Message, Part, Reasoning, Text, ToolCall
from antiphon.wire.fields import Fields, as_list, as_object, missing, mistyped
from antiphon.wire.gemini.names import names, opened, respelled
from antiphon.wire.gemini.parts import PART, decode_part, made_id

ROLES: Mapping[str, str] = MappingProxyType({"user": "user", "model": "assistant", "function": "user"})
_RESPONSE = names("willContinue")
_TEXTS = ("result", "output")


class _Calls:
    """The calls of a conversation. Each call and each result takes the same time, however many there are."""

    __slots__ = ("_by_id", "_by_name", "_ids")

    def __init__(self) -> None:
        self._ids: list[str | None] = []
        """Of all calls; None: it has its result. The places below are of this list."""
        self._by_id: dict[str, deque[int]] = {}
        self._by_name: dict[str, deque[int]] = {}

    @property
    def count(self) -> int:
        return len(self._ids)

    def answered(self, call_id: str | None, name: str) -> str:
        """The id of the call that a result is of: the first of its name that has none yet."""
        places = self._by_name.get(name) if call_id is None else self._by_id.get(call_id)
        while places:
            place = places.popleft()
            waits = self._ids[place]
            if waits is not None:
                self._ids[place] = None
                return waits
        return call_id or made_id("result", name)

    def made(self, call: ToolCall) -> None:
        self._by_id.setdefault(call.id, deque()).append(len(self._ids))
        self._by_name.setdefault(call.name, deque()).append(len(self._ids))
        self._ids.append(call.id)


def decode_contents(fields: Fields, name: str) -> tuple[Message, ...]:
    """Read a list of contents. Raises: BadRequest."""
    values = as_list(fields.peek(name))
    if values is None:
        if fields.peek(name) is None:
            raise missing(fields.path(name), "a list of contents")
        raise mistyped(fields.path(name), "a list of contents", fields.peek(name))
    fields.drop(name)
    out: list[Message] = []
    calls = _Calls()
    for turn, value in enumerate(values):
        path = f"{fields.path(name)}[{turn}]"
        content = as_object(value)
        if content is None:
            raise mistyped(path, "an object", value)
        out.extend(_turn(Fields(content, path), calls))
    return tuple(out)


def _turn(fields: Fields, calls: _Calls) -> list[Message]:
    said = fields.text("role") or "user"
    role = ROLES.get(said, said)
    parts: list[Part] = []
    out: list[Message] = []
    form, values = _parts(fields)
    for value in values:
        part = respelled(value, PART)
        if part.peek("functionResponse") is not None:
            if parts:
                out.append(Message(role=role, parts=tuple(parts)))
                parts = []
            out.append(_result(part, calls))
            continue
        read = decode_part(part, ("call", calls.count))
        if isinstance(read, ToolCall):
            calls.made(read)
        if isinstance(read, Reasoning) and read.signed_by not in ("", "gemini") and not (read.text or read.redacted):
            read = _proven(parts, read)
        parts.append(read)
    extra = fields.left()
    if parts or not out:
        out.append(Message(role=role, parts=tuple(parts), form=form, extra=extra))
    elif extra:
        out[0] = msgspec.structs.replace(out[0], extra={**out[0].extra, **extra})
    return out


def _proven(parts: list[Part], proof: Reasoning) -> Reasoning:
    """The thoughts that a foreign proof is of, as one. They came in pieces, and the proof behind them, as streams go;
    whose proof it is checks it against the whole.
    """
    first = len(parts)
    texts: list[str] = []
    while first:
        before = parts[first - 1]
        if not isinstance(before, Reasoning) or before.signature is not None or before.extra:
            break
        texts.append(before.text)
        first -= 1
    del parts[first:]
    return msgspec.structs.replace(proof, text="".join(reversed(texts)))


def _parts(fields: Fields) -> tuple[Any, tuple[Fields, ...]]:
    """The form of a content and its parts."""
    if fields.peek("parts") is None:
        return "none", ()
    values = fields.items("parts", lambda part: part)
    fields.drop("parts")
    return "parts", values


def decode_system(fields: Fields, name: str) -> tuple[Message, ...]:
    """Read `systemInstruction`, whose role means nothing. Raises: BadRequest."""
    value = fields.tree(name)
    if value is None:
        return ()
    inner = Fields(value, fields.path(name))
    inner.text("role")
    form, parts = _parts(inner)
    read = tuple(decode_part(part, ("system", index)) for index, part in enumerate(parts))
    return (Message(role="system", parts=read, form=form, extra=inner.left()),)


def _result(fields: Fields, calls: _Calls) -> Message:
    """Read a function's response: a message of its own."""
    value = fields.tree("functionResponse")
    if value is None:
        raise missing(fields.path("functionResponse"), "an object")
    inner = opened(value, _RESPONSE, fields.path("functionResponse"), strict=True)
    name, call_id, said = inner.needed("name"), inner.text("id") or None, inner.tree("response")
    text, failed = told(said or {})
    parts: list[Part] = [Text(text=text)] if said is not None else []
    parts += inner.items("parts", decode_part)
    extra = fields.left()
    rest = inner.left()
    form: ContentForm = "parts"
    if said is not None and response_of(text, failed=failed) != said:
        form = "text" if said == {OUTPUT: text} else "parts"
        if form == "parts":
            rest["response"] = said
    if rest:
        extra["functionResponse"] = rest
    call_id = calls.answered(call_id, name)
    return Message(
        role="tool", parts=tuple(parts), form=form, name=name, tool_call_id=call_id, failed=failed, extra=extra
    )


def told(response: Mapping[str, Any]) -> tuple[str, bool]:
    """The text of a function's response, and whether it tells of a failure."""
    failed = response.get("error") is not None and not any(name in response for name in _TEXTS)
    if len(response) == 1:
        name, only = next(iter(response.items()))
        if isinstance(only, str) and name in ("error", *_TEXTS):
            return only, failed
    return msgspec.json.encode(response).decode(), failed


OUTPUT = "output"
"""Where the API itself looks for a function's text, beside `result`. One that came so is of the form `text`."""


def response_of(text: str, *, failed: bool) -> dict[str, Any]:
    """A function's response from its text: an object as it is, anything else under a name.

    Source of the names: google-genai 3.6.1, `types.FunctionResponse`; `result` is what its own samples say.
    """
    key = "error" if failed else "result"
    if text.lstrip()[:1] == "{":
        try:
            value = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return {key: text}
        if isinstance(value, dict) and (not failed or "error" in value):
            return value  # pyright: ignore[reportUnknownVariableType]
    return {key: text}
