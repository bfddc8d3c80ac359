"""The operator's own text in the form of an answer, told apart from any model's."""

import msgspec

MODEL = "antiphon/last-resort"
"""What stands where a model's name would."""


def encode(text: str, receipt_id: str, *, stream: bool) -> bytes:
    """A whole message, or the events of a streamed one, in Anthropic's shape. No model ran, so its usage, which the dialect
    demands, is zero.
    """
    said = {"id": f"msg_{receipt_id}", "type": "message", "role": "assistant", "model": MODEL}
    usage = {"input_tokens": 0, "output_tokens": 0}
    if not stream:
        content = [{"type": "text", "text": text}]
        whole = {**said, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        return msgspec.json.encode(whole)
    start: dict[str, object] = {**said, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    events: tuple[dict[str, object], ...] = (
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )
    return b"".join([written(event) for event in events])


def written(event: dict[str, object]) -> bytes:
    """One event of a stream, under the name of its type."""
    return b"event: %b\ndata: %b\n\n" % (str(event["type"]).encode(), msgspec.json.encode(event))
