"""Tool calls of a message, both ways."""

from collections.abc import Mapping
from typing import Any

from antiphon.core.content import ToolCall
from antiphon.wire.fields import Fields, merged
from antiphon.wire.openai_chat.thinking import decode_proof, encode_proof

INNER: Mapping[str, str] = {"function": "arguments", "custom": "input"}
"""Kinds of call, which are also the names of their inner objects, and what their arguments are called there."""
_LIKE = '{"name": "…", "%s": "…"}'


def decode_call(fields: Fields) -> ToolCall:
    """Read one of `tool_calls`. One of an unknown kind is carried whole. Raises: BadRequest."""
    kind = fields.needed("type") or "function"
    call_id = fields.needed("id")
    if kind not in INNER:
        return ToolCall(id=call_id, name="", arguments="", kind=kind, extra=fields.left())
    inner = fields.needed_inner(kind, _LIKE % INNER[kind]) or Fields({}, strict=False)
    name, arguments = inner.needed("name"), inner.needed(INNER[kind])
    proof, by = decode_proof(fields)
    return ToolCall(
        id=call_id, name=name, arguments=arguments, kind=kind, signature=proof, signed_by=by, extra=fields.left()
    )


def decode_legacy_call(message: Fields) -> ToolCall | None:
    """Read `function_call`."""
    value = message.tree("function_call")
    if value is None:
        return None
    fields = Fields(value, message.path("function_call"), strict=message.strict)
    name, arguments = fields.needed("name"), fields.needed("arguments")
    return ToolCall(id="", name=name, arguments=arguments, legacy=True, extra=fields.left())


def encode_call(call: ToolCall) -> dict[str, Any]:
    """Write one of `tool_calls`, or `function_call` when it is a legacy one."""
    if call.legacy:
        return merged({"name": call.name, "arguments": call.arguments}, call.extra)
    out: dict[str, Any] = {"id": call.id, "type": call.kind}
    if call.kind in INNER:
        out[call.kind] = {"name": call.name, INNER[call.kind]: call.arguments}
    if call.signature:
        out |= encode_proof(call.signature, call.signed_by)
    return merged(out, call.extra)
