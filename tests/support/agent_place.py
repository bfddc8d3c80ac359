"""Agents on a real listener and a real store, whose runs are played by scripts in place of the loop."""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
from fakes.house import House
from fakes.records import ListedStore
from msgspec import structs

from antiphon.agents.a2a.files import Fetch, Files
from antiphon.agents.a2a.host import Decide, Host, HostParts
from antiphon.agents.a2a.pushes import Pushes
from antiphon.agents.a2a.signing import CardSigner
from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata, SkillSpec
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.journal import Ended
from antiphon.agents.models.answering import Answering
from antiphon.agents.models.models import models
from antiphon.agents.runs import Runs, RunsParts
from antiphon.control.identity import Keys
from antiphon.control.settings import KeySettings
from antiphon.core.clock import SystemClock
from antiphon.core.ids import Uuid7
from antiphon.core.ports import Inbound, Outbound, Transport
from antiphon.core.run import Mail, Run, RunEvent, Use, Wait
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from antiphon.net.egress import Egress
from antiphon.net.exchange import Exchange
from antiphon.net.listener import Listener, bind
from antiphon.net.settings import Bounds
from antiphon.server import a2a as a2a_paths
from antiphon.server.site import Site
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

KEYS = [
    KeySettings(name="alice", key=Secret("sk-alice-000000000001"), tenant="acme"),
    KeySettings(name="bob", key=Secret("sk-bob-0000000000001"), tenant="acme", models=["agent/help*"]),
    KeySettings(name="eve", key=Secret("sk-eve-0000000000001"), tenant="other"),
]
ALICE = "sk-alice-000000000001"
BOB = "sk-bob-0000000000001"
EVE = "sk-eve-0000000000001"
Step = tuple[str, Any] | Use | Wait | Ended
"""Something to tell, something used, a wait, or the end."""
Play = Callable[[Run, list[Mail]], Iterator[Step]]
POLL_S = 0.01


def document(name: str, **fields: Any) -> AgentDocument:
    tenant = fields.pop("tenant", "")
    version = fields.pop("version", "1")
    return AgentDocument(
        metadata=Metadata(name=name, version=version, tenant=tenant, description=f"The agent {name}."),
        spec=AgentSpec(goal=f"Work as {name}.", **fields),
    )


def says(run: Run, mail: list[Mail]) -> Iterator[Step]:
    """Answers what it was asked."""
    goal = msgspec.json.decode(run.input)["goal"]
    yield "began", None
    yield "model", {"role": "act", "calls": [{"name": "look_up", "arguments": {}}]}
    yield "tool", {"tool": "look_up", "failed": ""}
    kinds = {"cached_tokens": 10, "cache_write_tokens": 4, "reasoning_tokens": 5}
    yield Use(calls=1, tool_calls=1, tokens=42, money_nano_usd=1_500, input_tokens=30, output_tokens=12, **kinds)
    yield Ended(status="done", stop="finished", why="", result=msgspec.json.encode(f"You said: {goal}"))


def asks(run: Run, mail: list[Mail]) -> Iterator[Step]:
    """Asks a person, and answers with what they said."""
    if run.segment == 1:
        yield "wait", {"kind": "question"}
        yield Wait(kind="question", key="1.0", shown=msgspec.json.encode({"question": "Which colour?"}).decode())
    said = next(msgspec.json.decode(one.body) for one in mail if one.kind == "answer")
    yield Ended(status="done", stop="finished", why="", result=msgspec.json.encode({"colour": said}))


def fails(run: Run, mail: list[Mail]) -> Iterator[Step]:
    yield Ended(status="failed", stop="money", why="the envelope has no money left")


def hangs(run: Run, mail: list[Mail]) -> Iterator[Step]:
    """Waits for a time that never comes."""
    yield "model", {"role": "act"}
    yield Wait(kind="timer", key="1.0")


class Later(Transport):
    """A client that is made on a loop, by whoever needs it before."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    def send(self, request: Outbound, *, fresh: bool = False) -> Coroutine[Any, Any, Inbound]:
        return self._client().send(request, fresh=fresh)


class Place:
    """A listener, and agents behind it."""

    def __init__(self, directory: Path, plays: dict[str, Play], *documents: AgentDocument, **more: Any) -> None:
        SqliteDatabase(directory).close()
        self.store = SqliteRuns(directory)
        self.clock = SystemClock()
        self.shelf = Shelf(agents={one.name: {one.version: one} for one in documents})
        ids = Uuid7(self.clock)
        parts = RunsParts(
            store=self.store, shelf=lambda: self.shelf, clock=self.clock, ids=ids, may=lambda *asked: None
        )
        self.runs = Runs(parts)
        self.pushes = Pushes(self.store, self.clock, ids)
        self._plays = plays
        found = models(self.shelf, Answering(self.runs, more.pop("quiet_s", 10.0)), 60.0)
        decide: Decide | None = more.pop("decide", None)
        most_s: float = more.pop("most_s", 20.0)
        more_egress: Egress = more.pop("egress", Egress())
        self._workspaces = directory / "workspaces"
        self.house = House(directory, **more)
        revision = self.house.gateway.revision
        targets = {**revision.targets, **{name: one.target for name, one in found.items()}}
        routes = {**revision.routes, **{name: one.route for name, one in found.items()}}
        self.house.caller.fleet.arrange(revision.calls, targets, {}, self.house.caller.now())
        self.house.gateway.revision = structs.replace(revision, targets=targets, routes=routes)
        self.house.gateway = type(self.house.gateway)(self.house.gateway.process, self.house.gateway.revision)
        identity = Keys(KEYS)
        self._egress = more_egress
        files = Files(fetch=Fetch(Later(lambda: self.client), self.clock), workspace=self.workspace)
        host = Host(
            HostParts(
                runs=self.runs,
                pushes=self.pushes,
                files=files,
                most_s=most_s,
                decide=decide,
                signer=CardSigner(directory / "cards.key"),
            )
        )
        self.a2a = a2a_paths.A2A(host=host, identity=identity)
        self.site = Site(
            gateway=self.house.gateway,
            identity=identity,
            store=ListedStore(),
            metrics=lambda: b"",
            metrics_type=b"text/plain",
            open_metrics=False,
            created_s=7,
            ready=lambda: "",
        )
        self._socket: socket.socket = bind("127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self.client = Client(self._egress)
        self._listener = Listener(self._handle, self.site.refuse, Bounds())
        await self._listener.start(self._socket)
        self._engine = asyncio.create_task(self._play())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listener.drain(5.0)
        self._engine.cancel()
        await asyncio.wait({self._engine})
        self.client.close()
        self.store.close()

    def workspace(self, run: Run) -> str:
        folder = self._workspaces / (run.root or run.id)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    async def _handle(self, exchange: Exchange) -> None:
        if a2a_paths.is_a2a(exchange.path):
            await a2a_paths.answer(exchange, self.a2a)
        else:
            await self.site.handle(exchange)

    # --- the engine

    async def _play(self) -> None:
        while True:
            for run in await asyncio.to_thread(self.store.due, self.clock.now_ns(), 10):
                await asyncio.to_thread(self._segment, run)
            await asyncio.sleep(POLL_S)

    def _segment(self, run: Run) -> None:
        store, mail = self.store, self.store.mail(run.id)
        store.take(run.id, [one.id for one in mail])
        if any(one.kind in ("cancel", "kill") for one in mail):
            ended = structs.replace(
                run, status="cancelled", stop="cancelled", wait=None, updated_ns=self.clock.now_ns(), ended_ns=1
            )
            assert store.save(ended, run.segment, ["queued", "running", "waiting", "paused"])
            return
        before = run.segment
        segment = before + (run.status == "waiting")
        going = structs.replace(run, status="running", segment=segment, wait=None, updated_ns=self.clock.now_ns())
        assert store.save(going, before, ["queued", "waiting"])
        seq = len(store.told(run.id, 0))
        for step in self._plays[run.agent](going, mail):
            match step:
                case Ended():
                    self._save(going, status=step.status, stop=step.stop, why=step.why, result=step.result, ended_ns=1)
                    return
                case Wait():
                    self._save(going, status="waiting", wait=step)
                    return
                case Use():
                    store.hold(run.root, f"{segment}.{seq}", step)
                    store.settle(run.root, f"{segment}.{seq}", step)
                case (kind, body):
                    seq += 1
                    said = b"" if body is None else msgspec.json.encode(body)
                    store.tell([RunEvent(run=run.id, seq=seq, at_ns=self.clock.now_ns(), kind=kind, body=said)])

    def _save(self, run: Run, **fields: Any) -> None:
        saved = structs.replace(run, updated_ns=self.clock.now_ns(), **fields)
        assert self.store.save(saved, run.segment, ["running"])


SKILL = SkillSpec(id="help", name="Help", description="It helps.", tags=["help"], examples=["Help me."])
