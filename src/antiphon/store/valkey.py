"""A connection to Valkey or Redis that never keeps anybody waiting: one that can't be asked is left alone for a while.

Every call has `timeout_s` to connect, send and hear. After one that failed nobody asks for `LEFT_ALONE_S`, so a store
that is away costs each worker one timeout a second at most.
"""

import asyncio
import importlib
import time
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, Protocol, cast

from antiphon.core.error import StoreError

SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")

LEFT_ALONE_S = 1.0
Reply = int | bytes | None | list["Reply"]
"""Of commands that redis-py itself interprets, such as `PING`: what it makes of theirs."""
Part = str | bytes | int


class _Client(Protocol):
    """What is used of redis-py's asynchronous client."""

    async def execute_command(self, *parts: Part) -> Reply: ...

    async def aclose(self) -> None: ...


class Script:
    """A script in Lua."""

    __slots__ = ("digest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()
        """What the server calls it."""


class Valkey:
    """One worker's connections to it, shared by all that ask it there."""

    def __init__(self, url: str, *, timeout_s: float, ca_file: str | None = None) -> None:
        """Connects when it is asked first.

        Args:
            url: `redis://`, `rediss://` (TLS) or `unix://`; `valkey://` and `valkeys://` mean the first two.
            ca_file: Authorities that a server with TLS is proven by; None: the system's.
        Raises: StoreError, when the extra `valkey` is not installed.
        """
        self._timeout_s = timeout_s
        self._client = _client(url, timeout_s, ca_file)
        self.alone_until_s = 0.0
        """Steady seconds; until then it is not asked."""
        self.away = False
        """The last call failed."""

    async def call(self, *parts: Part) -> Reply:
        """Send one command. Raises: StoreError: it can't be asked, or says no; then it is unknown whether it was done."""
        return await self._sent(parts)

    async def script(self, source: "Script", keys: Sequence[bytes], arguments: Sequence[Part]) -> Reply:
        """Run a script, sent whole where it isn't known yet. Raises: StoreError."""
        rest = (len(keys), *keys, *arguments)
        try:
            return await self._sent(("EVALSHA", source.digest, *rest))
        except _Unknown:
            return await self._sent(("EVAL", source.text, *rest))

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def _sent(self, parts: tuple[Part, ...]) -> Reply:
        if time.monotonic() < self.alone_until_s:
            raise StoreError("the cluster's Valkey could not be asked a moment ago")
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._client.execute_command(*parts)
        except TimeoutError:
            raise self._failed(f"no answer within {self._timeout_s * 1000:g} ms") from None
        except Exception as error:
            if type(error).__name__ == "NoScriptError":
                raise _Unknown("the script is not known") from None
            raise self._failed(str(error)) from error
        self.away = False
        return reply

    def _failed(self, why: str) -> StoreError:
        self.away = True
        self.alone_until_s = time.monotonic() + LEFT_ALONE_S
        return StoreError(f"the cluster's Valkey can't be asked: {why}")


class _Unknown(StoreError):
    """The server doesn't know the script."""


def _client(url: str, timeout_s: float, ca_file: str | None) -> _Client:
    """redis-py's client: it speaks to both. Its own retries are off, since whoever asks knows what to do instead."""
    try:
        redis: Any = importlib.import_module("redis.asyncio")
        retries: Any = importlib.import_module("redis.asyncio.retry")
        pauses: Any = importlib.import_module("redis.backoff")
    except ImportError:
        raise StoreError(
            "the cluster's counters need redis, which is not installed; run: pip install 'antiphon[valkey]'"
        ) from None
    address = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
    tls = {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if address.startswith("rediss") else {}
    if tls and ca_file is not None:
        tls["ssl_ca_certs"] = ca_file
    client = redis.Redis.from_url(
        address,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=retries.Retry(pauses.NoBackoff(), 0),
        protocol=2,
        **tls,
    )
    return cast("_Client", client)
