"""`antiphon serve` with another HTTP server in the listener's place; everything else is the gateway's own.

Usage: python -m inbound.serve --server uvicorn|granian --config FILE --port N
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import uvicorn
import uvloop
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes, TaskImpl
from granian.http import HTTP1Settings
from granian.log import LogLevels

from antiphon.app.child import Child, fork
from antiphon.app.supervisor import Ready, Supervisor
from antiphon.app.worker import Task, Worker
from antiphon.config.load import Loaded, environment, load
from antiphon.net.listener import BACKLOG, SWEEP_S
from antiphon.telemetry import log as telemetry_log
from antiphon.telemetry.lag import watch_lag
from inbound.asgi import AsgiSite
from inbound.deadlines import Deadlines
from inbound.rsgi import RsgiSite

Kind = Literal["uvicorn", "granian"]


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
        self._say({"ready": os.getpid(), "revision": self._built.revision})

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


def _granian(task: Task, port: int) -> None:
    """Granian takes its own socket and its own worker process."""
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
        runtime_mode=RuntimeModes(os.environ.get("BENCH_GRANIAN_MODE", "st")),
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


class InboundSupervisor(Supervisor):
    """Starts workers with another server in them."""

    kind: Kind
    port: int

    def _start_worker(self, index: int) -> None:
        ours, theirs = socket.socketpair()
        task = Task(
            index=index,
            life=f"{self._boot}-{secrets.token_hex(2)}",
            loaded=self._loaded,
            override=self._override,
            labs={},
            places=self._places,
            listening=self._listening,
            control=theirs,
        )
        body = (lambda: _uvicorn(task)) if self.kind == "uvicorn" else (lambda: _granian(task, self.port))
        child: Child = fork(body, closing=[ours, self._signal_writer], control=ours)
        theirs.close()
        self._workers[index] = child


def _unheard(_: Ready) -> None:
    """Nobody waits for it: the bench asks for readiness by HTTP."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=("uvicorn", "granian"), required=True)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    port = options.port if options.server == "uvicorn" else 0  # granian binds the port itself

    def override(loaded: Loaded) -> Loaded:
        server = msgspec.structs.replace(loaded.settings.server, port=port)
        return msgspec.structs.replace(loaded, settings=msgspec.structs.replace(loaded.settings, server=server))

    supervisor = InboundSupervisor(load(options.config, environment()), override, _unheard)
    supervisor.kind = options.server
    supervisor.port = options.port
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main())
