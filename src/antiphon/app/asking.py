"""Wires whoever is asked: people, and models and services that guards ask."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from pathlib import Path

from antiphon.app.places import Places
from antiphon.app.plans import seat
from antiphon.app.stores import Stores
from antiphon.app.vaults import envelope
from antiphon.calls.caller import Caller
from antiphon.calls.prepared import Policy
from antiphon.calls.settings import RouteSettings
from antiphon.config.settings import Settings
from antiphon.control.approvals import Book, Clockwork, People
from antiphon.control.approvals_told import EVERY_S, Telling, name_of
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.core.approval import Approval
from antiphon.core.clock import Clock, SystemClock
from antiphon.core.error import StoreError
from antiphon.core.ids import Uuid7
from antiphon.core.ports import Approvals, Sealer, Transport
from antiphon.governance.approving import Approving, ApprovingSettings
from antiphon.governance.asking import Askers
from antiphon.governance.judge import Judge, guard_of
from antiphon.governance.judge_model import Calling, ModelJudge
from antiphon.governance.judge_webhook import WebhookJudge
from antiphon.providers.target import Target
from antiphon.routing.route import Route

log = logging.getLogger("antiphon.approvals")


class Askables:
    """What a worker holds for those who are asked, whatever the revision."""

    def __init__(self, stores: Stores, sealer: Sealer, clock: Clock, transport: Transport) -> None:
        self._store = stores.approvals()
        self._stores = stores
        self._sealer, self._clock, self._transport = sealer, clock, transport
        self.book: Book | None = None
        """Of the revision that is worked by."""
        self._people: People | None = None
        self._telling: Telling | None = None

    def make(
        self,
        settings: Settings,
        routes: Mapping[str, Route],
        targets: Mapping[str, Target],
        caller: Caller,
    ) -> Askers:
        """Who is asked under a checked configuration."""
        clock, approvals = self._clock, settings.approvals
        hooks = [name_of(one) for one in approvals.notify]
        wakes = waking(settings, self._stores, self._sealer, clock)
        self.book = Book(self._store, approvals, clockwork(self._sealer, clock), hooks, wakes)
        self._telling = Telling(self.book, approvals, self._transport, clock.now_ns, now_s=clock.steady_s)
        self._people = people_of(self.book, self._sealer, clock)
        return askers_of(settings, routes, targets, caller, self._transport, self._people, clock)

    def people(self) -> tuple[Book | None, Approvals | None]:
        """What people are asked under the revision that was made last, and how it is waited for."""
        return self.book, self._people

    async def watch(self) -> None:
        """Let time pass for approvals, and tell of them: in one worker of a gateway, until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                if self._telling is not None:
                    await self._telling.step()
            except StoreError as error:
                log.error("approvals.not_kept", extra={"reason": error.noted})

    def close(self) -> None:
        self._store.close()


def book_of(settings: Settings, sealer: Sealer, clock: Clock) -> Book:
    """Approvals of a configuration. Its tables are up to date."""
    stores = Stores.of(settings.storage, Path(settings.storage.dir))
    hooks = [name_of(one) for one in settings.approvals.notify]
    wakes = waking(settings, stores, sealer, clock)
    return Book(stores.approvals(), settings.approvals, clockwork(sealer, clock), hooks, wakes)


def waking(settings: Settings, stores: Stores, sealer: Sealer, clock: Clock) -> Callable[[Approval], None] | None:
    """Wakes runs of agents that wait for what people said. None: there are no agents here."""
    if not settings.agents.on:
        return None
    from antiphon.agents.approved import Waker
    from antiphon.agents.sealed import SealedRuns

    return Waker(SealedRuns(stores.runs(), sealer), clock.now_ns).settled


def own_book(settings: Settings) -> Book:
    """The same for a process without a sealer of its own. Raises: StoreError."""
    data = Path(settings.storage.dir)
    return book_of(settings, envelope(settings, Places.under(data, data)), SystemClock())


def people_of(book: Book, sealer: Sealer, clock: Clock) -> People:
    """The same for whoever waits on a loop."""
    return People(book, clockwork(sealer, clock))


def clockwork(sealer: Sealer, clock: Clock) -> Clockwork:
    return Clockwork(now_ns=clock.now_ns, now_s=clock.steady_s, ids=Uuid7(clock), sealer=sealer)


def askers_of(
    settings: Settings,
    routes: Mapping[str, Route],
    targets: Mapping[str, Target],
    caller: Caller,
    transport: Transport,
    approvals: Approvals | None,
    clock: Clock,
) -> Askers:
    """Who is asked under a checked configuration.

    Args:
        approvals: None: nobody can be asked, so what has to be approved is refused.
    """
    longest_s = settings.calls.deadline.max_s
    policy = Policy("", RouteSettings(), settings.calls)
    calling = Calling(caller=caller, policy=policy, targets=targets, max_s=longest_s)
    deployments = {name: one.deployment for name, one in targets.items()}
    fraction = random.Random().random  # noqa: S311 - spreads probes in time; it guards nothing
    judges: list[Judge] = []
    for name, guard in settings.guards.items():
        if guard.model is not None:
            route = seat(guard.model.model, routes, deployments)
            judges.append(
                ModelJudge(guard_of(name, "model", guard), guard.model, settings.data_classes, route, calling)
            )
        elif guard.webhook is not None:
            judges.append(
                WebhookJudge(
                    guard_of(name, "webhook", guard),
                    guard.webhook,
                    settings.data_classes,
                    transport,
                    fraction=fraction,
                    now_ns=clock.now_ns,
                )
            )
    approving = None if approvals is None else Approving(approvals, approving_of(settings.approvals), clock.now_ns)
    return Askers(judges, approving, longest_s)


def approving_of(settings: ApprovalSettings) -> ApprovingSettings:
    """How calls are put before people."""
    return ApprovingSettings(
        expires_s=settings.expires_s,
        wait_s=settings.wait_s,
        retry_after_s=settings.retry_after_s,
        needed=settings.needed,
        approvers=settings.approvers,
        escalate_s=settings.escalate_s,
        escalate_to=settings.escalate_to,
        most_shown_bytes=settings.most_shown_bytes,
    )
