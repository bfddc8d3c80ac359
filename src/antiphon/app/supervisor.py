"""Keeps the processes of one gateway: workers that share a port, the shipper, lab servers."""

import contextlib
import importlib
import logging
import os
import resource
import secrets
import selectors
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from antiphon.app import exporting, lab, shipping, worker
from antiphon.app.auditing import settled
from antiphon.app.child import Child, fork
from antiphon.app.objects import objects_of
from antiphon.app.places import Places, own
from antiphon.app.spread import Spread
from antiphon.app.stores import Stores
from antiphon.app.watch import Watch, source
from antiphon.app.worker import Task
from antiphon.config.diff import diff
from antiphon.config.document_files import check_published
from antiphon.config.forms import check_owners
from antiphon.config.load import Loaded, load
from antiphon.core.error import ConfigError, StoreError
from antiphon.metering.journal import tidy
from antiphon.net.listener import bind
from antiphon.telemetry import log as telemetry_log
from antiphon.vault.local import LocalSealer

if TYPE_CHECKING:
    from antiphon.app.admin import Admin

log = logging.getLogger("antiphon.supervisor")

AGENTS = "antiphon.app.agents_house"
"""What processes that run agents need beyond others: 0.8 s to load."""
ADMIN = -1
"""Stands for the admin API's process where workers have their numbers."""
TICK_S = 0.5
"""How often files are looked at and dead processes are replaced."""
GRACE_S = 5.0
"""Beyond `drain_timeout_s`, before a worker is killed."""
NOFILE = 65_536
"""Most open files of one process that are asked for."""
CRASHES = 5
CRASH_WINDOW_S = 30.0
"""So many deaths of workers within this time end the gateway: it would not come up."""


class Ready(Struct, frozen=True, kw_only=True):
    """Told once, when every worker takes requests."""

    host: str
    port: int
    revision: str
    admin_url: str | None = None
    """Where the admin API listens; None: nowhere."""


class Supervisor:
    """Runs in the parent process, single-threaded, so that it may fork at any time."""

    def __init__(self, loaded: Loaded, override: Callable[[Loaded], Loaded], on_ready: Callable[[Ready], None]) -> None:
        """`override` puts what the command line says in the place of what a configuration says."""
        self._loaded = override(loaded)
        self._override = override
        self._on_ready = on_ready
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, Child] = {}
        self._labs: dict[str, lab.Lab] = {}
        self._shipper: Child | None = None
        self._exporter: Child | None = None
        self._admin: Admin | None = None
        self._spread = Spread()
        self._crashes: list[float] = []
        self._lives = 0
        self._boot = f"{int(time.time()):x}{secrets.token_hex(6)}"
        self._told = self._stopping = False
        self._ready: set[int] = set()
        self._watch = Watch(loaded)

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT. Returns: the exit code. Raises: StoreError, OSError."""
        settings = self._loaded.settings
        telemetry_log.start(settings.telemetry.log_level)
        os.umask(0o077)
        _raise_file_limit()
        with tempfile.TemporaryDirectory(prefix="antiphon-") as runtime:
            self._places = Places.under(Path(settings.storage.dir), Path(runtime))
            lock = own(self._places.data)
            self._places.journal.mkdir(mode=0o700, exist_ok=True)
            tidy(self._places.journal)
            Stores.of(settings.storage, self._places.data).database().close()
            LocalSealer(self._places.key)
            with contextlib.closing(objects_of(settings)) as objects:
                check_owners(self._loaded, objects.since(0).objects)
            self._listen()
            self._signals()
            try:
                self._start()
                return self._loop()
            finally:
                self._end()
                self._let_go()
                os.close(lock)

    def _listen(self) -> None:
        """Take both addresses, or neither. Raises: ConfigError, OSError."""
        server = self._loaded.settings.server
        if self._loaded.settings.admin is not None:
            from antiphon.app.admin import Admin  # what only the admin API needs

            self._admin = Admin(self._loaded, self._override, self._places)
        try:
            self._listening = bind(server.host, server.port)
        except OSError:
            if self._admin is not None:
                self._admin.end()
            raise

    def _signals(self) -> None:
        reader, writer = socket.socketpair()
        writer.setblocking(False)
        reader.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, _noted)
        self._signal_sockets = (reader, writer)
        self._selector.register(reader, selectors.EVENT_READ, None)

    def _start(self) -> None:
        settings = self._loaded.settings
        self._start_labs(self._loaded)
        self._start_shipper()
        self._exporter = exporting.start(settings, self._private())
        self._start_admin()
        for index in range(self._count()):
            self._start_worker(index)

    def _count(self) -> int:
        """Workers that take requests, and behind them those that run agents."""
        settings = self._loaded.settings
        return settings.server.workers + (settings.agents.workers if settings.agents.on else 0)

    def _start_labs(self, loaded: Loaded) -> None:
        for name, provider in loaded.settings.providers.items():
            if provider.lab is None or provider.base_url is not None:
                continue
            running = self._labs.get(name)
            if running is None:
                self._labs[name] = lab.Lab(provider.lab, loaded.base, self._private())
            else:
                running.restart(provider.lab, self._private())

    def _start_shipper(self) -> None:
        settings = self._loaded.settings
        level, forgetting = settings.telemetry.log_level, settings.quality.forgetting()
        arguments = (self._places, settings.storage, level, forgetting, settled(settings))
        self._shipper = fork(lambda: shipping.run(*arguments), closing=self._private())

    def _start_admin(self) -> None:
        if self._admin is not None:
            self._selector.register(self._admin.start(self._private()), selectors.EVENT_READ, ADMIN)

    def _start_worker(self, index: int) -> None:
        agents = index >= self._loaded.settings.server.workers
        if agents:  # loaded once, behind the workers that do without: what is forked again has it at once
            importlib.import_module(AGENTS)
        ours, theirs = socket.socketpair()
        self._lives += 1
        task = Task(
            index=index,
            life=f"{self._boot}-{self._lives:04d}",
            loaded=self._loaded,
            override=self._override,
            labs={name: one.base_url for name, one in self._labs.items()},
            places=self._places,
            listening=self._listening,
            control=theirs,
            agents=agents,
        )
        closing = [ours, *self._signal_sockets, *self._controls(), *self._admin_sockets()]
        child = fork(lambda: worker.run(task), closing=closing, control=ours)
        theirs.close()
        self._workers[index] = child
        self._spread.begun(index)
        self._selector.register(ours, selectors.EVENT_READ, index)

    def _private(self) -> list[socket.socket]:
        """What no child but a worker may keep open: a port is free, and a pipe ended, when its owner says so."""
        return [self._listening, *self._signal_sockets, *self._controls(), *self._admin_sockets()]

    def _admin_sockets(self) -> list[socket.socket]:
        return [] if self._admin is None else self._admin.sockets

    def _controls(self) -> list[socket.socket]:
        return [child.control for child in self._workers.values() if child.control is not None]

    def _loop(self) -> int:
        due_s = time.monotonic() + TICK_S
        while not self._stopping:
            for key, _ in self._selector.select(max(due_s - time.monotonic(), 0)):
                if key.data is None:
                    self._signalled(key.fileobj)
                else:
                    self._hear(key.data, key.fileobj)
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + TICK_S
                self._reap()
                if self._watch.changed():
                    self._reload()
            if len(self._crashes) >= CRASHES:
                log.error("gateway.failed", extra={"reason": f"{CRASHES} workers died within {CRASH_WINDOW_S:.0f} s"})
                return 1
        return 0

    def _signalled(self, reader: object) -> None:
        if not isinstance(reader, socket.socket):
            return
        for number in reader.recv(64):
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stopping = True
            elif number == signal.SIGHUP:
                self._reload()
            elif number == signal.SIGCHLD:
                self._reap()

    def _hear(self, index: int, control: object) -> None:
        """Lines from a worker."""
        if not isinstance(control, socket.socket) or control.fileno() < 0:
            return
        try:
            data = control.recv(65_536)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(control)
            return
        for line in data.splitlines():
            message = msgspec.json.decode(line, type=dict[str, str | int | bool])
            if "changed" in message:
                self._send(worker.Refresh())
            elif "objects" in message:
                self._reached(self._spread.has(index, int(message["objects"])))
            else:
                self._noted(index, message)

    def _noted(self, index: int, message: dict[str, str | int | bool]) -> None:
        """A worker takes requests, or says what became of a configuration."""
        if "ready" in message:
            self._ready.add(index)
            if not self._told and len(self._ready) == self._count():
                self._told = True
                host, port = self._listening.getsockname()[:2]
                url = None if self._admin is None else self._admin.url
                self._on_ready(Ready(host=host, port=port, revision=str(message["revision"]), admin_url=url))
        elif "refused" in message:
            log.error("config.refused", extra={"worker": index, "reason": message["refused"]})
        elif "revision" in message:
            log.info("config.taken", extra={"worker": index, "revision": message["revision"]})

    def _reached(self, version: int) -> None:
        """Every worker works by this change of the admin API's objects."""
        if self._admin is not None:
            self._admin.reached(version)

    def _reload(self) -> None:
        """Send a new configuration to every worker, or keep the last good one and say why."""
        self._watch.changed()  # looked at before it is read: what is written meanwhile is read again
        try:
            loaded = self._override(_read_again(self._loaded))
            check_published(self._loaded.shelf, loaded.shelf)
            fixed = [change.path for change in diff(self._loaded.settings, loaded.settings) if change.needs_restart]
            if fixed:
                reason = f"{', '.join(fixed)} can't change while the gateway runs; restart it"
                log.error("config.refused", extra={"reason": reason, "kept": self._loaded.revision.id})
                return
            with contextlib.closing(objects_of(loaded.settings)) as objects:
                check_owners(loaded, objects.since(0).objects)
        except (ConfigError, StoreError, OSError) as error:
            log.error("config.refused", extra={"reason": str(error), "kept": self._loaded.revision.id})
            return
        self._loaded = loaded
        self._watch = Watch(loaded, self._watch)
        self._start_labs(loaded)
        labs = {name: one.base_url for name, one in self._labs.items()}
        self._send(worker.Reload(text=loaded.text, labs=labs))
        if self._admin is not None:
            self._admin.reload(loaded)

    def _send(self, message: worker.Reload | worker.Refresh) -> None:
        """Tell every worker."""
        line = msgspec.json.encode(message) + b"\n"
        for child in self._workers.values():
            if child.control is not None:
                with contextlib.suppress(OSError):  # it has just died; the next one starts with this configuration
                    child.control.sendall(line)

    def _reap(self) -> None:
        """Replace what has died."""
        if self._stopping:
            return
        for index, child in list(self._workers.items()):
            if child.ended():
                log.error("worker.died", extra={"worker": index, "pid": child.pid, "status": child.status})
                self._forget(child)
                if index < self._loaded.settings.server.workers or index not in self._ready:
                    self._crashed()  # what runs agents may be ended by others that took its runs over
                self._ready.discard(index)
                self._start_worker(index)
        if self._shipper is not None and self._shipper.ended():
            log.error("shipper.died", extra={"pid": self._shipper.pid, "status": self._shipper.status})
            self._crashed()
            self._start_shipper()
        if self._exporter is not None and self._exporter.ended():
            log.error("exporter.died", extra={"pid": self._exporter.pid, "status": self._exporter.status})
            self._exporter = exporting.start(self._loaded.settings, self._private())
        dead = None if self._admin is None else self._admin.died()
        if dead is not None:
            log.error("admin.died", extra={"pid": dead.pid, "status": dead.status})
            self._forget(dead)
            self._crashed()
            self._start_admin()
        for name, one in self._labs.items():
            died = one.revive(self._private())
            if died is not None:
                log.error("lab.died", extra={"provider": name, "pid": died.pid, "status": died.status})

    def _crashed(self) -> None:
        now_s = time.monotonic()
        self._crashes = [*(at for at in self._crashes if now_s - at < CRASH_WINDOW_S), now_s]

    def _forget(self, child: Child) -> None:
        if child.control is not None:
            if child.control in self._selector.get_map():
                self._selector.unregister(child.control)
            child.control.close()
            child.control = None

    def _end(self) -> None:
        """Take no more connections, drain the workers, ship what they wrote, then let the labs go."""
        self._listening.close()
        patience_s = self._loaded.settings.server.drain_timeout_s + GRACE_S
        workers = list(self._workers.values())
        admin = None if self._admin is None else self._admin.end()
        ending = workers if admin is None else [*workers, admin]
        for child in ending:
            child.signal(signal.SIGTERM)
        _wait(ending, patience_s)
        if self._exporter is not None:
            self._exporter.signal(signal.SIGTERM)
            _wait([self._exporter], GRACE_S)
        if self._shipper is not None:
            self._shipper.signal(signal.SIGTERM)
            _wait([self._shipper], patience_s)
        for one in self._labs.values():
            one.close()

    def _let_go(self) -> None:
        signal.set_wakeup_fd(-1)
        for sock in (*self._signal_sockets, *self._controls(), *self._admin_sockets()):
            sock.close()
        self._selector.close()


def _raise_file_limit() -> None:
    """Two sockets a stream: as many as the system allows, for every process that is started from here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = NOFILE if hard == resource.RLIM_INFINITY else min(hard, NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _noted(number: int, frame: FrameType | None) -> None:
    """Signals are read from the wake-up socket."""


def _read_again(loaded: Loaded) -> Loaded:
    """The same file as it is now. Raises: ConfigError."""
    path = source(loaded)
    return loaded.again(loaded.text) if path is None else load(path, loaded.environ)


def _wait(children: list[Child], patience_s: float) -> None:
    """Until all have ended; kills those that outlast the patience."""
    end_s = time.monotonic() + patience_s
    while any(not child.ended() for child in children) and time.monotonic() < end_s:
        time.sleep(0.02)
    for child in children:
        if not child.ended():
            log.error("process.killed", extra={"pid": child.pid})
            child.signal(signal.SIGKILL)
            child.wait()
