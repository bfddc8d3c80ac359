"""Requests of the older era's clients that run now, and what these clients' users were asked meanwhile."""

import asyncio
import secrets
import time
from asyncio import Future, Task
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from antiphon.core.principal import Principal
from antiphon.core.run_store import RunStore
from antiphon.wire import mcp
from antiphon.wire.mcp import McpError, Message

ANSWERS = "mcp/answers"
PREFIX = "antiphon-"
"""Of the ids of our requests."""
ASKS = "-e"
"""Ends the name of a session whose client can ask its user."""
ANSWER_S = 600.0
"""Until a question that nobody answers is taken as cancelled."""
LOOK_S = 0.3
"""Between two looks at whether another process was given the answer."""
KEEP_NS = 60 * 10**9
MOST_ANSWER_BYTES = 65_536
NOBODY: Mapping[str, Any] = {"action": "cancel"}
Key = tuple[str, str, str, int | str]


class InFlight:
    """Of one process; answers that come to another one are handed over by the store."""

    def __init__(
        self,
        store: RunStore | None = None,
        now_ns: Callable[[], int] = time.time_ns,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Args:
        stopping: Whether the process is to end, so that streams do.
        """
        self._store, self._now_ns, self.stopping = store, now_ns, stopping
        self.listening = 0
        self._tasks: dict[Key, Task[Any]] = {}
        self._asked: dict[Key, Future[Message]] = {}

    def add(self, principal: Principal, session: str, given: int | str, task: Task[Any]) -> Key:
        """Returns: what it is taken away by."""
        key = _key(principal, session, given)
        self._tasks[key] = task
        return key

    def drop(self, key: Key) -> None:
        self._tasks.pop(key, None)

    def cancel(self, principal: Principal, session: str, given: Any) -> None:
        """What a client wants ended; of another session or caller nothing is."""
        if isinstance(given, (int, str)):
            task = self._tasks.get(_key(principal, session, given))
            if task is not None:
                task.cancel()

    def listen(self, most: int) -> None:
        """One client more listens. Raises: McpError, where that are too many."""
        if self.listening >= most:
            raise McpError(mcp.INTERNAL_ERROR, f"{most} clients listen here already; ask again later")
        self.listening += 1

    def leave(self) -> None:
        """One client less."""
        self.listening -= 1

    async def ask(
        self, principal: Principal, session: str, method: str, params: Mapping[str, Any], send: Callable[[bytes], None]
    ) -> Mapping[str, Any]:
        """Ask a client, and wait for what its user says. One that can't be asked, or says nothing, has cancelled."""
        given = PREFIX + secrets.token_hex(16)
        key = _key(principal, session, given)
        future: Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[key] = future
        try:
            send(mcp.request(method, params, given))
            async with asyncio.timeout(ANSWER_S):
                while not future.done():
                    await asyncio.wait((future,), timeout=LOOK_S)
                    if not future.done():
                        await self._fetch(key, future)
            return mcp.mapping(future.result().result) or NOBODY
        except TimeoutError:
            return NOBODY
        finally:
            del self._asked[key]

    async def answered(self, principal: Principal, session: str, message: Message, size_bytes: int) -> None:
        """A client says what its user said. What nobody asked is left alone. Raises: StoreError."""
        if not (isinstance(message.id, str) and message.id.startswith(PREFIX) and session.endswith(ASKS)):
            return
        key = _key(principal, session, message.id)
        future = self._asked.get(key)
        if future is not None:
            if not future.done():
                future.set_result(message)
        elif self._store is not None and size_bytes <= MOST_ANSWER_BYTES:
            value, until_ns = msgspec.json.encode(message), self._now_ns() + KEEP_NS
            await asyncio.to_thread(self._store.put, principal.tenant, ANSWERS, _spelled(key), value, until_ns=until_ns)

    async def _fetch(self, key: Key, future: Future[Message]) -> None:
        store = self._store
        if store is None:
            return
        found = await asyncio.to_thread(store.value, key[0], ANSWERS, _spelled(key), self._now_ns())
        if found is None:
            return
        await asyncio.to_thread(store.drop, key[0], ANSWERS, _spelled(key))
        if not future.done():
            future.set_result(msgspec.json.decode(found[0], type=Message))


def session_name(capabilities: Any) -> str:
    """A new session's: it says what its client can do, so that every process knows."""
    return secrets.token_hex(16) + (ASKS if mcp.asks_by_form(capabilities) else "")


def _key(principal: Principal, session: str, given: int | str) -> Key:
    return principal.tenant, f"{principal.key}/{principal.user}", session, given


def _spelled(key: Key) -> str:
    return sha256("\0".join(map(str, key)).encode()).hexdigest()
