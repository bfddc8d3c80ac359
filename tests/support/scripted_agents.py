"""Agents by a script, for engines: steps with at-most-once effects in a file, waits, children, and a worker process.

python scripted_agents.py PLACE   # PLACE: a directory (SQLite), or JSON {"dir": …, "url": postgresql://…, …}
"""

import asyncio
import json
import logging
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from antiphon.agents.engine.dbos import EnginePlace, in_file, in_postgres
from antiphon.agents.engine.engine import Engine
from antiphon.agents.journal import Driver, Ended, Journal, Parked
from antiphon.agents.settings import AgentsSettings
from antiphon.core.error import NotAllowed
from antiphon.core.principal import Principal
from antiphon.core.run import Intent, Mail, Run, RunEnvelope, Use, Wait
from antiphon.core.run_store import RunStore
from antiphon.core.secret import Secret
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.runs_postgres import PostgresRuns
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.telemetry import log as telemetry_log
from antiphon.vault.local import LocalSealer

log = logging.getLogger("antiphon.scripted")
REVIEWED = "reviewed/"
"""Begins the owner of an intent that a person said was not carried out."""
ALICE = Principal(tenant="acme", key="alice", user="alice")


def scripted(id: str, script: dict[str, Any], **more: Any) -> Run:
    """A run of it. `steps`: how many effects; `each_s`: how long each takes; `asides`: what each tells meanwhile; `ask`: step before which a person is asked;
    `timer_s`, `child`, `refused`, `broken`, `hang_s`: what else it does, before its steps. `gate`: a file that it waits
    for, before its steps or amid the effect `held`; where that one is intended, `gate`.held is there.
    """
    made = Run(
        id=id,
        tenant="acme",
        agent="scripted",
        version="1",
        principal=ALICE,
        created_ns=time.time_ns(),
        input=json.dumps(script).encode(),
        root=id,
        envelope=RunEnvelope(steps=1000),
    )
    return replace(made, **more)


class Scripted(Driver):
    """Does what a run's input says."""

    def __init__(self, store: RunStore, effects: Path) -> None:
        self._store, self._effects = store, effects
        self.engine: Engine | None = None
        self._gone_on: set[str] = set()

    async def drive(self, journal: Journal, run: Run, mail: list[Mail]) -> Ended:
        script = json.loads(run.input)
        state: dict[str, Any] = json.loads(run.state) if run.state else {"at": 0, "heard": []}
        state["heard"] += [f"{one.kind}:{one.key}:{one.body.decode()}" for one in mail]
        await self._before(journal, run, script, state)
        answers = {one.key: json.loads(one.body or b"null") for one in mail}
        while state["at"] < script.get("steps", 0):
            at = state["at"]
            if at == script.get("ask") and "asked" not in state:
                state["asked"] = True
                raise Parked(Wait(kind="question", key=f"ask {at}", shown="?"), json.dumps(state).encode())
            key = f"effect {at}"
            if key in answers:
                await journal.step(f"reviewed {at}", partial(self._reviewed, run, key, answers.pop(key)["done"]))
            act = partial(self._act, run, key, script, journal)
            if await journal.step(key, act) == "review":
                raise Parked(Wait(kind="review", key=key), json.dumps(state).encode())
            journal.tell("observed", {"at": at})
            state["at"] += 1
        return Ended(status="done", stop="finished", why="all is done", result=json.dumps(state).encode())

    async def _before(self, journal: Journal, run: Run, script: dict[str, Any], state: dict[str, Any]) -> None:
        """What comes once, before the steps."""
        if "timer_s" in script and "slept" not in state:
            state["slept"] = await journal.now_ns()
            until = state["slept"] + int(script["timer_s"] * 1e9)
            raise Parked(Wait(kind="timer", key="timer", until_ns=until), json.dumps(state).encode())
        if "child" in script and "child" not in state:
            state["child"] = f"{run.id}c"
            await journal.step("child", partial(self._child, run, script["child"]))
            wait = Wait(kind="children", key="child", children=(f"{run.id}c",))
            raise Parked(wait, json.dumps(state).encode())
        if "many" in script and "many" not in state:
            works: list[tuple[str, Callable[[], Awaitable[Any]]]] = [
                (f"one {at}", partial(self._one, at)) for at in range(script["many"])
            ]
            state["many"] = [one if isinstance(one, int) else one.code for one in await journal.steps(works)]
        if "refused" in script:
            try:
                await journal.step("refused", self._refuse)
            except NotAllowed as error:
                state["refused"] = [error.message, error.said_status]
        if "chance" in script:
            state["chance"] = [await journal.random(), await journal.now_ns()]
        if "hang_s" in script:
            await journal.step("hang", partial(self._hang, script["hang_s"]))
        if "gate" in script and "held" not in script:
            await journal.step("gate", partial(self._gate, Path(script["gate"])))
        if "broken" in script:
            raise ValueError(script["broken"])

    async def _child(self, run: Run, script: dict[str, Any]) -> str:
        made = scripted(f"{run.id}c", script, parent=run.id, root=run.root, depth=run.depth + 1)
        return (await asyncio.to_thread(self._store.begin, made)).id

    async def _one(self, at: int) -> int:
        if at == 1:
            raise NotAllowed("not the second")
        await asyncio.sleep(0.01 * (5 - at))
        return at

    async def _refuse(self) -> None:
        self._said("refused")
        raise NotAllowed("no", status=418)

    async def _hang(self, for_s: float) -> None:
        self._said("hanging")
        await asyncio.sleep(for_s)
        self._said("hung")

    async def _gate(self, gate: Path) -> None:
        self._said("waiting")
        await _there(gate)

    async def _act(self, run: Run, key: str, script: dict[str, Any], journal: Journal) -> str:
        """An at-most-once effect as the loop does them: held, intended, done, told, settled."""
        for _ in range(script.get("asides", 0)):
            journal.aside("progress", {"key": key})
        owner = secrets.token_hex(8)
        hold, do = f"{run.id}/{key}", asyncio.to_thread
        most = Use(steps=1, tool_calls=1, money_nano_usd=5)
        if run.owner not in self._gone_on:
            self._gone_on.add(run.owner)
            log.info("run.acts", extra={"run": run.id, "by": run.owner.rpartition("#")[0]})
        held = await do(self._store.hold, run.root, hold, most)
        if not held.ok:
            return "short"
        intent = Intent(run=run.id, step=key, tool="pay", digest="", owner=owner, at_ns=time.time_ns())
        found = await do(self._store.intend, intent)
        if found.outcome is None:
            again = found.owner.startswith(REVIEWED)
            if found.owner != owner and not (
                again and await do(self._store.review, run.id, key, None, "person", owner, was=found.owner)
            ):
                return "review"
            if key == f"effect {script.get('held')}":
                Path(f"{script['gate']}.held").touch()
                await _there(Path(script["gate"]))
            await asyncio.sleep(random.uniform(0, script.get("each_s", 0)))
            if self.engine is not None:
                await self.engine.sure()
            self._said(f"{run.id} {key}")
            await asyncio.sleep(random.uniform(0, script.get("each_s", 0)))
            await do(self._store.came, run.id, key, b"1", owner)
        await do(self._store.settle, run.root, hold, Use(steps=1, tool_calls=1, money_nano_usd=3))
        return "done"

    async def _reviewed(self, run: Run, key: str, done: bool) -> None:
        """A step of its own: the effect may come after it only."""
        owner, do = f"{REVIEWED}{secrets.token_hex(8)}", asyncio.to_thread
        found = await do(self._store.intend, Intent(run=run.id, step=key, tool="pay", digest="", owner=owner, at_ns=0))
        await do(self._store.review, run.id, key, b"1" if done else None, "person", owner, was=found.owner)

    def _said(self, text: str) -> None:
        handle = os.open(self._effects, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(handle, f"{text}\n".encode())
        os.close(handle)


async def _there(file: Path) -> None:
    """Until a file is there."""
    while not file.exists():
        await asyncio.sleep(0.01)


class Place:
    """Where a worker keeps what it has: of a directory, or a Postgres too."""

    def __init__(self, directory: Path, url: str = "", settings: dict[str, Any] | None = None) -> None:
        self.dir, self.url, self.given = directory, url, settings or {}
        self.effects = directory / "effects"
        self.settings = AgentsSettings(**self.given)
        self._postgres = PostgresPlace(url=Secret(url), home="test") if url else None

    def store(self) -> RunStore:
        return SqliteRuns(self.dir) if self._postgres is None else PostgresRuns(self._postgres)

    def engine_place(self) -> EnginePlace:
        return in_file(self.dir / "agents.db") if self._postgres is None else in_postgres(self._postgres)

    def engine(self) -> Engine:
        store = self.store()
        sealer = LocalSealer(self.dir / "key")
        driver = Scripted(store, self.effects)
        driver.engine = Engine(store, driver, sealer, self.settings, self.engine_place())
        return driver.engine

    def command(self, life: str = "") -> list[str]:
        """What starts a worker process; it writes `ready` to stdout once it runs. `life` names it in its log."""
        return [sys.executable, __file__, self._said(), life]

    def nest(self) -> list[str]:
        """What starts a process that forks a worker for each life that it reads, and writes its pid."""
        return [sys.executable, __file__, self._said(), "", "nest"]

    def _said(self) -> str:
        return json.dumps({"directory": str(self.dir), "url": self.url, "settings": self.given})


async def _work(place: Place, life: str) -> None:
    telemetry_log.start("info")
    engine, stopped = place.engine(), asyncio.Event()
    log.info("worker.made", extra={"life": life, "worker": engine.executor})
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await engine.start()
    if not life:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
    await stopped.wait()
    await engine.stop()


def _nest(place: Place) -> None:
    """Workers are left to whoever started this process, as it is a reaper of such: see prctl(2)."""
    for line in sys.stdin:
        told, telling = os.pipe()
        between = os.fork()
        if between:
            os.waitpid(between, 0)
            os.write(1, os.read(told, 32))
            os.close(told)
            os.close(telling)
            continue
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(telling, f"{pid}\n".encode())
            os._exit(0)
        code = 1
        try:
            asyncio.run(_work(place, line.strip()))
            code = 0
        finally:
            os._exit(code)


if __name__ == "__main__":
    said = json.loads(sys.argv[1])
    where = Place(Path(said["directory"]), said["url"], said["settings"])
    if sys.argv[3:] == ["nest"]:
        _nest(where)
    else:
        asyncio.run(_work(where, sys.argv[2]))
