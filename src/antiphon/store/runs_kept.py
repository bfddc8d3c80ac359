"""Runs in a database, whichever it is: the port's methods as transactions."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from antiphon.core.run import Barred, Beat, Held, Intent, Mail, Memory, Run, RunEvent, RunStatus, Skill, Use
from antiphon.core.run_store import Asked, RunStore
from antiphon.store import runs, runs_beside, runs_told, runs_upkeep, runs_use
from antiphon.store.asking import Ask

T = TypeVar("T")


class Asking(Protocol):
    """A database asked in transactions by any thread."""

    def run(self, work: Callable[[Ask], T], *, writes: bool = False, soft: bool = False, lock: int | None = None) -> T:
        """Do something in one transaction.

        Args:
            soft: A loss of power may take it back, together with all that was written after it; the death of a process
                may not. What is written without it, later, makes it last too.
            lock: Alone of all that take it.
        Raises: StoreError.
        """
        ...

    def close(self) -> None: ...


class KeptRuns(RunStore):
    """On a database whose tables are up to date."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def _read(self, work: Callable[[Ask], T]) -> T:
        return self._asking.run(work)

    def _write(self, work: Callable[[Ask], T]) -> T:
        return self._asking.run(work, writes=True)

    def _soft(self, work: Callable[[Ask], T]) -> T:
        return self._asking.run(work, writes=True, soft=True)

    # --- runs

    def begin(self, run: Run, most_queued: int = 10_000) -> Run:
        work = partial(runs.begin, run=run, most_queued=most_queued)
        return self._asking.run(work, writes=True, lock=runs.lock_of(run.tenant))

    def one(self, run: str, tenant: str | None = None) -> Run | None:
        return self._read(partial(runs.one, run=run, tenant=tenant))

    def page(self, asked: Asked) -> list[Run]:
        return self._read(partial(runs.page, asked=asked))

    def save(self, run: Run, expects_segment: int, statuses: Sequence[RunStatus]) -> bool:
        return self._write(partial(runs.save, run=run, expects_segment=expects_segment, statuses=statuses))

    def due(self, now_ns: int, most: int) -> list[Run]:
        return self._read(partial(runs.due, now_ns=now_ns, most=most))

    def counts(self, tenant: str | None = None) -> dict[tuple[str, RunStatus], int]:
        return self._read(partial(runs.counts, tenant=tenant))

    # --- mail

    def post(self, mail: Mail) -> bool:
        return self._write(partial(runs.post, mail=mail))

    def mail(self, run: str) -> list[Mail]:
        return self._read(partial(runs.mail, run=run))

    def take(self, run: str, ids: Sequence[str]) -> None:
        if ids:
            self._write(partial(runs.take, run=run, ids=ids))

    # --- what happened

    def tell(self, events: Sequence[RunEvent]) -> None:
        if events:
            self._soft(partial(runs_told.tell, events=events))

    def told(self, run: str, after: int, most: int = 1000) -> list[RunEvent]:
        return self._read(partial(runs_told.told, run=run, after=after, most=most))

    # --- envelopes

    def hold(self, root: str, key: str, most: Use) -> Held:
        return self._soft(partial(runs_use.hold, root=root, key=key, most=most))

    def settle(self, root: str, key: str, used: Use) -> None:
        self._soft(partial(runs_use.settle, root=root, key=key, used=used))

    # --- at most once

    def intend(self, intent: Intent) -> Intent:
        return self._write(partial(runs_told.intend, intent=intent))

    def came(self, run: str, step: str, outcome: bytes, owner: str) -> bool:
        return self._write(partial(runs_told.came, run=run, step=step, outcome=outcome, owner=owner))

    def review(
        self, run: str, step: str, outcome: bytes | None, by: str, owner: str, *, was: str | None = None
    ) -> bool:
        return self._write(partial(runs_told.review, run=run, step=step, outcome=outcome, by=by, owner=owner, was=was))

    # --- workers

    def beat(self, beat: Beat) -> bool:
        return self._soft(partial(runs_told.beat, one=beat))

    def beats(self) -> list[Beat]:
        return self._read(runs_told.beats)

    def retire(self, worker: str, seen_ns: int) -> bool:
        return self._write(partial(runs_told.retire, worker=worker, seen_ns=seen_ns))

    def forget_worker(self, worker: str) -> None:
        self._write(partial(runs_told.forget_worker, worker=worker))

    # --- memory, skills, switches

    def remember(self, memory: Memory) -> None:
        self._write(partial(runs_beside.remember, it=memory))

    def memories(self, tenant: str, agent: str, owners: Sequence[tuple[str, str]], now_ns: int) -> list[Memory]:
        return self._read(partial(runs_beside.memories, tenant=tenant, agent=agent, owners=owners, now_ns=now_ns))

    def forget(self, tenant: str, *, memory: str = "", scope: str = "", owner: str = "") -> int:
        return self._write(partial(runs_beside.forget, tenant=tenant, memory=memory, scope=scope, owner=owner))

    def score(self, skill: Skill) -> None:
        self._soft(partial(runs_beside.score, it=skill))

    def skills(self, tenant: str | None = None) -> list[Skill]:
        return self._read(partial(runs_beside.skills, tenant=tenant))

    def bar(self, barred: Barred) -> None:
        self._write(partial(runs_beside.bar, it=barred))

    def unbar(self, kind: str, name: str, tenant: str) -> bool:
        return self._write(partial(runs_beside.unbar, kind=kind, name=name, tenant=tenant))

    def barred(self) -> list[Barred]:
        return self._read(runs_beside.barred)

    # --- shared context, small settings of adapters

    def put(
        self, tenant: str, space: str, key: str, value: bytes, *, expects: int | None = None, until_ns: int = 0
    ) -> int:
        work = partial(
            runs_beside.put, tenant=tenant, space=space, key=key, value=value, expects=expects, until_ns=until_ns
        )
        return self._write(work)

    def value(self, tenant: str, space: str, key: str, now_ns: int) -> tuple[bytes, int] | None:
        return self._read(partial(runs_beside.value, tenant=tenant, space=space, key=key, now_ns=now_ns))

    def values(self, tenant: str, space: str, now_ns: int, prefix: str = "") -> list[tuple[str, bytes, int]]:
        return self._read(partial(runs_beside.values, tenant=tenant, space=space, now_ns=now_ns, prefix=prefix))

    def first(self, tenant: str, space: str, now_ns: int, most: int, until: str = "") -> list[tuple[str, bytes, int]]:
        work = partial(runs_beside.first, tenant=tenant, space=space, now_ns=now_ns, most=most, until=until)
        return self._read(work)

    def count(self, tenant: str, space: str) -> int:
        return self._read(partial(runs_beside.count, tenant=tenant, space=space))

    def drop(self, tenant: str, space: str, key: str) -> bool:
        return self._write(partial(runs_beside.drop, tenant=tenant, space=space, key=key))

    # --- age and erasure

    def old(self, before_ns: int, most: int, after: str = "") -> list[Run]:
        return self._read(partial(runs_upkeep.old, before_ns=before_ns, most=most, after=after))

    def discard(self, roots: Sequence[str]) -> None:
        if roots:
            self._write(partial(runs_upkeep.discard, roots=roots))

    def lapse(self, now_ns: int) -> int:
        return self._write(partial(runs_upkeep.lapse, now_ns=now_ns))

    def erase(self, tenant: str, subject: str) -> list[str]:
        return self._write(partial(runs_upkeep.erase, tenant=tenant, subject=subject))

    def close(self) -> None:
        self._asking.close()
