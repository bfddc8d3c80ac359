"""The process that serves the admin API.

It is one of its own: it outlives every worker, its waits for the database hold up no model call, and a worker's memory
has no key that could change anything.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import uvloop
from msgspec import Struct

from antiphon.admin.desk import Desk
from antiphon.admin.site import AdminSite
from antiphon.app.build import tls_context
from antiphon.app.desk import desk_of
from antiphon.app.doors import doors_of
from antiphon.app.follower import Follower
from antiphon.app.objects import objects_of
from antiphon.app.places import KEY_FILE, Places
from antiphon.config.load import Loaded
from antiphon.control import key_text
from antiphon.control.callers import Callers
from antiphon.control.logins import Logins
from antiphon.control.owned import Owned
from antiphon.control.signed_in import SignedIn
from antiphon.core.audit import Event
from antiphon.core.clock import SystemClock
from antiphon.core.error import AntiphonError, StoreError
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from antiphon.net.egress import egress_of
from antiphon.net.exchange import Exchange
from antiphon.net.listener import Listener
from antiphon.net.settings import Bounds
from antiphon.telemetry import log as telemetry_log

if TYPE_CHECKING:
    from antiphon.console.site import ConsoleSite

log = logging.getLogger("antiphon.admin")
BOUNDS = Bounds(max_body_bytes=1_048_576, max_connections=256)
TAKEN_S = 5.0
"""The longest that a change waits for every worker to work by it, before it is answered `taken: false`."""
DRAIN_S = 2.0


class Task(Struct, frozen=True, kw_only=True):
    """What the process is started with."""

    loaded: Loaded
    override: Callable[[Loaded], Loaded]
    places: Places
    listening: socket.socket
    control: socket.socket


class Heard(Struct, frozen=True, kw_only=True):
    """What the supervisor says."""

    text: str | None = None
    """The configuration, when it has changed."""
    reached: int | None = None
    """Every worker works by this change of the objects."""


def first_key(data: Path, set_key: Secret | None) -> Secret:
    """The first admin key: the one that is set, else that of the data directory's file, which is made when missing.

    Raises: StoreError.
    """
    if set_key is not None:
        return set_key
    path = data / KEY_FILE
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        text = path.read_text("utf-8").strip()
        if not text or key_text.mistyped(text.encode()):
            raise StoreError(f"{path} holds no key; delete the file to have another one made") from None
        return Secret(text)
    except OSError as error:
        raise StoreError(f"{path} can't be made: {error.strerror}; make its directory writable") from error
    with os.fdopen(handle, "w") as file:
        text = key_text.make()
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return Secret(text)


class Administration:
    """Runs in the child process, from its fork to its exit."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._stopping = asyncio.Event()
        self._reached = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._noting: set[asyncio.Future[None]] = set()
        self._inbox = b""
        self._signed_in = SignedIn(SystemClock())
        self._objects = objects_of(task.loaded.settings)
        self._follower = Follower(self._objects, self._known)
        self._client = Client()
        self._logins = Logins(self._note, SystemClock())
        self._doors = doors_of(self._client, SystemClock(), self._logins.refused)
        self._site = self._build(task.loaded)

    def _build(self, loaded: Loaded) -> AdminSite:
        admin = loaded.settings.admin
        key = first_key(self._task.places.data, None if admin is None else admin.key)
        self._client.allow(egress_of(loaded.settings.egress))
        identity = loaded.settings.identity
        self._callers = Callers(loaded.settings.keys, self._follower.owned, self._doors, identity, managed=True)
        bootstrap = sha256(key.reveal().encode()).digest()
        desk = desk_of(loaded)
        self._console = self._pages(loaded, desk, bootstrap)
        return AdminSite(
            desk=desk,
            identity=self._callers,
            bootstrap=bootstrap,
            taken=self._taken,
            forbidden=self._logins.forbidden,
        )

    def _pages(self, loaded: Loaded, desk: Desk, bootstrap: bytes) -> "ConsoleSite | None":
        """The console, if it is on: until then what makes pages is not loaded."""
        if loaded.settings.console is None:
            return None
        from antiphon.app.console import console_of, known_by

        known = known_by(self._callers, bootstrap)
        return console_of(loaded, self._task.places, lambda: self._follower.owned, known, self._signed_in, desk)

    def _note(self, event: Event) -> None:
        """Note an event beside the loop; nobody waits for it."""
        noting = asyncio.get_running_loop().run_in_executor(None, self._site.desk.notes.note, event)
        self._noting.add(noting)
        noting.add_done_callback(self._noted)

    def _noted(self, noting: asyncio.Future[None]) -> None:
        self._noting.discard(noting)
        if not noting.cancelled() and (error := noting.exception()) is not None:
            log.error("login.not_noted", extra={"reason": str(error)})

    def _known(self, owned: Owned) -> None:
        self._callers.know(owned)

    async def run(self) -> None:
        """Serve until told to stop."""
        task, loop = self._task, asyncio.get_running_loop()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the supervisor tells when
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        loop.add_reader(task.control, self._hear)
        await self._follower.first(_nobody)
        tls = tls_context(task.loaded.settings.server.tls)
        self._listener = Listener(self._handle, self._refuse, BOUNDS, tls)
        await self._listener.start(task.listening)
        watching = [loop.create_task(one) for one in (self._follower.watch(_nobody), self._doors.issuers.watch())]
        await self._stopping.wait()
        await self._listener.drain(DRAIN_S)
        for one in watching:
            one.cancel()
        self._client.close()
        self._objects.close()

    def _handle(self, exchange: Exchange) -> Coroutine[Any, Any, None]:
        console = self._console
        if console is not None and console.serves(exchange.path):
            return console.handle(exchange)
        return self._site.handle(exchange)

    def _refuse(self, status: int, message: str) -> tuple[bytes, bytes]:
        return self._site.refuse(status, message)

    def _hear(self) -> None:
        """A line from the supervisor, or its end."""
        data = self._task.control.recv(1 << 20)
        if not data:
            asyncio.get_running_loop().remove_reader(self._task.control)
            self._stopping.set()
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            self._heed(msgspec.json.decode(line, type=Heard))

    def _heed(self, heard: Heard) -> None:
        if heard.text is not None:
            try:
                self._site = self._build(self._task.override(self._task.loaded.again(heard.text)))
            except AntiphonError as error:
                log.error("admin.not_reloaded", extra={"reason": str(error)})
        if heard.reached is not None and heard.reached > self._reached:
            self._reached = heard.reached
            for one in self._waiting:
                if not one.done():
                    one.set_result(None)

    async def _taken(self, version: int) -> bool:
        """Know the change here, tell the workers of it, and wait until all work by it."""
        await self._follower.again()
        self._say(version)
        try:
            async with asyncio.timeout(TAKEN_S):
                while self._reached < version:
                    await self._more()
        except TimeoutError:
            return False
        return True

    async def _more(self) -> None:
        """Until more was reached than before."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _say(self, version: int) -> None:
        try:
            self._task.control.sendall(msgspec.json.encode({"changed": version}) + b"\n")
        except OSError:
            self._stopping.set()


def _nobody(version: int) -> None:
    """No one waits to hear which version this process knows."""


async def _serve(task: Task) -> None:
    await Administration(task).run()


def run(task: Task) -> None:
    """The body of the process."""
    telemetry_log.start(task.loaded.settings.telemetry.log_level)
    uvloop.run(_serve(task))
