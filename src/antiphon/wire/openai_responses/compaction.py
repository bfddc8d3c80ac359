"""`POST /v1/responses/compact` and `POST /v1/responses/input_tokens`: their bodies and answers. Source: openai-python
3.52.0, `types/responses/response_compact_params.py`, `compacted_response.py`, `input_token_count_params.py`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.core.body import Body
from antiphon.core.content import Content
from antiphon.core.usage import Usage
from antiphon.wire.codec import Asked
from antiphon.wire.json import loads
from antiphon.wire.openai_responses.decode import decode
from antiphon.wire.openai_responses.shape import response_id
from antiphon.wire.openai_responses.usage import encode_usage


def read_count(body: Body, asked: Asked) -> Content:
    """What is to be counted; it may name no model and hold no input. Raises: BadRequest."""
    del asked  # the body says all
    return decode(_filled(body))


def read_compaction(body: Body, asked: Asked) -> Content:
    """The conversation that is to be made shorter; it may hold no input, where `state` names what was kept.

    Raises: BadRequest.
    """
    del asked  # the body says all
    return decode(_filled(body))


def _filled(body: Body) -> dict[str, Any]:
    fields = loads(body.whole())
    if fields.get("input") is None:
        fields["input"] = []
    return fields


def count_answer(tokens: int) -> bytes:
    """How many tokens an input has."""
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})


def compacted(answer_id: str, created_s: int, output: Sequence[dict[str, Any]], usage: Usage) -> bytes:
    """A conversation made shorter.

    Args:
        output: Its items: the caller's own messages, and one of the kind `compaction` in the place of all others.
    """
    return msgspec.json.encode(
        {
            "id": response_id(answer_id),
            "object": "response.compaction",
            "created_at": created_s,
            "output": output,
            "usage": encode_usage(usage),
        }
    )


def compaction_item(item_id: str, sealed: str) -> dict[str, Any]:
    """The item that stands for what was left out.

    Args:
        sealed: What only we can read again.
    """
    return {"id": item_id, "type": "compaction", "encrypted_content": sealed}
