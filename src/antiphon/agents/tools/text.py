"""Results as models read them."""

from typing import Any

import msgspec

from antiphon.core.tool import ToolResult


def cut(text: str, most_bytes: int) -> tuple[str, bool]:
    """A text of so many bytes at most, and whether there was more; no character is cut in two."""
    if len(text) * 4 <= most_bytes:
        return text, False
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most_bytes:
        return text, False
    return raw[:most_bytes].decode("utf-8", "ignore"), True


def json_size(data: Any) -> int:
    """Bytes of a value as JSON."""
    return len(msgspec.json.encode(data))


def result_of(data: Any, *, text: str = "", was_cut: bool = False) -> ToolResult:
    """A result that went well: a text as it is, anything else as JSON."""
    if isinstance(data, str) and not text:
        return ToolResult(text=data, data=data, cut=was_cut)
    return ToolResult(text=text or msgspec.json.encode(data).decode(), data=data, cut=was_cut)
