"""Runs, as those who look after them see them and act on them. Blocks on the store, so it is asked beside a loop."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from msgspec import Struct, structs

from antiphon.agents.runs import MOST_PAGES, PEOPLE, Runs
from antiphon.control.roles import Scope
from antiphon.control.who import Who
from antiphon.core.clock import Clock
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.principal import Principal
from antiphon.core.run import Barred, Run, RunEvent, RunStatus
from antiphon.core.run_store import Asked

T = TypeVar("T")
MOST_EVENTS = 1000


class BarFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is switched off."""

    kind: str
    name: str
    how: str = "quarantined"
    tenant: str = ""
    why: str = ""


class RunOffice:
    """Use cases of whoever has a role in the control plane."""

    def __init__(self, runs: Runs, clock: Clock, refresh: Callable[[], None]) -> None:
        """`refresh` makes known which keys others made and erased since."""
        self._runs, self._clock, self._refresh = runs, clock, refresh

    def page(
        self, who: Who, tenant: str | None, agent: str, statuses: tuple[RunStatus, ...], before: str, most: int
    ) -> list[Run]:
        """Runs that are theirs to see, the newest first."""
        self._refresh()
        asked = Asked(tenant=tenant, agent=agent, statuses=statuses, before=before, most=most)
        found: list[Run] = []
        for _ in range(MOST_PAGES):
            page = self._runs.parts.store.page(asked)
            found += [one for one in page if who.sees(one.principal)]
            if len(page) < most or len(found) >= most:
                break
            asked = structs.replace(asked, before=page[-1].id)
        return found[:most]

    def inbox(self, who: Who, tenant: str | None = None) -> list[Run]:
        """Runs that wait for people and are theirs to answer."""
        self._refresh()
        asked = Asked(tenant=tenant, statuses=("waiting", "paused"), most=1000)
        found = self._runs.parts.store.page(asked)
        return [one for one in found if _for_people(one) and who.sees(one.principal, "approve")]

    def one(self, who: Who, run: str) -> Run:
        """One run. Raises: NotFound, also for what is not theirs to see."""
        self._refresh()
        found = self._runs.parts.store.one(run)
        if found is None or not who.sees(found.principal):
            raise NotFound(f"there is no run {run[:64]!r}", param="run")
        return found

    def content(self, who: Who, run: Run) -> bool:
        """Whether they see what was said: those who may read content, and those who answer what it waits for."""
        return who.sees(run.principal, "content") or who.sees(run.principal, "approve")

    def events(self, who: Who, run: str, after: int) -> list[RunEvent]:
        """What happened, the oldest first. Raises: NotFound."""
        found = self.one(who, run)
        return self._runs.parts.store.told(found.id, after, MOST_EVENTS)

    def children(self, run: Run) -> list[Run]:
        """Runs that it began."""
        return self._runs.parts.store.page(Asked(tenant=run.tenant, parent=run.id, most=100))

    def tell(self, who: Who, run: str, verb: str, fields: Mapping[str, Any]) -> Run:
        """Say something to a run. Raises: NotFound, NotAllowed, BadRequest."""
        found = self.one(who, run)
        who.need("approve" if verb in ANSWERS else "agents", Scope(found.tenant, found.principal.team))
        runs, as_who, why = self._runs, _principal(who, found.tenant), str(fields.get("why") or "")
        acts: dict[str, Callable[[], Coroutine[Any, Any, Run]]] = {
            "cancel": lambda: runs.cancel(as_who, run, why, everyone=True),
            "kill": lambda: runs.kill(as_who, run, why, everyone=True),
            "pause": lambda: runs.pause(as_who, run, why, everyone=True),
            "resume": lambda: runs.resume(as_who, run, everyone=True),
            "fork": lambda: runs.fork(as_who, run, _step(fields), everyone=True),
            "answer": lambda: runs.answer(as_who, run, _key(fields, found), fields.get("body"), everyone=True),
            "take-over": lambda: runs.take_over(as_who, run, who.by, everyone=True),
            "give-back": lambda: runs.give_back(as_who, run, fields.get("done"), everyone=True),
        }
        return _done(acts[verb]())

    def barred(self, who: Who) -> list[Barred]:
        """What is switched off everywhere, and in tenants that are theirs to see."""
        return [one for one in self._runs.parts.store.barred() if _sees(who, _tenant(one.kind, one.name, one.tenant))]

    def bar(self, who: Who, fields: BarFields) -> Barred:
        """Switch an agent, a tool or a tenant off. Raises: BadRequest, NotAllowed."""
        made = _barred(fields, who.by, self._clock.now_ns())
        who.need("agents", Scope(_tenant(made.kind, made.name, made.tenant)))
        _done(self._runs.bar(made))
        return made

    def unbar(self, who: Who, kind: str, name: str, tenant: str) -> None:
        """Switch it on again. Raises: NotFound, NotAllowed."""
        who.need("agents", Scope(_tenant(kind, name, tenant)))
        if not _done(self._runs.unbar(kind, name, tenant)):
            raise NotFound(f"the {kind} {name[:64]!r} is not switched off{f' in {tenant}' if tenant else ''}")


ANSWERS = frozenset(("answer", "take-over", "give-back"))
"""Verbs of those who answer; the others are of those who look after agents."""


def _done(work: Coroutine[Any, Any, T]) -> T:
    """Do it in this thread, which has no loop."""
    return asyncio.run(work)


def _principal(who: Who, tenant: str) -> Principal:
    own = who.principal
    if own is not None and own.tenant == tenant:
        return own
    return Principal(tenant=tenant, key=who.by.removeprefix("key/"), user="" if own is None else own.user, admin=True)


def _for_people(run: Run) -> bool:
    return bool(run.taken_by) or (run.wait is not None and run.wait.kind in PEOPLE)


def _sees(who: Who, tenant: str | None) -> bool:
    return who.may("read", None if tenant is None else Scope(tenant))


def _tenant(kind: str, name: str, tenant: str) -> str | None:
    return name if kind == "tenant" else tenant or None


def _step(fields: Mapping[str, Any]) -> int:
    """Raises: BadRequest."""
    step = fields.get("step")
    if not isinstance(step, int) or isinstance(step, bool):
        raise BadRequest("step: write a whole number, 1 or more", param="step")
    return step


def _key(fields: Mapping[str, Any], run: Run) -> str:
    said = fields.get("key")
    return said if isinstance(said, str) and said else "" if run.wait is None else run.wait.key


def _barred(fields: BarFields, by: str, at_ns: int) -> Barred:
    """Raises: BadRequest."""
    if fields.kind not in ("agent", "tool", "tenant"):
        raise BadRequest("kind: write one of agent, tool, tenant", param="kind")
    if fields.how not in ("quarantined", "killed"):
        raise BadRequest("how: write quarantined or killed", param="how")
    if not fields.name:
        raise BadRequest("name: say what is switched off", param="name")
    return Barred(
        kind=fields.kind, name=fields.name, tenant=fields.tenant, how=fields.how, by=by, at_ns=at_ns, why=fields.why
    )
