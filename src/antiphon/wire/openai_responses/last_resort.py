"""The operator's own text in the form of an answer, told apart from any model's."""

from typing import Any

import msgspec

from antiphon.core.request import Head
from antiphon.core.response import Delta, Event
from antiphon.wire.losses import Losses
from antiphon.wire.openai_chat.last_resort import MODEL
from antiphon.wire.openai_responses.proofs import DIALECT
from antiphon.wire.openai_responses.shape import item_id, response_id, response_object
from antiphon.wire.openai_responses.stream import EventWriter

_NO_HEAD = Head(dialect=DIALECT, endpoint="", model=MODEL)


def encode(text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
    """A whole response, or the events of a streamed one, without usage: no model ran."""
    if stream:
        writer = EventWriter(_NO_HEAD, Losses())
        said = Delta(text=text, finish_reason="stop")
        event = Event(dialect=DIALECT, id=receipt_id, model=MODEL, created_s=created_s, deltas=(said,))
        return writer.event(event) + writer.end()
    response = response_id(receipt_id)
    content: list[dict[str, Any]] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    message: dict[str, Any] = {
        "id": item_id("msg", response, 0),
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
    return msgspec.json.encode(
        response_object(
            _NO_HEAD, response=response, created_s=created_s, model=MODEL, status="completed", output=[message]
        )
    )
