"""Answers that are given again: the same ones to the same requests, or to those that mean the same.

Each worker has the answers that it used last in memory, so that most hits wait for nothing. Behind it is a store that
workers share; it is asked beside the loop and within a deadline, and where it is away there is no answer, never an error.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from msgspec import MsgspecError, Struct
from msgspec.structs import replace

from antiphon.calls import cache_answer, cache_control
from antiphon.calls.cache_answer import CachedAnswer
from antiphon.calls.cache_control import CacheControl
from antiphon.calls.cache_found import Asking, Found, Hit, Miss, tell
from antiphon.calls.cache_key import CacheKeys, Whose, keys_of
from antiphon.calls.cache_memory import CacheMemory
from antiphon.calls.cache_near import CacheNear, Placed
from antiphon.calls.cache_reply import Paid, RecordingReply
from antiphon.calls.cache_shelf import CacheShelf
from antiphon.calls.prepared import Prepared
from antiphon.calls.settings_cache import CacheSettings, CachesSettings
from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.clock import Clock
from antiphon.core.embedding import Embedder
from antiphon.core.error import Erased, NotCached, StoreError
from antiphon.core.ports import Reply, Sealer
from antiphon.core.request import Head, Request
from antiphon.core.vault_store import CACHED
from antiphon.wire.recall import recall

MOST_KEEPING = 256
"""Answers of one worker that are being kept at once; more are not kept."""
NS = 1_000_000_000
Result = Literal["hit", "near", "miss", "bypass"]
log = logging.getLogger("antiphon.calls")


class ResponseCache:
    """The cache of one worker, through all revisions."""

    def __init__(self, sealer: Sealer, clock: Clock, count: Callable[[str, Result], None]) -> None:
        """`count` is told of a route what became of each of its requests."""
        self._sealer = sealer
        self._clock = clock
        self._count = count
        self._settings = CachesSettings()
        self._memory = CacheMemory[CachedAnswer](self._settings.memory_bytes, self._settings.tenant_bytes)
        self._shelf: CacheShelf | None = None
        self._near = CacheNear(sealer)
        self._keeping: dict[bytes, asyncio.Future[None]] = {}
        """By key, until the answer is in memory or found to be none."""
        self._tasks: set[asyncio.Task[None]] = set()

    def arrange(self, settings: CachesSettings, store: CacheStore | None) -> None:
        """Take over what a revision says. The store before, if it is another, is closed."""
        if self._shelf is not None:
            self._shelf.close()
        self._settings = settings
        self._memory.bound(settings.memory_bytes, settings.tenant_bytes)
        self._shelf = None if store is None else CacheShelf(store, settings.timeout_s, self._clock.steady_s)

    def embed_with(self, embedders: Mapping[str, Embedder]) -> None:
        """Take over the embedders, by the names that routes know them by."""
        self._near.embedders = embedders

    async def look(
        self,
        story: Asking,
        request: Request,
        prepared: Prepared,
        prompt: str = "",
    ) -> Found:
        """Look for a request's answer, and tell its story what there is.

        Args:
            prompt: Of its plan.
        Raises: BadRequest, naming a header; NotCached, where the caller wants a kept answer or none.
        """
        found = await self._look(story, request, prepared, prompt)
        tell(story, found)
        return found

    async def _look(self, story: Asking, request: Request, prepared: Prepared, prompt: str) -> Found:
        policy, tenant = prepared.policy, story.principal.tenant
        settings, control = policy.cache, cache_control.read(story.arrival.headers)
        recalled = recall(request, apart=settings.semantic is not None)
        why: str | None = recalled.why_not
        if why == "sampling" and settings.any_temperature:
            why = None
        if why is None and not control.keeps:
            why = "no-store"
        if why is not None:
            return self._none(policy.name, control, f"bypass; why={why}")
        whose = Whose(tenant=tenant, data_class=story.data_class or "")
        keys = keys_of(request, recalled, whose, prepared.answerers, prompt, self._sealer.stamp)
        if control.reads:
            answer = await self._find(tenant, keys.exact, control)
            if answer is not None:
                return self._hit(policy.name, answer, "hit", "")
        placed = None
        if settings.semantic is not None and keys.group:
            placed = await self._near.place(recalled, settings.semantic, private=story.allowed.private)
            if placed is not None and control.reads:
                hit = await self._nearest(policy.name, tenant, keys, placed, settings, control)
                if hit is not None:
                    return hit
        said = "miss" if control.reads else "miss; why=no-cache"
        asked = _Asked(tenant=tenant, head=request.head, keys=keys, placed=placed, settings=settings)
        return self._none(policy.name, control, said, partial(self._record, asked))

    async def idle(self) -> None:
        """Wait until everything that is being kept is kept."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        """Let go of the store."""
        if self._shelf is not None:
            self._shelf.close()

    def forget(self, tenant: str) -> None:
        """Something of a tenant's was erased: let go of all of theirs. What is stored can't be opened any more."""
        self._memory.forget(tenant)
        self._near.forget(tenant)

    # --- what is there

    async def _find(self, tenant: str, key: bytes, control: CacheControl) -> CachedAnswer | None:
        """An answer by its key, out of memory or the store."""
        keeping = self._keeping.get(key)
        if keeping is not None:
            await asyncio.wait({keeping}, timeout=self._settings.timeout_s)
        now_ns = self._clock.now_ns()
        answer = self._memory.get(key)
        if answer is not None and answer.until_ns <= now_ns:
            self._memory.drop(key)
            answer = None
        if answer is None and self._shelf is not None:
            answer = await self._shelf.read(lambda store: self._stored(store, tenant, key, now_ns))
            if answer is not None:
                self._memory.put(key, answer, tenant, answer.size_bytes)
        age_ns = 0 if answer is None else now_ns - answer.at_ns
        too_old = control.max_age_s is not None and age_ns > control.max_age_s * NS
        return None if too_old else answer

    def _stored(self, store: CacheStore, tenant: str, key: bytes, now_ns: int) -> CachedAnswer | None:
        """Read and open; in a thread. Raises: StoreError, when the store can't be asked."""
        entry = store.find(tenant, key, now_ns)
        if entry is None:
            return None
        try:
            return cache_answer.decode(self._sealer.unseal(entry.sealed, _context(tenant, key)))
        except (Erased, StoreError, MsgspecError):
            return None  # sealed with another key, or by another version

    async def _nearest(
        self,
        route: str,
        tenant: str,
        keys: CacheKeys,
        placed: Placed,
        settings: CacheSettings,
        control: CacheControl,
    ) -> Hit | None:
        if settings.semantic is None:
            return None
        now_ns = self._clock.now_ns()
        found = await self._near.nearest(tenant, keys.group, placed, settings.semantic.threshold, self._shelf, now_ns)
        if found is None:
            return None
        cosine, key = found
        answer = await self._find(tenant, key, control)
        if answer is None:
            self._near.drop(keys.group, key)
            return None
        return self._hit(route, answer, "near", f"; near={cosine:.3f}")

    def _hit(self, route: str, answer: CachedAnswer, result: Result, more: str) -> Hit:
        self._count(route, result)
        age_s = max(self._clock.now_ns() - answer.at_ns, 0) // NS
        return Hit(
            answer=answer,
            lines=b"x-antiphon-cache: hit; receipt=%b%b\r\nage: %d\r\n"
            % (answer.receipt.encode(), more.encode(), age_s),
        )

    def _none(
        self, route: str, control: CacheControl, said: str, record: Callable[[Reply, Paid], Reply] | None = None
    ) -> Miss:
        """Raises: NotCached."""
        self._count(route, "bypass" if said.startswith("bypass") else "miss")
        if not control.asks:
            raise NotCached(
                f"no answer to this request is kept ({said}), and cache-control says only-if-cached; send it without",
                param="cache-control",
            )
        return Miss(lines=b"x-antiphon-cache: %b\r\n" % said.encode(), record=record)

    # --- what is to be

    def _record(self, asked: "_Asked", reply: Reply, paid: Paid) -> Reply:
        return RecordingReply(reply, paid, asked.settings.max_entry_bytes, partial(self._keep, asked))

    def _keep(self, asked: "_Asked", answer: CachedAnswer) -> None:
        """Keep an answer that has gone out. Never fails."""
        if len(self._tasks) >= MOST_KEEPING:
            return
        now_ns, key = self._clock.now_ns(), asked.keys.exact
        dated = replace(answer, at_ns=now_ns, until_ns=now_ns + int(asked.settings.ttl_s * NS))
        proved = asyncio.get_running_loop().create_future()
        task = asyncio.get_running_loop().create_task(self._kept(asked, dated, proved))
        self._tasks.add(task)
        self._keeping[key] = proved

        def ended(_: "asyncio.Task[None]") -> None:
            self._tasks.discard(task)
            if self._keeping.get(key) is proved:
                del self._keeping[key]
            if not proved.done():
                proved.set_result(None)

        task.add_done_callback(ended)

    async def _kept(self, asked: "_Asked", answer: CachedAnswer, proved: "asyncio.Future[None]") -> None:
        head, keys, tenant = asked.head, asked.keys, asked.tenant
        try:
            if not await asyncio.to_thread(
                cache_answer.whole, head.dialect, answer.pieces, stream=head.stream, answers=head.answers
            ):
                return
            self._memory.put(keys.exact, answer, tenant, answer.size_bytes)
            if asked.placed is not None:
                self._near.add(tenant, keys.group, asked.placed, keys.exact, answer.at_ns, answer.until_ns)
            proved.set_result(None)
            if self._shelf is not None:
                await self._shelf.put(partial(self._sealed, asked, answer))
        except Exception:  # the answer has gone out: what is kept of it must not cost anything
            log.exception("cache.failed", extra={"receipt": answer.receipt})

    def _sealed(self, asked: "_Asked", answer: CachedAnswer) -> tuple[CacheEntry, int]:
        """As it is stored; in a thread."""
        keys, placed, context = asked.keys, asked.placed, _context(asked.tenant, asked.keys.exact)
        entry = CacheEntry(
            key=keys.exact,
            tenant=asked.tenant,
            group=b"" if placed is None else keys.group,
            at_ns=answer.at_ns,
            until_ns=answer.until_ns,
            sealed=self._sealer.seal(cache_answer.encode(answer), context, tenant=asked.tenant, subject=CACHED),
            hint=b"" if placed is None else self._near.sealed(placed, asked.tenant, keys.exact),
        )
        return entry, answer.at_ns


class _Asked(Struct, frozen=True, gc=False, kw_only=True):
    """A request whose answer is to be kept."""

    tenant: str
    head: Head
    keys: CacheKeys
    placed: Placed | None
    settings: CacheSettings


def _context(tenant: str, key: bytes) -> str:
    return f"{tenant}/cache/{key.hex()}"
