"""What a caller leaves to be kept between requests, and requests and answers put together again. Pure: who keeps it is
elsewhere.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from antiphon.core.error import BadRequest
from antiphon.wire.fields import as_list, as_object, mistyped
from antiphon.wire.json import loads

_object = msgspec.json.Decoder(dict[str, Any])
Item = dict[str, Any]


class Wants(Struct, frozen=True, gc=False):
    """What a request wants of the store."""

    previous: str | None
    """Id of the response that it goes on from."""
    conversation: str | None
    """Id of the conversation that it belongs to."""
    store: bool
    """Whether the answer is to be kept: it is, unless the caller says false."""


def wants(fields: Mapping[str, Any]) -> Wants:
    """Read a request's wishes. Raises: BadRequest, also on both of two that exclude each other."""
    previous = _text(fields.get("previous_response_id"), "previous_response_id")
    said = fields.get("conversation")
    named = as_object(said)
    conversation = _text(said if named is None else named.get("id"), "conversation")
    if previous is not None and conversation is not None:
        raise BadRequest(
            "`previous_response_id` and `conversation` can't be used together; send one", param="conversation"
        )
    store = fields.get("store")
    if store is not None and type(store) is not bool:
        raise mistyped("store", "true or false", store)
    return Wants(previous, conversation, store is not False)


def _text(value: object, path: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise mistyped(path, "a text", value)
    return value


def joined(items_before: Sequence[Item], body: bytes) -> bytes:
    """A body whose input is what was said before and then its own input, and which names no kept state any more.

    Raises: BadRequest.
    """
    fields = loads(body)
    fields["input"] = [*items_before, *_items(fields.get("input"))]
    for name in ("previous_response_id", "conversation"):
        fields.pop(name, None)
    return msgspec.json.encode(fields)


def _items(said: object) -> list[Any]:
    if said is None:
        return []
    if isinstance(said, str):
        return [{"type": "message", "role": "user", "content": said}]
    items = as_list(said)
    if items is None:
        raise mistyped("input", "a text or a list of items", said)
    return items


def output_items(response_body: bytes) -> list[Item]:
    """The items of an answer, to be kept; none of one that can't be read."""
    try:
        output = as_list(_object.decode(response_body).get("output"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return [item for value in output or () if (item := as_object(value)) is not None]


_PREFIXES = {
    "message": "msg",
    "reasoning": "rs",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
}


def input_items(body: bytes, new_id: Callable[[str], str]) -> list[Item]:
    """The items of a request as `GET /v1/responses/{id}/input_items` lists them, each with an id.

    Args:
        new_id: Makes an id with a prefix such as `msg`.
    Raises: BadRequest.
    """
    out: list[Item] = []
    for index, value in enumerate(_items(loads(body).get("input"))):
        item = as_object(value)
        if item is None:
            raise mistyped(f"input[{index}]", "an object", value)
        out.append(_listed(item, new_id))
    return out


def _listed(item: Item, new_id: Callable[[str], str]) -> Item:
    kind = item.get("type")
    if not isinstance(kind, str):
        kind = "message" if "role" in item else "item_reference"
    out = {**item, "type": kind}
    if not isinstance(out.get("id"), str):
        out["id"] = new_id(_PREFIXES.get(kind, "item"))
    if kind == "message":
        out.setdefault("status", "completed")
        if isinstance(out.get("content"), str):
            spoken = out.get("role") == "assistant"
            part = {"type": "output_text" if spoken else "input_text", "text": out["content"]}
            out["content"] = [part | ({"annotations": []} if spoken else {})]
    return out


def item_list(items: Sequence[Item], *, has_more: bool = False) -> bytes:
    """A page of items, as the SDK's `ResponseItemList` has it."""
    ids = [str(item.get("id") or "") for item in items] or [""]
    return msgspec.json.encode(
        {"object": "list", "data": items, "first_id": ids[0], "last_id": ids[-1], "has_more": has_more}
    )


def deleted(response: str) -> bytes:
    """What the deletion of a kept response answers."""
    return msgspec.json.encode({"id": response, "object": "response", "deleted": True})
