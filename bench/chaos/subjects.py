"""The gateways under test: how each is set up for the fleet and started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lib.settings import BENCH, GATEWAY_COMMAND, Settings

from . import peers
from .fleet import Fleet
from .settings import TENANTS, Chaos
from .templates import filled, filled_json
from .weather import Lab

PLAIN = BENCH / "chaos" / "plain.yaml"
LITELLM = BENCH / "peers" / "litellm-chaos.yaml"
PORTKEY = BENCH / "peers" / "portkey-chaos.txt"
LITELLM_ENVIRONMENT = {
    "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "ERROR",
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A gateway before the fleet, or what is missing to have it."""

    name: str
    command: str = ""
    template: Path | None = None
    ready_path: str = ""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, dict[str, str]])  # by tenant
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    labs: list[Lab] = field(default_factory=list[Lab])
    receipts: bool = False
    missing: str = ""
    note: str = ""

    def config(self) -> str:
        """Its configuration, filled in."""
        return filled(self.template.read_text(), self.labs) if self.template is not None else ""


def _bearers(key: str) -> dict[str, dict[str, str]]:
    """Headers of each tenant; `{tenant}` in the key is filled in."""
    return {tenant: {"authorization": f"Bearer {key.format(tenant=tenant)}"} for tenant in TENANTS}


def _antiphon(name: str, settings: Settings, template: Path, labs: list[Lab], command: str) -> Subject:
    return Subject(
        name=name,
        command=command,
        template=template,
        ready_path=settings.ready_path,
        headers=_bearers("sk-chaos-{tenant}"),
        labs=labs,
        receipts=True,
    )


def _said(template: Path) -> list[str]:
    """The lines of a configuration but for its comments."""
    return [line for line in template.read_text().splitlines() if line.strip() and not line.startswith("#")]


def healthy(settings: Settings, chaos: Chaos, fleet: Fleet) -> Subject:
    """The yardstick: the plain path before the healthy labs alone."""
    return _antiphon("healthy", settings, PLAIN, fleet.of_kind("healthy"), GATEWAY_COMMAND)


def antiphon(settings: Settings, chaos: Chaos, fleet: Fleet) -> Subject:
    """Antiphon as configured for the fleet."""
    made = _antiphon("antiphon", settings, settings.config, fleet.labs, settings.gateway_command)
    alike = _said(settings.config) == _said(PLAIN)
    return replace(made, note="its configuration says what that of `plain` says" if alike else "")


def plain(settings: Settings, chaos: Chaos, fleet: Fleet) -> Subject:
    """Antiphon with one route and a draw by weight."""
    return _antiphon("plain", settings, PLAIN, fleet.labs, GATEWAY_COMMAND)


def _there(peer: peers.Peer, chaos: Chaos) -> str:
    """What is missing of a peer, after installing it if that was asked for."""
    return peers.install(peer, chaos.peers) if peer.missing and chaos.install_peers else peer.missing


def litellm(settings: Settings, chaos: Chaos, fleet: Fleet) -> Subject:
    """LiteLLM's proxy with its router set up by its documentation."""
    peer = peers.litellm(chaos.peers)
    return Subject(
        name="litellm",
        command=f"{peer.program} --config {{config}} --host 127.0.0.1 --port {{port}} --num_workers 1",
        template=LITELLM,
        ready_path="/health/readiness",
        headers=_bearers("sk-chaos-master"),
        environment=LITELLM_ENVIRONMENT,
        labs=fleet.labs,
        missing=_there(peer, chaos),
        note="all tenants share its master key: keys of their own need its database",
    )


def portkey(settings: Settings, chaos: Chaos, fleet: Fleet) -> Subject:
    """Portkey's open gateway; its configuration goes out with each request."""
    peer = peers.portkey(chaos.peers)
    config = {"x-portkey-config": filled_json(PORTKEY.read_text(), fleet.labs)}
    return Subject(
        name="portkey",
        command=f"{peer.program} --port={{port}} --headless",
        ready_path="/",
        headers=dict.fromkeys(TENANTS, config),
        labs=fleet.labs,
        missing=_there(peer, chaos),
        note="the open gateway has no keys, so no tenants",
    )


Maker = Callable[[Settings, Chaos, Fleet], Subject]
MAKERS: Mapping[str, Maker] = {
    "healthy": healthy,
    "antiphon": antiphon,
    "plain": plain,
    "litellm": litellm,
    "portkey": portkey,
}
