"""Push notifications of A2A: where news of a task are posted, and posting them, signed, until they are taken.

News are each change of a task's state, as `statusUpdate`; the last is the whole `task`. They come at least once, in order, from
whichever process has the lease of the configuration.
"""

import asyncio
import logging

import msgspec
from msgspec import Struct, structs

from antiphon.agents.a2a import tasks
from antiphon.core.clock import Clock
from antiphon.core.error import AntiphonError, VersionConflict
from antiphon.core.ids import Ids
from antiphon.core.ports import Outbound, Transport
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.core.secret import Secret
from antiphon.net.egress import origin_of
from antiphon.net.post import Hook, posted
from antiphon.wire.a2a.errors import A2AError
from antiphon.wire.a2a.words import Item, Push

log = logging.getLogger("antiphon.agents")
SPACE = "a2a/push"
EVERYBODY = ""
"""The tenant under which all are kept: whoever posts looks for those of all tenants at once."""
S_NS = 1_000_000_000
MOST_CONFIGS = 8
"""Of one task."""
MOST_URL = 2048
LEASE_S = 60
TIMEOUT_S = 10.0
TRIES = 8
FIRST_GAP_S, MOST_GAP_S = 1, 300
KEEP_S = 30 * 86_400
MOST_ANSWER_BYTES = 65_536
_WELL = range(200, 300)


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A configuration as it is kept."""

    tenant: str
    run: str
    push: Push
    state: str = ""
    """The last that was told: the task's state and the run's segment."""
    tries: int = 0
    due_ns: int = 0
    """Not before."""


_kept = msgspec.json.Decoder(Kept)


class Pushes:
    """Keeps configurations."""

    def __init__(self, store: RunStore, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    async def keep(self, principal: Principal, run: Run, push: Push) -> Push:
        """Raises: A2AError."""
        _check(push)
        found = await self.of(run)
        named = structs.replace(push, id=push.id or self._ids.new(), task_id=run.id, tenant="")
        if len(found) >= MOST_CONFIGS and all(one.id != named.id for one in found):
            raise A2AError(
                f"a task has {MOST_CONFIGS} push configurations at most; delete one first", reason="INVALID_PARAMS"
            )
        kept = Kept(tenant=principal.tenant, run=run.id, push=named)
        until_ns = self._clock.now_ns() + KEEP_S * S_NS
        await asyncio.to_thread(self._put, _key(run.id, named.id), kept, until_ns)
        return named

    async def of(self, run: Run) -> list[Push]:
        found = await asyncio.to_thread(self._values, f"{run.id}/")
        return [kept.push for _, kept, _ in found]

    async def drop(self, run: Run, push: str) -> None:
        await asyncio.to_thread(self._store.drop, EVERYBODY, SPACE, _key(run.id, push))

    def _put(self, key: str, kept: Kept, until_ns: int) -> None:
        self._store.put(EVERYBODY, SPACE, key, msgspec.json.encode(kept), until_ns=until_ns)

    def _values(self, prefix: str) -> list[tuple[str, Kept, int]]:
        found = self._store.values(EVERYBODY, SPACE, self._clock.now_ns(), prefix)
        return [(key, _kept.decode(value), version) for key, value, version in found]


class Pusher:
    """Posts what is due. One per process that runs agents; they share the work by the versions of what is kept."""

    def __init__(self, store: RunStore, transport: Transport, clock: Clock, networks: tuple[str, ...] = ()) -> None:
        """`networks`: private ones that receivers may be in, as `egress` allows them."""
        self._store, self._transport, self._clock = store, transport, clock
        self._networks = networks

    async def watch(self, every_s: float) -> None:
        """Post what is due, again and again, until it is cancelled."""
        while True:
            try:
                await self.look()
            except AntiphonError as error:
                log.warning("agents.push_failed", extra={"run": "", "reason": error.noted})
            await asyncio.sleep(every_s)

    async def look(self) -> int:
        """Post what is due. Returns: how many were taken. Raises: StoreError."""
        now_ns = self._clock.now_ns()
        found = await asyncio.to_thread(self._store.values, EVERYBODY, SPACE, now_ns)
        sent = 0
        for key, value, version in found:
            kept = _kept.decode(value)
            if kept.due_ns <= now_ns:
                sent += await self._one(key, kept, version)
        return sent

    async def _one(self, key: str, kept: Kept, version: int) -> int:
        run = await asyncio.to_thread(self._store.one, kept.run, kept.tenant)
        if run is None:
            await asyncio.to_thread(self._store.drop, EVERYBODY, SPACE, key)
            return 0
        state = f"{tasks.state_of(run)}/{run.segment}"
        if state == kept.state:
            return 0
        leased = structs.replace(kept, due_ns=self._clock.now_ns() + LEASE_S * S_NS)
        held = await self._save(key, leased, version)
        if held is None:
            return 0
        taken = await self._post(kept.push, run)
        await self._after(key, kept, held, run, state, taken=taken)
        return int(taken)

    async def _after(self, key: str, kept: Kept, version: int, run: Run, state: str, *, taken: bool) -> None:
        if (taken and run.ended) or (not taken and kept.tries + 1 >= TRIES):
            if not taken:
                log.warning("agents.push_given_up", extra={"run": run.id, "tries": TRIES})
            await asyncio.to_thread(self._store.drop, EVERYBODY, SPACE, key)
            return
        if taken:
            later = structs.replace(kept, state=state, tries=0, due_ns=0)
        else:
            gap_s = min(MOST_GAP_S, FIRST_GAP_S * 4**kept.tries)
            later = structs.replace(kept, tries=kept.tries + 1, due_ns=self._clock.now_ns() + gap_s * S_NS)
        await self._save(key, later, version)

    async def _save(self, key: str, kept: Kept, version: int) -> int | None:
        """Returns: its version; None: another has it."""
        try:
            return await asyncio.to_thread(self._swap, key, msgspec.json.encode(kept), version)
        except VersionConflict:
            return None

    def _swap(self, key: str, value: bytes, version: int) -> int:
        until_ns = self._clock.now_ns() + KEEP_S * S_NS
        return self._store.put(EVERYBODY, SPACE, key, value, expects=version, until_ns=until_ns)

    async def _post(self, push: Push, run: Run) -> bool:
        item = Item(task=tasks.task_of(run)) if run.ended else Item(status_update=tasks.update_of(run))
        try:
            inbound = await self._transport.send(self._outbound(push, msgspec.json.encode(item)))
            try:
                await inbound.read(MOST_ANSWER_BYTES)
            finally:
                inbound.close()
        except AntiphonError as error:
            log.warning("agents.push_failed", extra={"run": run.id, "reason": error.noted})
            return False
        if inbound.status not in _WELL:
            log.warning("agents.push_failed", extra={"run": run.id, "reason": f"status {inbound.status}"})
        return inbound.status in _WELL

    def _outbound(self, push: Push, body: bytes) -> Outbound:
        headers: dict[str, Secret] = {}
        if push.token:
            headers["X-A2A-Notification-Token"] = Secret(push.token)
        auth = push.authentication
        if auth is not None and auth.scheme and auth.credentials:
            headers["Authorization"] = Secret(f"{auth.scheme} {auth.credentials}")
        hook = Hook(
            url=Secret(push.url),
            timeout_s=TIMEOUT_S,
            secret=Secret(push.token) if push.token else None,
            headers=headers,
            networks=self._networks,
        )
        made = posted(body, hook, self._clock.now_ns() // S_NS)
        # A caller named the place: names and addresses of our own networks are refused there.
        return structs.replace(made, origin=structs.replace(made.origin, foreign=True))


def _check(push: Push) -> None:
    """Raises: A2AError."""
    try:
        origin = origin_of(push.url, foreign=True)
    except ValueError as error:
        raise A2AError(f"url: {error}", reason="INVALID_PARAMS") from error
    if not origin.host or not push.url.startswith(("http://", "https://")) or len(push.url) > MOST_URL:
        raise A2AError(
            "url: it has to be an http or https address, of 2048 characters at most", reason="INVALID_PARAMS"
        )
    texts = (push.url, push.token, *(() if push.authentication is None else structs.astuple(push.authentication)))
    if any(not text.isascii() or not text.isprintable() for text in texts):
        raise A2AError("url, token and authentication take printable ASCII only", reason="INVALID_PARAMS")


def _key(run: str, push: str) -> str:
    return f"{run}/{push[:128]}"
