"""Tools as servers tell of them, and as we take them."""

from collections.abc import Mapping
from typing import Any

from antiphon.agents.mcp.document import ToolHints, ToolServerSpec
from antiphon.agents.mcp.pins import Seen
from antiphon.agents.safety.labels import infer
from antiphon.core.tool import Tool
from antiphon.wire import mcp

MOST_DESCRIPTION = 4096
NO_ARGUMENTS: dict[str, Any] = {"type": "object", "properties": {}}
NO_HINTS = ToolHints()
LABELS = ("effect", "destructive", "sends", "private", "untrusted", "risky")


def seen(said: Mapping[str, Any]) -> Seen | None:
    """A tool as its server says it; None: it has no name, or no schema of an object."""
    name, schema = said.get("name"), said.get("inputSchema", NO_ARGUMENTS)
    if not isinstance(name, str) or not name or not isinstance(schema, dict):
        return None
    description, result = said.get("description"), said.get("outputSchema")
    return Seen(
        name=name,
        description=description if isinstance(description, str) else "",
        parameters=dict(mcp.mapping(schema)),
        annotations=mcp.mapping(said.get("annotations")),
        result=dict(mcp.mapping(result)) if isinstance(result, dict) else None,
        title=str(said.get("title") or ""),
    )


def wanted(spec: ToolServerSpec, name: str) -> bool:
    """Whether a server's tool is used."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in spec.tools)


def tool_of(server: str, spec: ToolServerSpec, found: Seen, *, reads: bool = False) -> Tool:
    """A tool as agents see it. `reads`: it is one of ours, that only reads. Labels are the operator's hints, else worked out; what the server says of its own tools counts
    only where it is trusted. One that isn't may pass on what it is given, and gives back what strangers wrote.
    """
    hints = spec.hints.get(found.name, NO_HINTS)
    stated: dict[str, Any] = {name: value for name in LABELS if (value := getattr(hints, name)) is not None}
    if not spec.trusted:
        stated = {"sends": True, "untrusted": True, **stated}
    if reads:
        stated = {"effect": "pure", **stated}
    if "risky" in stated:
        stated["risky"] = tuple(stated["risky"])
    tool = Tool(
        name=mcp.tool_name(server, hints.name or found.name),
        description=found.description[:MOST_DESCRIPTION],
        parameters=found.parameters,
        result=found.result,
        confirm=hints.confirm or "policy",
        data_class=hints.data_class,
        takes=hints.takes or spec.takes,
        timeout_s=hints.timeout_s or spec.timeout_s,
        cost_nano_usd=hints.cost_nano_usd or 0,
        cache_s=hints.cache_s or 0.0,
        source=f"mcp/{server}",
        version=found.hash,
        **stated,
    )
    return infer(tool, frozenset(stated), found.annotations if spec.trusted else None)
