"""The operator's own text in the form of an answer, told apart from any model's."""

from typing import Any

import msgspec

MODEL = "antiphon/last-resort"
"""What stands where a model's name would."""


def encode(text: str, receipt_id: str, *, stream: bool) -> bytes:
    """A whole answer, or the one event of a streamed one, without usage: no model ran."""
    content = {"role": "model", "parts": [{"text": text}]}
    candidate = {"content": content, "finishReason": "STOP", "index": 0}
    said: dict[str, Any] = {"candidates": [candidate], "modelVersion": MODEL, "responseId": receipt_id}
    body = msgspec.json.encode(said)
    return b"data: %b\r\n\r\n" % body if stream else body
