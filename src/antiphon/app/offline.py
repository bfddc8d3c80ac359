"""A configuration's planner without a gateway: it plans, and sends nothing."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from msgspec import Struct

from antiphon.app.plans import Planning
from antiphon.app.revisions import made
from antiphon.calls.caller import Caller
from antiphon.config.load import Loaded
from antiphon.config.resolve import labs
from antiphon.core.ledger import Holds
from antiphon.core.ports import Inbound, Journal, Outbound, Transport
from antiphon.core.receipt import Told
from antiphon.gateway.decide import Decisions
from antiphon.gateway.house import Revision
from antiphon.metering.counting_tickets import CountingTickets
from antiphon.telemetry.metrics import Metrics
from antiphon.telemetry.slots import Slots

NOWHERE = "http://127.0.0.1:9"
"""Stands for lab providers, which nothing runs here. Source: RFC 863, the port of what discards."""


def _never() -> NoReturn:
    raise RuntimeError("a planner sends nothing")


class _NoTransport(Transport):
    def send(self, request: Outbound, *, fresh: bool = False) -> Coroutine[Any, Any, Inbound]:
        _never()


class _NoJournal(Journal):
    def opened(self, told: Told, tail: bytes = b"}") -> None:
        _never()

    def closed(self, told: Told, tail: bytes = b"}") -> None:
        _never()

    def owe(self, told: Told, tail: bytes = b"}") -> None:
        _never()

    def held(self, holds: Holds) -> None:
        _never()

    def captured(self, receipt_id: str, tenant: str, sealed: bytes, *, until_ns: int = 0) -> None:
        _never()


class Planner(Struct, frozen=True, kw_only=True):
    """What plans."""

    revision: Revision
    decisions: Decisions
    caller: Caller
    planning: Planning


def planner(loaded: Loaded, now: Callable[[], float] = lambda: 0.0) -> Planner:
    """Make a planner of a checked configuration. Raises: ConfigError."""
    simulated = {loaded.settings.models[name].provider for name in labs(loaded.settings)}
    with TemporaryDirectory() as directory:
        metrics = Metrics(Slots(Path(directory), "planner"))
        caller = Caller(_NoTransport(), CountingTickets("planner"), _NoJournal(), metrics, now=now)
        planning = Planning()
        revision = made(loaded, dict.fromkeys(simulated, NOWHERE), caller, planning).revision
    return Planner(revision=revision, decisions=Decisions(revision, caller), caller=caller, planning=planning)
