"""What the MCP gateway offers a caller: tools of servers, agents, models."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.taking import faults, has
from antiphon.agents.mcp.hand import ServerHand
from antiphon.agents.mcp.servers import Servers
from antiphon.agents.runs import Runs
from antiphon.agents.tools.arguments import Arguments
from antiphon.control.tool_calls import ToolDesk
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.tool import Tool, Tools, pinned

AGENTS, MODELS = "agent", "model"
"""Stand where a server's name would."""
MOST_RUN_S = 3600.0
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_GOAL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "goal": {"type": "string", "description": "What it is to do."},
        "input": {"type": "object", "description": "What it needs for that, if anything."},
        "run": {"type": "string", "description": "A run of it that was begun before: wait for that instead."},
    },
    "additionalProperties": False,
}
_PROMPT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "description": "What the model is asked."},
        "instructions": {"type": "string", "description": "How it is to answer."},
        "output_tokens": {"type": "integer", "minimum": 1, "maximum": 100_000, "description": "Most that it answers."},
    },
    "required": ["prompt"],
    "additionalProperties": False,
}
_HELD_GOAL, _HELD_PROMPT = Arguments(_GOAL), Arguments(_PROMPT)


class Relay(Struct, frozen=True, kw_only=True):
    """What is asked of a server beside calls of its tools."""

    hand: ServerHand
    method: str
    server: str
    """Put before addresses in the answer; empty: they are the server's own."""


class Offered(Struct, frozen=True, kw_only=True):
    """One thing that can be called."""

    name: str
    """As the client sees it."""
    tool: Tool
    kind: Literal["tool", "agent", "model", "relay"] = "tool"
    of: str = ""
    """The agent's or model's own name."""
    relay: Relay | None = None


class Offering(Struct, frozen=True, kw_only=True):
    """Finds what a caller may use."""

    desk: ToolDesk
    tools: Tools
    servers: Servers | None = None
    runs: Runs | None = None
    models: bool = True
    """Models that a caller may ask for are offered too."""
    also: Callable[[str, str], bool] = lambda _tool, _tenant: False
    """Whether a tool that is of no server is offered to a tenant all the same."""

    def scopes(self, principal: Principal) -> tuple[str, ...]:
        """What stands behind `/mcp/`: servers, `agent` and `model`."""
        names = () if self.servers is None else self.servers.names(principal.tenant, gateway=True)
        return (*names, *((AGENTS,) if self.runs is not None else ()), *((MODELS,) if self.models else ()))

    def listed(self, principal: Principal, scope: str) -> list[Offered]:
        """All of it, by name. `scope`: one server's, `agent`, `model`; empty: everything."""
        found = {one.name: one for one in self._all(principal, scope) if self._sees(principal, one)}
        return [found[name] for name in sorted(found)]

    def one(self, principal: Principal, scope: str, name: str) -> Offered | None:
        """What a caller means by a name; None: there is none that it may use."""
        return next(
            (one for one in self._all(principal, scope) if one.name == name and self._sees(principal, one)), None
        )

    def relays(self, principal: Principal, scope: str, part: str) -> Iterator[tuple[str, ServerHand]]:
        """What asks servers for their `resources` or `prompts` that a caller may use, by server."""
        if self.servers is None:
            return
        for server in self.servers.names(principal.tenant, gateway=True):
            hand = self.servers.relay(server, part)
            if hand is not None and scope in ("", server) and self.desk.sees(principal, hand.tool):
                yield server, hand

    def _sees(self, principal: Principal, one: Offered) -> bool:
        return self.desk.sees(principal, one.tool)

    def _all(self, principal: Principal, scope: str) -> Iterator[Offered]:
        if self.servers is not None:
            for server in self.servers.names(principal.tenant, gateway=True):
                if scope in ("", server):
                    yield from self._of(server, bare=bool(scope))
        if scope == "":
            yield from self._others(principal.tenant)
        if scope in ("", AGENTS) and self.runs is not None:
            for document in self.runs.agents(principal):
                if document.spec.listed:
                    yield _agent(document, bare=bool(scope))
        if scope in ("", MODELS) and self.models:
            yield from self._models(principal, bare=bool(scope))

    def _others(self, tenant: str) -> Iterator[Offered]:
        for name in self.tools.names():
            tool = self.tools.get(name)
            if tool is not None and not tool.source.startswith("mcp/") and self.also(name, tenant):
                yield Offered(name=name, tool=tool)

    def _of(self, server: str, *, bare: bool) -> Iterator[Offered]:
        assert self.servers is not None
        for name in self.servers.tools(server):
            tool = self.tools.get(name)
            if tool is not None:
                yield Offered(name=name.partition("__")[2] or name if bare else name, tool=tool)

    def _models(self, principal: Principal, *, bare: bool) -> Iterator[Offered]:
        for name, route in sorted(self.desk.desk.gateway.revision.routes.items()):
            if not (principal.may_ask(name) and route.shown_to(principal.tenant)) or name.startswith("agent/"):
                continue
            said = f"Ask the model {name}. {route.description}".strip()
            tool = _made(MODELS, name, said, _PROMPT, "pure", MOST_RUN_S)
            yield Offered(name=tool.name.partition("__")[2] if bare else tool.name, tool=tool, kind="model", of=name)


def _agent(document: AgentDocument, *, bare: bool) -> Offered:
    said, schema = document.metadata.description or document.spec.goal, document.spec.input or _GOAL
    if schema is not _GOAL and not has(document, "run"):
        said = f"{said} To wait for a run of it that was begun before, give its id as `run`, and nothing else."
    tool = _made(AGENTS, document.name, said, schema, "at_most_once", min(MOST_RUN_S, document.spec.envelope.seconds))
    return Offered(name=tool.name.partition("__")[2] if bare else tool.name, tool=tool, kind="agent", of=document.name)


def _made(
    server: str, name: str, said: str, schema: dict[str, Any], effect: Literal["pure", "at_most_once"], timeout_s: float
) -> Tool:
    full = f"{server}__{_ODD.sub('_', name)}"[:64]
    return Tool(
        name=full,
        description=said,
        parameters=schema,
        effect=effect,
        timeout_s=timeout_s,
        source=f"{server}/{name}",
        version=pinned(full, said, schema),
        untrusted=True,
    )


def shown(one: Offered) -> Mapping[str, Any]:
    """As `tools/list` shows it."""
    tool = one.tool
    out: dict[str, Any] = {
        "name": one.name,
        "description": tool.description,
        "inputSchema": tool.parameters,
        "annotations": {
            "readOnlyHint": tool.effect == "pure",
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.effect != "at_most_once",
            "openWorldHint": tool.sends or tool.untrusted,
        },
        "_meta": {"antiphon/hash": tool.version, "antiphon/source": tool.source},
    }
    if tool.result is not None and tool.result.get("type") == "object":
        out["outputSchema"] = tool.result
    return out


def held(one: Offered, arguments: dict[str, Any]) -> None:
    """Hold what an agent or a model is given to its schema. Raises: BadRequest."""
    schema = one.tool.parameters
    if schema is _PROMPT or schema is _GOAL:
        _, wrong = (_HELD_PROMPT if schema is _PROMPT else _HELD_GOAL).check(arguments)
    elif [*arguments] == ["run"] and "run" not in schema.get("properties", {}):
        return
    else:
        wrong = tuple(f"{place}: {said}" if place else said for place, said in faults(schema, arguments))
    if wrong:
        raise BadRequest(f"arguments of {one.name}: {'; '.join(wrong)}")
