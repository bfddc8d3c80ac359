"""Ids and names within the characters that Bedrock takes."""

import re
from hashlib import sha256

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every model on Bedrock takes as the id of a call: Claude's are narrower than Converse's own pattern.

Source: botocore 1.44.8, ToolUseId and ToolName; platform.claude.com/docs/en/api/messages, 2026-11.
"""
_ODD = re.compile(r"[^a-zA-Z0-9_-]")


def fits(name: str) -> bool:
    """Whether an id or a tool's name can be sent as it is."""
    return _ID.fullmatch(name) is not None


def call_id(said: str) -> str:
    """An id that can be sent: the same one for the same id, whatever request it is in."""
    return said if fits(said) else f"call_{sha256(said.encode()).hexdigest()[:24]}"


def tool_name(said: str) -> str:
    """A name like a tool's that can be sent."""
    return _ODD.sub("_", said)[:64] or "tool"
