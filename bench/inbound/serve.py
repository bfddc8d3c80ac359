"""`antiphon serve` with another HTTP server in the listener's place; everything else is the gateway's own.

Usage: python -m inbound.serve --server uvicorn|granian --config FILE --port N
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import uvicorn
import uvloop
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, TaskImpl
from granian.http import HTTP1Settings
from granian.log import LogLevels

from antiphon.app import shipping
from antiphon.app.child import fork
from antiphon.app.places import Places, own
from antiphon.app.worker import Task, Worker
from antiphon.config.load import Loaded, environment, load
from antiphon.net.listener import BACKLOG, SWEEP_S, bind
from antiphon.store.sqlite import SqliteDatabase
from antiphon.telemetry import log as telemetry_log
from antiphon.telemetry.lag import watch_lag
from antiphon.vault.local import LocalSealer
from inbound.asgi import AsgiSite
from inbound.deadlines import Deadlines
from inbound.rsgi import RsgiSite


class Open:
    """Counts a server's connections for the metrics."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    @property
    def open_connections(self) -> int:
        return self._count()


class BareWorker(Worker):
    """A worker with all its parts but the listener."""

    def prepare(self, connections: Callable[[], int], deadlines: Deadlines) -> None:
        """Do what `Worker.run` does beside listening."""
        self._watching = self._loop.create_task(watch_lag(self._metrics, Open(connections), self._client))
        self._sweeping = self._loop.create_task(deadlines.sweep(SWEEP_S))
        gc.collect()
        gc.freeze()

    async def serve_asgi(self) -> None:
        """Serve by uvicorn until it is told to stop."""
        bounds = self._built.bounds
        site = AsgiSite(lambda: self._built)
        config = uvicorn.Config(
            site,
            http="httptools",
            loop="uvloop",
            ws="none",
            interface="asgi3",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            limit_concurrency=bounds.max_connections,
            timeout_keep_alive=round(bounds.idle_timeout_s),
        )
        server = uvicorn.Server(config)
        self.prepare(lambda: len(server.server_state.connections), site.deadlines)
        await server.serve(sockets=[self._task.listening])


async def _serve_asgi(task: Task) -> None:
    await BareWorker(task).serve_asgi()


async def _made(task: Task) -> BareWorker:
    return BareWorker(task)


def _uvicorn(task: Task) -> None:
    telemetry_log.start(task.loaded.settings.telemetry.log_level)
    uvloop.run(_serve_asgi(task))


def _granian(port: int, task: Task) -> None:
    """Granian binds a socket and forks a worker itself."""
    bounds = task.loaded.settings.server.limits
    workers: list[BareWorker] = []

    def begin(loop: asyncio.AbstractEventLoop) -> None:
        telemetry_log.start(task.loaded.settings.telemetry.log_level)
        worker = loop.run_until_complete(_made(task))
        worker.prepare(lambda: 0, site.deadlines)
        workers.append(worker)

    server = Granian(
        "antiphon",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.RSGI,
        workers=1,
        runtime_threads=1,
        runtime_mode=RuntimeModes.st,
        loop=Loops.uvloop,
        task_impl=TaskImpl.asyncio,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=bounds.max_connections,
        http1_settings=HTTP1Settings(
            header_read_timeout=round(1000 * bounds.header_timeout_s),
            max_buffer_size=bounds.max_header_bytes,
        ),
        log_level=LogLevels.warning,
        log_access=False,
    )
    site = RsgiSite(begin, lambda: workers[0]._built)  # noqa: SLF001 - the worker is ours
    server.serve(target_loader=lambda: site, wrap_loader=False)


def keep(loaded: Loaded, work: Callable[[Task], None]) -> None:
    """Run a worker and the shipper until SIGTERM, as the supervisor does. A dead worker is not replaced."""
    settings = loaded.settings
    telemetry_log.start(settings.telemetry.log_level)
    with tempfile.TemporaryDirectory(prefix="inbound-") as runtime:
        places = Places.under(Path(settings.storage.dir), Path(runtime))
        lock = own(places.data)
        places.journal.mkdir(mode=0o700, exist_ok=True)
        SqliteDatabase(places.data).close()
        LocalSealer(places.key)
        ours, theirs = socket.socketpair()
        task = Task(
            index=0,
            life=f"inbound-{secrets.token_hex(4)}",
            loaded=loaded,
            override=lambda same: same,
            labs={},
            places=places,
            listening=bind(settings.server.host, settings.server.port),
            control=theirs,
        )
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        worker = fork(lambda: _unblocked(lambda: work(task)), closing=[ours], control=ours)
        arguments = (places, settings.storage, settings.telemetry.log_level)
        shipper = fork(lambda: _unblocked(lambda: shipping.run(*arguments)), closing=[ours, theirs, task.listening])
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        for child in (worker, shipper):
            child.signal(signal.SIGTERM)
            child.wait()
        os.close(lock)


def _unblocked(body: Callable[[], None]) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})
    body()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=("uvicorn", "granian"), required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    granian = options.server == "granian"
    loaded = load(options.config, environment())
    server = msgspec.structs.replace(loaded.settings.server, port=0 if granian else options.port)
    loaded = msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, server=server))
    keep(loaded, partial(_granian, options.port) if granian else _uvicorn)
    return 0


if __name__ == "__main__":
    sys.exit(main())
