"""The response object around an answer's items, and the ids of what is in it. Source: openai-python 3.52.0,
`types/responses/response.py`.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from antiphon.core.request import Head
from antiphon.core.response import FinishReason

_OWN = re.compile(r"resp_[A-Za-z0-9_-]+\Z")


def response_id(answer_id: str) -> str:
    """The id of a response: one that came in this dialect as it is, another by its digest."""
    return answer_id if _OWN.match(answer_id) else "resp_" + sha256(answer_id.encode()).hexdigest()[:48]


def item_id(prefix: str, response: str, place: int) -> str:
    """The id of an item: the same for the same place of the same response."""
    return f"{prefix}_{response.removeprefix('resp_')}{place:02x}"


def seconds(value: object) -> int:
    """A time that an upstream says, in seconds since the epoch; 0 where it is none."""
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**53 else 0


def response_object(
    head: Head, *, response: str, created_s: int, model: str, status: str, output: list[dict[str, Any]]
) -> dict[str, Any]:
    """A response with every field that its type needs; of what the request said the head alone is known."""
    return {
        "id": response,
        "object": "response",
        "created_at": created_s,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": head.output_tokens,
        "metadata": {},
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": None,
        "user": head.user or None,
    }


def status_of(reason: FinishReason | None, raw: str | None) -> Mapping[str, Any]:
    """The status of an answer that ended for a reason, and what is incomplete about it.

    Args:
        raw: This dialect's own word for an `other` reason: one of a status, or of why an answer is incomplete.
    """
    match reason:
        case "length":
            return {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        case "content_filter":
            return {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
        case "other" if raw in _STATUSES:
            return {"status": raw}
        case "other" if raw:
            return {"status": "incomplete", "incomplete_details": {"reason": raw}}
        case _:
            return {"status": "completed"}


_STATUSES = frozenset({"in_progress", "cancelled", "queued", "incomplete"})
