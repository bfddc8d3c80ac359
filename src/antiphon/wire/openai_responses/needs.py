"""What a Responses request needs of a model."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterable, Mapping
from typing import Any

from antiphon.core.request import Need

PART_NEEDS: Mapping[str, Need] = {"input_image": "images", "input_audio": "audio", "input_file": "files"}
LOGPROBS = "message.output_text.logprobs"
_OWN_TOOLS = frozenset({"function", "custom", "namespace", "tool_search"})
"""Tools that the caller runs, or that only order those."""


def needs_of(fields: Mapping[str, Any]) -> frozenset[Need]:
    """What the fields ask of a model; odd ones ask nothing, and are refused where they are read."""
    needs: set[Need] = set()
    for item in _objects(fields.get("input")):
        for part in (*_objects(item.get("content")), *_objects(item.get("output"))):
            kind = part.get("type")
            if type(kind) is str and kind in PART_NEEDS:
                needs.add(PART_NEEDS[kind])
    for tool in _objects(fields.get("tools")):
        needs.add(_of_tool(tool.get("type")))
    shape = _inner(_inner(fields, "text"), "format")
    if shape.get("type") in ("json_schema", "json_object"):
        needs.add("structured_output")
    if _inner(fields, "reasoning").get("effort") not in (None, "none"):
        needs.add("reasoning")
    include = fields.get("include")
    if fields.get("top_logprobs") or (type(include) is list and LOGPROBS in include):
        needs.add("logprobs")
    return frozenset(needs)


def _of_tool(kind: object) -> Need:
    if type(kind) is str and kind not in _OWN_TOOLS:
        return "web_search" if kind.startswith("web_search") else "server_tools"
    return "tools"


def _objects(value: object) -> Iterable[Mapping[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else ()


def _inner(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = fields.get(name)
    return value if type(value) is dict else {}
