"""Thoughts in Chat Completions, for which OpenAI has no words: the names that gateways and providers have agreed on.

`thinking` of a request and `thinking_blocks` of an assistant's message are in Anthropic's form, so that what proves the
thoughts comes back with them. Source: docs.litellm.ai/docs/reasoning_content, 2026-11. `extra_content` of a tool call is
Gemini's own, source: ai.google.dev/gemini-api/docs/thought-signatures, 2026-11.
"""

from typing import Any

from antiphon.core.content import Extra, Reasoning
from antiphon.wire.fields import Fields, as_list, as_object
from antiphon.wire.signature import seal, unseal

BLOCKS = "thinking_blocks"
_OWN = "openai_chat"
_PLACE = "index"
"""Of a block in a stream: OpenAI's SDK puts lists together by it, and callers send it back."""
_ENABLED = frozenset({"type", "budget_tokens"})


def decode_thinking(fields: Fields) -> int | None:
    """Take `thinking` of a request: the most tokens to think with. One of another form stays."""
    value = as_object(fields.peek("thinking"))
    if value == {"type": "disabled"}:
        fields.drop("thinking")
        return 0
    budget = value.get("budget_tokens") if value is not None else None
    if (
        value is None
        or value.get("type") != "enabled"
        or type(budget) is not int
        or budget < 1
        or not value.keys() <= _ENABLED
    ):
        return None
    fields.drop("thinking")
    return budget


def encode_thinking(tokens: int) -> dict[str, Any]:
    """Write `thinking` of a request."""
    return {"type": "disabled"} if tokens == 0 else {"type": "enabled", "budget_tokens": tokens}


def decode_blocks(message: Fields) -> list[Reasoning] | None:
    """Take `thinking_blocks` of a message; None where there are none, or some are of another form."""
    blocks = as_list(message.peek(BLOCKS))
    found = [_block(block) for block in blocks or ()]
    whole = [one for one in found if one is not None]
    if not whole or len(whole) < len(found):
        return None
    message.drop(BLOCKS)
    return whole


def _block(value: object) -> Reasoning | None:
    block = as_object(value) or {}
    block = {name: one for name, one in block.items() if name != _PLACE}
    match block:
        case {"type": "thinking", "thinking": str(text), "signature": str(signed)} if len(block) == len(_ENABLED) + 1:
            signature, by = unseal(signed, "anthropic_messages")
            return Reasoning(text=text, signature=signature, signed_by=by)
        case {"type": "redacted_thinking", "data": str(data)} if len(block) == len(_ENABLED):
            signature, by = unseal(data, "anthropic_messages")
            return Reasoning(text="", signature=signature, signed_by=by, redacted=True)
        case _:
            return None


def encode_block(one: Reasoning) -> Extra:
    """Write one of `thinking_blocks`."""
    proof = seal(one.signature or "", one.signed_by or _OWN, "anthropic_messages")
    if one.redacted:
        return {"type": "redacted_thinking", "data": proof}
    return {"type": "thinking", "thinking": one.text, "signature": proof}


def decode_proof(call: Fields) -> tuple[str | None, str]:
    """Take the proof of the thoughts that led to a tool call, and whose it is."""
    extra = as_object(call.peek("extra_content")) or {}
    google = as_object(extra.get("google")) or {}
    proof = google.get("thought_signature")
    if not isinstance(proof, str) or len(extra) != 1 or len(google) != 1:
        return None, ""
    call.drop("extra_content")
    return unseal(proof, "gemini")


def encode_proof(signature: str, signed_by: str) -> Extra:
    """Write it."""
    return {"extra_content": {"google": {"thought_signature": seal(signature, signed_by or _OWN, "gemini")}}}
