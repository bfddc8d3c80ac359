"""The operator's own text in the form of an answer, told apart from any model's."""

import msgspec

MODEL = "antiphon/last-resort"
"""What stands where a model's name would."""


def encode(text: str, receipt_id: str, created_s: int, *, stream: bool) -> bytes:
    """A whole completion, or the events of a streamed one, in OpenAI's shape and without usage: no model ran."""
    kind = "chat.completion.chunk" if stream else "chat.completion"
    said = {"id": f"chatcmpl-{receipt_id}", "object": kind, "created": created_s, "model": MODEL}
    message = {"role": "assistant", "content": text}
    if not stream:
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return msgspec.json.encode({**said, "choices": [choice]})
    deltas: tuple[dict[str, object], ...] = (
        {"delta": message, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
    )
    events = [msgspec.json.encode({**said, "choices": [{"index": 0, **delta}]}) for delta in deltas]
    return b"".join([b"data: %b\n\n" % event for event in events]) + b"data: [DONE]\n\n"
