"""Wires who answers for agents on the gateway's port: runs, triggers, MCP, A2A, registries."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec import Struct

from antiphon.agents.a2a.files import Fetch, Files
from antiphon.agents.a2a.host import Host, HostParts
from antiphon.agents.a2a.pushes import Pushes
from antiphon.agents.a2a.signing import KEY_FILE, CardSigner
from antiphon.agents.asking import GatewayMind
from antiphon.agents.outcomes import Outcomes
from antiphon.app.agents import Agency
from antiphon.app.asking import approving_of
from antiphon.calls.tool_attempts import ToolAttempts
from antiphon.config.settings import Settings
from antiphon.control.deciding import deciding
from antiphon.control.desk import Desk
from antiphon.control.mcp import McpGateway
from antiphon.control.mcp_offer import Offering
from antiphon.control.tool_calls import ToolDesk
from antiphon.core.ports import Identity
from antiphon.core.principal import Principal
from antiphon.gateway.gateway import Gateway
from antiphon.net.exchange import Exchange
from antiphon.server import a2a, registry
from antiphon.server.a2a import A2A
from antiphon.server.beside import Beside, Handler
from antiphon.server.mcp import METADATA, McpSite, mcp_page
from antiphon.server.mcp import PREFIX as MCP
from antiphon.server.mcp_in_flight import InFlight
from antiphon.server.memories import PREFIX as MEMORIES
from antiphon.server.memories import MemorySite
from antiphon.server.registry import Registries
from antiphon.server.runs import AGENTS, INBOX, RUNS, RunSite
from antiphon.server.triggers import PREFIX as TRIGGERS
from antiphon.server.triggers import TriggerSite

DAY_MS = 86_400_000


class Paths(Struct, frozen=True, kw_only=True):
    """What outlives revisions."""

    agency: Agency
    outcomes: Outcomes
    attempts: ToolAttempts
    in_flight: InFlight


def beside(paths: Paths, settings: Settings, gateway: Gateway, desk: Desk, identity: Identity) -> Beside:
    """Who answers under a revision."""
    agency = paths.agency
    runs, site = RunSite(agency.runs, identity, agency.parts.clock), _mcp(paths, settings, gateway, desk, identity)
    memories = MemorySite(agency.memories, agency.runs, identity)
    tls, url = settings.server.tls is not None, settings.agents.public_url
    host = Host(
        HostParts(
            runs=agency.runs,
            pushes=Pushes(agency.store, agency.parts.clock, agency.parts.ids),
            files=Files(fetch=Fetch(agency.parts.transport, agency.parts.clock), workspace=agency.workspace),
            most_s=settings.calls.deadline.max_s,
            decide=deciding(lambda: agency.parts.governing.book),
            signer=CardSigner(card_keys(agency)),
        )
    )
    opened = Principal(tenant="", key="anybody") if settings.agents.open_cards else None
    talking = A2A(host=host, identity=identity, base_url=url, tls=tls, open_cards=opened)
    registries = Registries(
        directory=agency.directory,
        shelf=lambda: agency.shelf,
        identity=identity,
        since_s=int(time.time()),
        base_url=url,
        tls=tls,
    )
    listed: Handler = partial(_registry, registries)
    return Beside(
        exact={
            AGENTS: runs.handle,
            RUNS: runs.handle,
            INBOX: runs.handle,
            MEMORIES: memories.handle,
            MCP: partial(_mcp_page, site),
            a2a.CARD: partial(_a2a, talking),
            a2a.KEYS: partial(_a2a, talking),
        },
        below=(
            (AGENTS + b"/", runs.handle),
            (RUNS + b"/", runs.handle),
            (TRIGGERS, TriggerSite(agency.triggers, identity).handle),
            (MEMORIES + b"/", memories.handle),
            (MCP + b"/", partial(_mcp_page, site)),
            (METADATA, partial(_mcp_page, site)),
            (a2a.PREFIX, partial(_a2a, talking)),
            (registry.SERVERS, listed),
            (registry.AGENTS, listed),
        ),
    )


def card_keys(agency: Agency) -> Path:
    """Where the keys are that sign cards."""
    named = agency.parts.settings.agents.card_key_file
    return Path(named) if named else agency.parts.data / KEY_FILE


async def _mcp_page(site: McpSite, exchange: Exchange) -> None:
    await mcp_page(exchange, site)


async def _a2a(talking: A2A, exchange: Exchange) -> None:
    await a2a.answer(exchange, talking)


async def _registry(registries: Registries, exchange: Exchange) -> None:
    await registry.answer(exchange, registries)


def _mcp(paths: Paths, settings: Settings, gateway: Gateway, desk: Desk, identity: Identity) -> McpSite:
    agency = paths.agency
    tools = ToolDesk(
        desk=desk,
        attempts=paths.attempts,
        approvals=agency.parts.approvals(),
        approving=approving_of(settings.approvals),
        barred=barred_of(agency),
    )
    offering = Offering(
        desk=tools, tools=agency.toolbox, servers=agency.servers, runs=agency.runs, also=agency.toolbox.offered
    )
    mcp = McpGateway(
        offering=offering,
        watchers=agency.watchers,
        mind=GatewayMind(lambda: gateway, paths.outcomes),
        keep_ms=round(settings.agents.keep_days * DAY_MS),
    )
    return McpSite(
        gateway=mcp,
        identity=identity,
        in_flight=paths.in_flight,
        issuers=tuple(one.issuer for one in settings.identity.issuers),
        public_url=settings.agents.public_url,
        servers=agency.servers,
        tokens=agency.tokens,
    )


def barred_of(agency: Agency) -> Callable[[Principal, str], str]:
    """Why a tool is switched off for a caller."""

    def why(principal: Principal, tool: str) -> str:
        for one in agency.directory.barred:
            mine = one.tenant in ("", principal.tenant)
            if mine and (one.kind, one.name) in {("tool", tool), ("tenant", principal.tenant)}:
                return f"{one.how}: {one.why or 'by an operator'}"
        return ""

    return why
