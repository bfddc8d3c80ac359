"""Answers in Valkey or Redis, which the replicas of a cluster share. As a whole it is bounded by the server's own `maxmemory`;
what that evicts is a miss.

Of each entry there are two keys, for the answer and for the hint, which go when their time is over. Of each tenant there are
three, by which its oldest answers go when it has too much: `t`, its answers by when they were given; `u`, the same by when
they are over; `s`, their sizes, and under `*` the sum. Of each group there is one, `g`, its hints by when they were given.
All stand in one slot (`{…}`), so that a script may take them together.
"""

import asyncio
from collections.abc import Coroutine
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec

from antiphon.core.cache import CacheEntry, CacheStore
from antiphon.core.error import StoreError
from antiphon.store.valkey import Part, Reply, Script, Valkey

T = TypeVar("T")
_US, _MS = 1_000, 1_000_000
"""Nanoseconds."""
PUT = Script(
    """
local answer, hint, by_at, by_until, sizes, group = unpack(KEYS)
local id, text, mark, size, at, till, lasts, now, most, grouped = unpack(ARGV)
local base = string.sub(answer, 1, -#id - 1)
local hints = string.sub(hint, 1, -#id - 1)
local function forget(one)
  local old = redis.call('HGET', sizes, one)
  if old then
    redis.call('HDEL', sizes, one)
    redis.call('HINCRBY', sizes, '*', -tonumber(old))
  end
  redis.call('ZREM', by_at, one)
  redis.call('ZREM', by_until, one)
  redis.call('DEL', base .. one, hints .. one)
end
for _, one in ipairs(redis.call('ZRANGEBYSCORE', by_until, '-inf', now, 'LIMIT', 0, 64)) do forget(one) end
forget(id)
redis.call('SET', answer, text, 'PX', lasts)
redis.call('ZADD', by_at, at, id)
redis.call('ZADD', by_until, till, id)
redis.call('HSET', sizes, id, size)
redis.call('HINCRBY', sizes, '*', size)
if grouped == '1' then
  redis.call('SET', hint, mark, 'PX', lasts)
  redis.call('ZADD', group, at, id)
  redis.call('ZREMRANGEBYRANK', group, 0, -1025)
  if redis.call('PTTL', group) < tonumber(lasts) then redis.call('PEXPIRE', group, lasts) end
end
while tonumber(redis.call('HGET', sizes, '*')) > tonumber(most) do
  local oldest = redis.call('ZRANGE', by_at, 0, 0)
  if #oldest == 0 then break end
  forget(oldest[1])
end
for _, key in ipairs({ by_at, by_until, sizes }) do
  if redis.call('PTTL', key) < tonumber(lasts) then redis.call('PEXPIRE', key, lasts) end
end
return 1
"""
)


class ValkeyCache(CacheStore):
    """One worker's access to it. Its threads ask; the commands are sent by the worker's loop."""

    def __init__(
        self, valkey: Valkey, namespace: str, tenant_bytes: int, timeout_s: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`timeout_s`: how long a thread waits for the loop; the connection has a deadline of its own."""
        self._valkey = valkey
        self._prefix = f"{{{namespace}}}:cache:".encode()
        self._tenant_bytes = tenant_bytes
        self._timeout_s = timeout_s
        self._loop = loop

    def find(self, tenant: str, key: bytes, now_ns: int) -> CacheEntry | None:
        text = self._wait(self._valkey.call("GET", self._key(b"a:", tenant, key)))
        if not isinstance(text, bytes):
            return None
        entry = _read(text)
        return entry if entry.until_ns > now_ns else None

    def near(self, tenant: str, group: bytes, after_ns: int, now_ns: int, most: int) -> list[CacheEntry]:
        return self._wait(self._near(tenant, group, after_ns, now_ns, most))

    async def _near(self, tenant: str, group: bytes, after_ns: int, now_ns: int, most: int) -> list[CacheEntry]:
        name = self._key(b"g:", tenant, group)
        ids = await self._valkey.call("ZREVRANGEBYSCORE", name, "+inf", f"({after_ns // _US}", "LIMIT", 0, most)
        keys = [self._key(b"h:", tenant) + one for one in _texts(ids)]
        hints = _texts(await self._valkey.call("MGET", *keys)) if keys else []
        found = [_read(text) for text in hints]
        return [entry for entry in found if entry.until_ns > now_ns and entry.at_ns > after_ns]

    def put(self, entry: CacheEntry, now_ns: int) -> None:
        if entry.size_bytes > self._tenant_bytes:
            raise StoreError(f"an answer of {entry.size_bytes} bytes is more than the cache may hold")
        tenant, lasts_ms = entry.tenant, (entry.until_ns - now_ns) // _MS
        if lasts_ms < 1:
            return
        hint = CacheEntry(
            key=entry.key,
            tenant=tenant,
            group=entry.group,
            at_ns=entry.at_ns,
            until_ns=entry.until_ns,
            sealed=b"",
            hint=entry.hint,
        )
        keys = [
            self._key(b"a:", tenant, entry.key),
            self._key(b"h:", tenant, entry.key),
            self._key(b"t:", tenant),
            self._key(b"u:", tenant),
            self._key(b"s:", tenant),
            self._key(b"g:", tenant, entry.group),
        ]
        arguments: list[Part] = [
            entry.key,
            _written(entry),
            _written(hint),
            entry.size_bytes,
            entry.at_ns // _US,
            entry.until_ns // _US,
            lasts_ms,
            now_ns // _US,
            self._tenant_bytes,
            1 if entry.group else 0,
        ]
        self._wait(self._valkey.script(PUT, keys, arguments))

    def close(self) -> None:
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._valkey.close(), self._loop)

    def _key(self, kind: bytes, tenant: str, name: bytes = b"") -> bytes:
        """Keys name tenants by a digest."""
        return self._prefix + kind + blake2b(tenant.encode(), digest_size=8).hexdigest().encode() + b":" + name

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        """Raises: StoreError."""
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            return future.result(self._timeout_s)
        except TimeoutError:
            future.cancel()
            raise StoreError(f"the cluster's cache had no answer within {self._timeout_s:g} s") from None


class _Stored(msgspec.Struct, frozen=True, gc=False, array_like=True):
    key: bytes
    tenant: str
    group: bytes
    at_ns: int
    until_ns: int
    sealed: bytes
    hint: bytes


_decoder = msgspec.msgpack.Decoder(_Stored)


def _written(entry: CacheEntry) -> bytes:
    stored = _Stored(entry.key, entry.tenant, entry.group, entry.at_ns, entry.until_ns, entry.sealed, entry.hint)
    return msgspec.msgpack.encode(stored)


def _read(text: bytes) -> CacheEntry:
    """Raises: StoreError."""
    try:
        one = _decoder.decode(text)
    except msgspec.MsgspecError as error:
        raise StoreError(f"the cluster's cache holds what is no answer: {error}") from error
    return CacheEntry(
        key=one.key,
        tenant=one.tenant,
        group=one.group,
        at_ns=one.at_ns,
        until_ns=one.until_ns,
        sealed=one.sealed,
        hint=one.hint,
    )


def _texts(reply: Reply) -> list[bytes]:
    return [one for one in reply if isinstance(one, bytes)] if isinstance(reply, list) else []
