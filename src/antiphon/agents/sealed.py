"""A store of runs that seals what they say: by keys of their tenant and of whose data they are, erased with those.

Sealed are input, state, result, what people are shown, the bodies of mail and events, outcomes of intents, memories and
values. What was erased reads as empty.
"""

import threading
from base64 import b64decode, b64encode
from collections.abc import Sequence

from msgspec import structs

from antiphon.core.error import Erased
from antiphon.core.ports import Sealer
from antiphon.core.run import Barred, Beat, Held, Intent, Mail, Memory, Run, RunEvent, RunStatus, Skill, Use
from antiphon.core.run_store import Asked, RunStore

KNOWN = 20_000
"""Runs whose tenant and subject a process remembers."""
_CONTENT = ("input", "state", "result")
_CONTEXT = "context/"
"""Begins the spaces of values that belong to a run, by its id."""


class SealedRuns(RunStore):
    """Over the store that keeps them. Sealing may wait for a tenant's key: as all of the port's methods it blocks."""

    def __init__(self, store: RunStore, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._turn = threading.Lock()
        self._owners: dict[str, tuple[str, str]] = {}

    # --- runs

    def begin(self, run: Run, most_queued: int = 10_000) -> Run:
        return self._opened(self._store.begin(self._sealed(run), most_queued))

    def one(self, run: str, tenant: str | None = None) -> Run | None:
        found = self._store.one(run, tenant)
        return None if found is None else self._opened(found)

    def page(self, asked: Asked) -> list[Run]:
        return [self._opened(one) for one in self._store.page(asked)]

    def save(self, run: Run, expects_segment: int, statuses: Sequence[RunStatus]) -> bool:
        return self._store.save(self._sealed(run), expects_segment, statuses)

    def due(self, now_ns: int, most: int) -> list[Run]:
        return [self._opened(one) for one in self._store.due(now_ns, most)]

    def counts(self, tenant: str | None = None) -> dict[tuple[str, RunStatus], int]:
        return self._store.counts(tenant)

    # --- mail

    def post(self, mail: Mail) -> bool:
        body = self._seal(mail.body, f"mail/{mail.run}/{mail.id}", self._owner(mail.run))
        return self._store.post(structs.replace(mail, body=body))

    def mail(self, run: str) -> list[Mail]:
        return [
            structs.replace(one, body=self._open(one.body, f"mail/{run}/{one.id}")) for one in self._store.mail(run)
        ]

    def take(self, run: str, ids: Sequence[str]) -> None:
        self._store.take(run, ids)

    # --- what happened

    def tell(self, events: Sequence[RunEvent]) -> None:
        self._store.tell(
            [
                structs.replace(one, body=self._seal(one.body, f"event/{one.run}/{one.seq}", self._owner(one.run)))
                for one in events
            ]
        )

    def told(self, run: str, after: int, most: int = 1000) -> list[RunEvent]:
        return [
            structs.replace(one, body=self._open(one.body, f"event/{run}/{one.seq}"))
            for one in self._store.told(run, after, most)
        ]

    # --- envelopes

    def hold(self, root: str, key: str, most: Use) -> Held:
        return self._store.hold(root, key, most)

    def settle(self, root: str, key: str, used: Use) -> None:
        self._store.settle(root, key, used)

    # --- at most once

    def intend(self, intent: Intent) -> Intent:
        context = _intent(intent.run, intent.step)
        given = intent
        if intent.outcome is not None:
            given = structs.replace(intent, outcome=self._seal(intent.outcome, context, self._owner(intent.run)))
        found = self._store.intend(given)
        if found.outcome is None:
            return found
        return structs.replace(found, outcome=self._open(found.outcome, context))

    def came(self, run: str, step: str, outcome: bytes, owner: str) -> bool:
        return self._store.came(run, step, self._seal(outcome, _intent(run, step), self._owner(run)), owner)

    def review(
        self, run: str, step: str, outcome: bytes | None, by: str, owner: str, *, was: str | None = None
    ) -> bool:
        sealed = None if outcome is None else self._seal(outcome, _intent(run, step), self._owner(run))
        return self._store.review(run, step, sealed, by, owner, was=was)

    # --- workers

    def beat(self, beat: Beat) -> bool:
        return self._store.beat(beat)

    def beats(self) -> list[Beat]:
        return self._store.beats()

    def retire(self, worker: str, seen_ns: int) -> bool:
        return self._store.retire(worker, seen_ns)

    def forget_worker(self, worker: str) -> None:
        self._store.forget_worker(worker)

    # --- memory, skills, switches

    def remember(self, memory: Memory) -> None:
        subject = f"user/{memory.owner}" if memory.scope == "user" else memory.subject
        text = self._seal(memory.text, f"memory/{memory.id}", (memory.tenant, subject))
        self._store.remember(structs.replace(memory, text=text))

    def memories(self, tenant: str, agent: str, owners: Sequence[tuple[str, str]], now_ns: int) -> list[Memory]:
        found = self._store.memories(tenant, agent, owners, now_ns)
        return [structs.replace(one, text=self._open(one.text, f"memory/{one.id}")) for one in found]

    def forget(self, tenant: str, *, memory: str = "", scope: str = "", owner: str = "") -> int:
        return self._store.forget(tenant, memory=memory, scope=scope, owner=owner)

    def score(self, skill: Skill) -> None:
        self._store.score(skill)

    def skills(self, tenant: str | None = None) -> list[Skill]:
        return self._store.skills(tenant)

    def bar(self, barred: Barred) -> None:
        self._store.bar(barred)

    def unbar(self, kind: str, name: str, tenant: str) -> bool:
        return self._store.unbar(kind, name, tenant)

    def barred(self) -> list[Barred]:
        return self._store.barred()

    # --- shared context, small settings of adapters

    def put(
        self, tenant: str, space: str, key: str, value: bytes, *, expects: int | None = None, until_ns: int = 0
    ) -> int:
        owner = self._owner(space.removeprefix(_CONTEXT)) if space.startswith(_CONTEXT) else (tenant, "")
        sealed = self._seal(value, _value(space, key), owner)
        return self._store.put(tenant, space, key, sealed, expects=expects, until_ns=until_ns)

    def value(self, tenant: str, space: str, key: str, now_ns: int) -> tuple[bytes, int] | None:
        found = self._store.value(tenant, space, key, now_ns)
        return None if found is None else (self._open(found[0], _value(space, key)), found[1])

    def values(self, tenant: str, space: str, now_ns: int, prefix: str = "") -> list[tuple[str, bytes, int]]:
        return self._values(space, self._store.values(tenant, space, now_ns, prefix))

    def first(self, tenant: str, space: str, now_ns: int, most: int, until: str = "") -> list[tuple[str, bytes, int]]:
        return self._values(space, self._store.first(tenant, space, now_ns, most, until))

    def _values(self, space: str, found: list[tuple[str, bytes, int]]) -> list[tuple[str, bytes, int]]:
        return [(key, self._open(value, _value(space, key)), version) for key, value, version in found]

    def count(self, tenant: str, space: str) -> int:
        return self._store.count(tenant, space)

    def drop(self, tenant: str, space: str, key: str) -> bool:
        return self._store.drop(tenant, space, key)

    # --- age and erasure

    def old(self, before_ns: int, most: int, after: str = "") -> list[Run]:
        return self._store.old(before_ns, most, after)

    def discard(self, roots: Sequence[str]) -> None:
        self._store.discard(roots)

    def lapse(self, now_ns: int) -> int:
        return self._store.lapse(now_ns)

    def erase(self, tenant: str, subject: str) -> list[str]:
        return self._store.erase(tenant, subject)

    def close(self) -> None:
        self._store.close()

    # --- sealing

    def _sealed(self, run: Run) -> Run:
        owner = self._know(run)
        content = {name: self._seal(getattr(run, name), f"run/{run.id}/{name}", owner) for name in _CONTENT}
        wait = run.wait
        if wait is not None and wait.shown:
            shown = self._seal(wait.shown.encode(), f"run/{run.id}/shown", owner)
            wait = structs.replace(wait, shown=b64encode(shown).decode())
        return structs.replace(run, wait=wait, **content)

    def _opened(self, run: Run) -> Run:
        self._know(run)
        content = {name: self._open(getattr(run, name), f"run/{run.id}/{name}") for name in _CONTENT}
        wait = run.wait
        if wait is not None and wait.shown:
            shown = self._open(b64decode(wait.shown), f"run/{run.id}/shown")
            wait = structs.replace(wait, shown=shown.decode())
        return structs.replace(run, wait=wait, **content)

    def _know(self, run: Run) -> tuple[str, str]:
        owner = run.tenant, run.principal.subject(session=run.session)
        with self._turn:
            self._owners[run.id] = owner
            while len(self._owners) > KNOWN:
                del self._owners[next(iter(self._owners))]
        return owner

    def _owner(self, run: str) -> tuple[str, str]:
        """Tenant and subject of a run; of one that is not there: nobody's."""
        known = self._owners.get(run)
        if known is not None:
            return known
        found = self._store.one(run)
        return ("", "") if found is None else self._know(found)

    def _seal(self, plain: bytes, context: str, owner: tuple[str, str]) -> bytes:
        tenant, subject = owner
        return self._sealer.seal(plain, f"runs/{context}", tenant=tenant, subject=subject) if plain else b""

    def _open(self, sealed: bytes, context: str) -> bytes:
        if not sealed:
            return b""
        try:
            return self._sealer.unseal(sealed, f"runs/{context}")
        except Erased:
            return b""


def _intent(run: str, step: str) -> str:
    return f"intent/{run}/{step}"


def _value(space: str, key: str) -> str:
    return f"value/{space}/{key}"
