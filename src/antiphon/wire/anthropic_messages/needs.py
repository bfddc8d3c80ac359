"""What a request needs a model to do, read off its blocks and fields."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from antiphon.core.request import Need
from antiphon.wire.anthropic_messages.tools import kind_of
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.slices import escaped

_BLOCKS: Mapping[str, Need] = MappingProxyType({"image": "images", "document": "files", "container_upload": "files"})
_RUN = re.compile(r"(?:code_execution|web_fetch|tool_search_tool_\w+?|advisor)_\d{8}|mcp_toolset|tool_search_tool_\w+")
"""Tools that the provider itself runs; the caller runs those for a computer, a shell, an editor, a memory and a browser."""
MARK_BYTES = 160
"""At least the length of any mark, each letter escaped and some white space between."""


_PLAIN = re.compile(rb'"type"\s*:\s*"(' + b"|".join([kind.encode() for kind in _BLOCKS]) + rb')"')
_SPELLED: tuple[tuple[re.Pattern[bytes], Need], ...] = tuple(
    (re.compile(f"{escaped('type')}\\s*:\\s*{escaped(kind)}".encode()), need) for kind, need in _BLOCKS.items()
)


def needs_in(piece: bytes) -> Iterator[Need]:
    """What the blocks in a piece of a body may need. Such words may stand where no block is: a need too many is no harm."""
    if b"\\u00" in piece:
        for mark, need in _SPELLED:
            if mark.search(piece):
                yield need
        return
    found = set(_PLAIN.findall(piece))
    for kind, need in _BLOCKS.items():
        if kind.encode() in found:
            yield need


def needs_of(fields: Mapping[str, Any]) -> frozenset[Need]:
    """What the body's fields say; those of the wrong type say nothing."""
    needs: set[Need] = set()
    for value in as_list(fields.get("messages")) or ():
        message = as_object(value)
        if message is not None:
            _of_blocks(message.get("content"), needs)
    _of_tools(fields, needs)
    config = as_object(fields.get("output_config")) or {}
    if config.get("format") is not None or fields.get("output_format") is not None:
        needs.add("structured_output")
    thinking = as_object(fields.get("thinking")) or {}
    if thinking.get("type") in ("enabled", "adaptive") or config.get("effort") is not None:
        needs.add("reasoning")
    return frozenset(needs)


def _of_blocks(content: object, needs: set[Need]) -> None:
    for value in as_list(content) or ():
        block = as_object(value)
        kind = None if block is None else block.get("type")
        if block is None or not isinstance(kind, str):
            continue
        if kind in _BLOCKS:
            needs.add(_BLOCKS[kind])
        elif kind == "tool_result":
            _of_blocks(block.get("content"), needs)


def _of_tools(fields: Mapping[str, Any], needs: set[Need]) -> None:
    for value in as_list(fields.get("tools")) or ():
        kind = (as_object(value) or {}).get("type")
        if not isinstance(kind, str) or kind == "custom":
            needs.add("tools")
        elif kind_of(kind) == "web_search":
            needs.add("web_search")
        else:
            needs.add("server_tools" if _RUN.fullmatch(kind) else "tools")
    if fields.get("mcp_servers"):
        needs.add("server_tools")
