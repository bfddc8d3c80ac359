"""Messages of a request, read into canonical ones: a user's turn that holds tools' results comes apart."""

from collections.abc import Iterator, Mapping
from typing import Any

from antiphon.core.content import Message, Part, Text
from antiphon.core.error import BadRequest
from antiphon.wire.anthropic_messages.blocks import decode_block, take_cache
from antiphon.wire.fields import Fields, as_list, as_object, missing, mistyped

ROLES = ("user", "assistant", "system")


def decode_messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Read `system` and `messages`. Raises: BadRequest."""
    out: list[Message] = []
    system = body.get("system")
    if system is not None:
        out.append(_message("system", system, "system", {}))
    for index, value in enumerate(as_list(body.get("messages")) or ()):
        path = f"messages[{index}]"
        shape = as_object(value)
        if shape is None:
            raise mistyped(path, "an object", value)
        _turn(shape, path, out)
    return tuple(out)


def _turn(shape: dict[str, Any], path: str, out: list[Message]) -> None:
    role: object = shape.get("role")
    content: object = shape.get("content")
    blocks = as_list(content) or []
    if not isinstance(role, str) or role not in ROLES:
        raise BadRequest(f"`{path}.role` must be `user`, `assistant` or `system`", param=f"{path}.role")
    extra = {name: value for name, value in shape.items() if name not in {"role", "content"}}
    if role == "user" and any(_is_result(block) for block in blocks):
        out.extend(_apart(blocks, f"{path}.content", extra))
    elif content is None and role == "system":
        out.append(Message(role=role, form="none", extra={name: shape[name] for name in shape if name != "role"}))
    else:
        out.append(_message(role, content, f"{path}.content", extra))


def _message(role: str, content: object, path: str, extra: dict[str, Any]) -> Message:
    if isinstance(content, str):
        return Message(role=role, parts=(Text(text=content),), form="text", extra=extra)
    return Message(role=role, parts=_parts(content, path), extra=extra)


def _parts(content: object, path: str) -> tuple[Part, ...]:
    if content is None:
        raise missing(path, "a text or a list of content blocks")
    values = as_list(content)
    if values is None:
        raise mistyped(path, "a text or a list of content blocks", content)
    return tuple(_part(value, f"{path}[{index}]") for index, value in enumerate(values))


def _part(value: object, path: str) -> Part:
    shape = as_object(value)
    if shape is None:
        raise mistyped(path, "an object", value)
    return decode_block(Fields(shape, path))


def _is_result(block: object) -> bool:
    shape = as_object(block)
    return shape is not None and shape.get("type") == "tool_result"


def _apart(content: list[object], path: str, extra: dict[str, Any]) -> Iterator[Message]:
    """One message for each result, and one for each run of what stands between them."""
    if extra:
        yield Message(role="user", extra=extra)
    run: list[Part] = []
    for index, value in enumerate(content):
        where = f"{path}[{index}]"
        shape = as_object(value)
        if shape is None or shape.get("type") != "tool_result":
            run.append(_part(value, where))
            continue
        if run:
            yield Message(role="user", parts=tuple(run))
            run = []
        yield _result(Fields(shape, where))
    if run:
        yield Message(role="user", parts=tuple(run))


def _result(fields: Fields) -> Message:
    fields.drop("type")
    call_id, failed, cache = fields.needed("tool_use_id"), fields.flag("is_error") or False, take_cache(fields)
    content = fields.peek("content")
    parts: tuple[Part, ...] = ()
    if isinstance(content, str):
        parts = (Text(text=content),)
    elif content is not None:
        parts = _parts(content, fields.path("content"))
    fields.drop("content")
    return Message(
        role="tool",
        parts=parts,
        form="text" if isinstance(content, str) else "none" if content is None else "parts",
        tool_call_id=call_id,
        failed=failed,
        cache=cache,
        extra=fields.left(),
    )
