"""Resources, prompts and completions of servers behind the MCP gateway, each governed as a call of the tool that stands for it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from antiphon.agents.hands import ToolFailed
from antiphon.agents.mcp.hand import ServerHand
from antiphon.control.mcp_offer import Offered, Offering, Relay
from antiphon.core.principal import Principal
from antiphon.core.tool import ToolContext, ToolResult
from antiphon.wire import mcp
from antiphon.wire.mcp import Era, McpError, mapping

LISTS: Mapping[str, tuple[str, str, str]] = {
    "resources/list": ("resources", "resources", "uri"),
    "resources/templates/list": ("resources", "resourceTemplates", "uriTemplate"),
    "prompts/list": ("prompts", "prompts", "name"),
}
"""By method: whose part it is, what the result calls its items, what tells them apart."""
CALLS = ("resources/read", "prompts/get", "completion/complete")
LIST_S = 10.0
"""For one server's list."""
MISSING = "antiphon/missing"
"""In `_meta` of a list: servers that could not be asked for theirs."""
_KEPT = ("contents", "description", "messages", "completion")


class Listing(Struct, frozen=True, kw_only=True):
    """A list of several servers."""

    items: list[dict[str, Any]]
    """By what tells them apart, each once."""
    missing: list[str]


async def listed(offering: Offering, principal: Principal, scope: str, method: str, step: str) -> Listing:
    """What servers list that a caller may use, all asked at once. Raises: McpError, where the one that was named can't be."""
    part, key, address = LISTS[method]
    until_s = offering.desk.desk.now_s + LIST_S
    context = ToolContext(principal=principal, run="", step=step, key=step, until_s=until_s)
    found = list(offering.relays(principal, scope, part))
    said = await asyncio.gather(*(_asked(hand, method, key, context) for _, hand in found))
    out: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for (server, _), items in zip(found, said, strict=True):
        if isinstance(items, ToolFailed):
            if scope:
                raise McpError(mcp.INTERNAL_ERROR, items.say)
            missing.append(server)
            continue
        for item in items:
            name = str(item.get(address) or "")
            shown = name if scope or not name else _shown(part, server, name)
            if shown:
                out.setdefault(shown, {**item, address: shown})
    return Listing(items=[out[name] for name in sorted(out)], missing=missing)


async def _asked(hand: ServerHand, method: str, key: str, context: ToolContext) -> list[Mapping[str, Any]] | ToolFailed:
    try:
        return await hand.listed(method, key, context)
    except ToolFailed as failed:
        return failed


def _shown(part: str, server: str, name: str) -> str:
    return mcp.resource_uri(server, name) if part == "resources" else mcp.tool_name(server, name)


async def relayed(
    offering: Offering, principal: Principal, scope: str, method: str, params: Mapping[str, Any], era: Era, step: str
) -> tuple[Offered, dict[str, Any]]:
    """What a request asks of which server, and what guards are to look at. Raises: McpError."""
    if method == "resources/read":
        server, uri = _uri(scope, params.get("uri"), era)
        one = _found(offering, principal, scope, server, "resources", method, era)
        return one, {"uri": uri}
    if method == "prompts/get":
        one, name = await _prompt(offering, principal, scope, params.get("name"), method, step)
        if not mcp.is_object(params.get("arguments", {})):
            raise McpError(mcp.INVALID_PARAMS, "`arguments` must be an object")
        return one, {"name": name, "arguments": {**mapping(params.get("arguments"))}}
    ref, argument = mapping(params.get("ref")), mapping(params.get("argument"))
    said: dict[str, Any] = {"argument": argument}
    if "context" in params:
        said["context"] = mapping(params["context"])
    if ref.get("type") == "ref/resource":
        server, uri = _uri(scope, ref.get("uri"), era)
        one = _found(offering, principal, scope, server, "resources", method, era)
        return one, {"ref": {**ref, "uri": uri}, **said}
    if ref.get("type") == "ref/prompt":
        one, name = await _prompt(offering, principal, scope, ref.get("name"), method, step)
        return one, {"ref": {**ref, "name": name}, **said}
    raise McpError(mcp.INVALID_PARAMS, "`ref.type` must be ref/prompt or ref/resource")


def _uri(scope: str, said: Any, era: Era) -> tuple[str, str]:
    server, uri = (scope, said) if scope else mcp.resource_of(said) if isinstance(said, str) else ("", "")
    if not server or not isinstance(uri, str) or not uri:
        raise _no_resource(era)
    return server, uri


def _no_resource(era: Era) -> McpError:
    code = mcp.NO_RESOURCE if era == "legacy" else mcp.INVALID_PARAMS
    return McpError(code, "there is no such resource that you may read; see resources/list")


def _found(
    offering: Offering, principal: Principal, scope: str, server: str, part: str, method: str, era: Era
) -> Offered:
    for name, hand in offering.relays(principal, scope, part):
        if name == server:
            return _offered(server, hand, scope, method)
    raise _no_resource(era)


async def _prompt(
    offering: Offering, principal: Principal, scope: str, said: Any, method: str, step: str
) -> tuple[Offered, str]:
    """The prompt that a name means, and its server's own name of it. Raises: McpError."""
    server = scope or str(said).partition("__")[0]
    for name, hand in offering.relays(principal, scope, "prompts"):
        if name != server:
            continue
        until_s = offering.desk.desk.now_s + LIST_S
        context = ToolContext(principal=principal, run="", step=step, key=step, until_s=until_s)
        items = await _asked(hand, "prompts/list", "prompts", context)
        if isinstance(items, ToolFailed):
            raise McpError(mcp.INTERNAL_ERROR, items.say)
        for item in items:
            own = str(item.get("name") or "")
            if own and said == (own if scope else mcp.tool_name(server, own)):
                return _offered(server, hand, scope, method), own
    raise McpError(mcp.INVALID_PARAMS, f"there is no prompt {str(said)[:64]!r} that you may use; see prompts/list")


def _offered(server: str, hand: ServerHand, scope: str, method: str) -> Offered:
    relay = Relay(hand=hand, method=method, server="" if scope else server)
    return Offered(name=hand.tool.name, tool=hand.tool, kind="relay", relay=relay)


async def ask(relay: Relay, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    """What the server answers, in `data`; addresses are as its client knows them."""
    try:
        found = await relay.hand.ask(relay.method, dict(arguments), context)
    except ToolFailed as failed:
        return ToolResult(failed=failed.code, text=failed.say, retryable=failed.retryable, unknown=failed.unknown)
    out = {name: found[name] for name in _KEPT if name in found}
    if relay.server:
        _rename(out, relay.server)
    return ToolResult(data=out)


def _rename(out: dict[str, Any], server: str) -> None:
    """Addresses of resources in an answer as they are among all servers'."""
    if "contents" in out:
        out["contents"] = [_renamed(one, server) for one in mcp.objects(out["contents"])]
    if "messages" not in out:
        return
    messages: list[dict[str, Any]] = []
    for one in mcp.objects(out["messages"]):
        content = mapping(one.get("content"))
        if content.get("type") == "resource_link":
            content = _renamed(content, server)
        elif content.get("type") == "resource":
            content = {**content, "resource": _renamed(mapping(content.get("resource")), server)}
        messages.append({**one, **({"content": content} if content else {})})
    out["messages"] = messages


def _renamed(one: Mapping[str, Any], server: str) -> dict[str, Any]:
    uri = one.get("uri")
    return {**one, "uri": mcp.resource_uri(server, uri)} if isinstance(uri, str) else {**one}


def refusal(result: ToolResult, era: Era) -> McpError:
    """What is said of a request that failed."""
    if result.failed == "not_found":
        return McpError(mcp.NO_RESOURCE if era == "legacy" else mcp.INVALID_PARAMS, result.text)
    code = mcp.INVALID_PARAMS if result.failed == "invalid_arguments" else mcp.INTERNAL_ERROR
    return McpError(code, result.text)
