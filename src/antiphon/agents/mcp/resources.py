"""What servers offer beside tools: resources to read, and prompts. Each is known by a tool of ours, that rights, pins and labels
are said of: `read_resource` and `get_prompt`, where the server has no tool of that name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from antiphon.agents.hands import ToolFailed
from antiphon.agents.mcp.hand import ServerHand
from antiphon.agents.mcp.peer import Peer, Whose
from antiphon.core.tool import ToolContext, ToolResult
from antiphon.wire import mcp
from antiphon.wire.mcp import McpError

OURS = "antiphon/ours"
"""Marks what stands for a server's resources or prompts among its tools."""
MOST_LISTED = 500
READ: Mapping[str, Any] = {
    "name": "read_resource",
    "description": "Read a resource of this server by its URI. Without a URI: what there is to read.",
    "inputSchema": {
        "type": "object",
        "properties": {"uri": {"type": "string", "description": "The resource. Default: a list of them."}},
        "additionalProperties": False,
    },
    OURS: "resources",
}
PROMPT: Mapping[str, Any] = {
    "name": "get_prompt",
    "description": "A prompt of this server, filled in.",
    "inputSchema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}},
        "required": ["name"],
    },
    OURS: "prompts",
}
PARTS: Sequence[tuple[str, Mapping[str, Any], Mapping[str, str]]] = (
    ("resources", READ, {"resources/list": "resources", "resources/templates/list": "resourceTemplates"}),
    ("prompts", PROMPT, {"prompts/list": "prompts"}),
)
"""Capabilities, the tool that stands for each, and its lists with what they call their items."""
LISTS = (("resources/list", "resources", "uri"), ("resources/templates/list", "resourceTemplates", "uriTemplate"))


async def offered(peer: Peer, whose: Whose, until_s: float) -> list[Mapping[str, Any]]:
    """A server's tools, and what stands for its resources and prompts where it has any. Raises: as `Peer.ask`."""
    able = await peer.able(whose, until_s)
    out = await peer.pages("tools/list", "tools", whose, until_s) if "tools" in able or not able else []
    for part, said, lists in PARTS:
        if part in able and await _any(peer, lists, whose, until_s):
            out.append(said)
    return out


async def _any(peer: Peer, lists: Mapping[str, str], whose: Whose, until_s: float) -> bool:
    """Whether one of a server's lists has anything."""
    for method, key in lists.items():
        try:
            if mcp.objects((await peer.ask(method, {}, until_s, whose)).get(key)):
                return True
        except McpError:  # not every server has every list
            continue
    return False


class PromptHand(ServerHand):
    """Prompts of one server, for people who choose them: no tool of agents."""

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult(data=dict(await self.ask("prompts/get", dict(arguments), context)))


class ReadHand(ServerHand):
    """Resources of one server, as a tool."""

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        uri = arguments.get("uri")
        if not uri:
            return await self._listed(context)
        found = await self.ask("resources/read", {"uri": uri}, context)
        texts = [_text(one) for one in mcp.objects(found.get("contents"))]
        return ToolResult(text="\n".join(texts))

    async def _listed(self, context: ToolContext) -> ToolResult:
        lines: list[str] = []
        for method, key, address in LISTS:
            try:
                found = await self.listed(method, key, context)
            except ToolFailed:
                if method == "resources/list":
                    raise
                continue
            lines += [_line(one, address) for one in found]
        return ToolResult(text="\n".join(lines[:MOST_LISTED]) or "there is nothing to read")


def _line(one: Mapping[str, Any], key: str) -> str:
    said = [str(one.get(name) or "") for name in (key, "name", "description")]
    return " - ".join(part for part in said if part)


def _text(one: Mapping[str, Any]) -> str:
    text = one.get("text")
    return text if isinstance(text, str) else f"[{one.get('mimeType') or 'data'} {one.get('uri', '')}]"
