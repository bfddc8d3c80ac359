"""Requests as tests put them to the codec."""

from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.wire.anthropic_messages.codec import AnthropicMessages
from antiphon.wire.codec import Asked, Quirks, Terms
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.decode import decode as decode_openai

CODEC = AnthropicMessages()
ASKED = Asked(endpoint="/v1/messages")
USER = {"role": "user", "content": "Hi"}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "claude", "max_tokens": 9, "messages": [USER], **fields}


def request(said: dict[str, Any] | bytes) -> Request:
    raw = Body((said if isinstance(said, bytes) else msgspec.json.encode(said),))
    head, spots = CODEC.read(raw, ASKED)
    return Request(head=head, body=raw, spots=spots, digest="")


def content(said: dict[str, Any]) -> Content:
    return CODEC.decode(request(said))


def sent(asked: Content, model: str = "claude-sonnet-4-5", **terms: Any) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    """What goes to Anthropic, and the losses."""
    losses = Losses()
    out = CODEC.encode(asked, Terms(model=model, **terms), losses)
    return msgspec.json.decode(out), losses.told()


def from_openai(*messages: dict[str, Any], **fields: Any) -> Content:
    return decode_openai({"model": "m", "messages": list(messages) or [USER], **fields})


def turns(*messages: dict[str, Any], **fields: Any) -> tuple[Any, dict[str, str]]:
    """The messages that go to Anthropic for these of OpenAI's, and effects of losses by field, less that of `max_tokens`."""
    out, losses = sent(from_openai(*messages, max_tokens=100, **fields))
    return out["messages"], {loss.field: loss.effect for loss in losses}


def effects(losses: tuple[Loss, ...]) -> dict[str, str]:
    return {loss.field: loss.effect for loss in losses}


REFUSES = Quirks(who="Acme", rejects=("temperature", "system", "model"))
