"""What an answer used, both ways. Source: openai-python 3.52.0, `types/responses/response_usage.py`."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from typing import Any

from antiphon.core.usage import Usage
from antiphon.wire.fields import as_object
from antiphon.wire.openai_chat.usage import usage_of as usage_of_chat

_NAMES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "total_tokens": "total_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


def usage_of(value: object) -> tuple[Usage | None, str]:
    """Read a `usage` object.

    Returns: The usage, or None and why it can't be believed.
    """
    read = as_object(value)
    if read is None:
        return None, "usage is not an object"
    usage, note = usage_of_chat({said: read[name] for name, said in _NAMES.items() if read.get(name) is not None})
    for name, said in _NAMES.items():
        note = note.replace(said, name)
    return usage, note


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write a `usage` object; the SDK's types want all of its counts."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
