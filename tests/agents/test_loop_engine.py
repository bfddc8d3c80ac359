"""The loop on the real engine, store and rules of safety: SQLite, one process; models and tools by script."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fakes.agents import ADA, Desk, PythonTools, ScriptedMind, agent, says, shown, tool

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.doors import Doors
from antiphon.agents.engine.dbos import in_file
from antiphon.agents.engine.engine import Engine
from antiphon.agents.loop.driver import LoopDriver
from antiphon.agents.mind import Ask, Said
from antiphon.agents.safety.rules import Rules
from antiphon.agents.settings import AgentsSettings
from antiphon.core.clock import SystemClock
from antiphon.core.run import Mail, Run, RunEnvelope
from antiphon.core.run_store import Asked
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer

WITHIN_S = 60.0


class Live:
    """An engine with some agents."""

    def __init__(self, directory: Path) -> None:
        SqliteDatabase(directory).close()
        self.store, self.desk = SqliteRuns(directory), Desk()
        self.mind = ScriptedMind({})
        numbers = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        self.tools = PythonTools(
            tool("square", lambda n: n * n, parameters=numbers),
            tool("pay", lambda n: f"paid {n}", effect="at_most_once", destructive=True, parameters=numbers),
        )
        agents = {
            "lead": agent("lead", children={"agents": ["counter"]}),
            "counter": agent("counter"),
        }
        doors = Doors(
            mind=self.mind,
            tools=self.tools,
            gate=lambda document, principal: Rules(document, self.tools.get),
            store=self.store,
            shelf=lambda: Shelf(agents={name: {"1": one} for name, one in agents.items()}),
            clock=SystemClock(),
            approvals=self.desk,
        )
        settings = AgentsSettings(poll_s=0.02, heartbeat_s=0.1)
        sealer = LocalSealer(directory / "key")
        self.engine = Engine(self.store, LoopDriver(doors), sealer, settings, in_file(directory / "agents.db"))

    def begin(self, name: str, goal: str, **more: Any) -> Run:
        run = Run(
            id=f"run-{name}",
            tenant="acme",
            agent=name,
            version="1",
            principal=ADA,
            created_ns=time.time_ns(),
            input=json.dumps(goal).encode(),
            root=f"run-{name}",
            **more,
        )
        return self.store.begin(run)

    async def stands(self, run: str, *statuses: str) -> Run:
        end_s = time.monotonic() + WITHIN_S
        while True:
            found = await asyncio.to_thread(self.store.one, run)
            assert found is not None
            if found.status in statuses:
                return found
            assert time.monotonic() < end_s, (found.status, found.why, found.wait)
            await asyncio.sleep(0.02)

    def say(self, run: Run, kind: Any, body: Any) -> None:
        assert run.wait is not None
        mail = Mail(
            id=f"{run.id}/{run.wait.key}/{kind}",
            run=run.id,
            tenant="acme",
            kind=kind,
            at_ns=time.time_ns(),
            by="user/eve",
            key=run.wait.key,
            body=json.dumps(body).encode(),
        )
        assert self.store.post(mail)


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    made = Live(tmp_path)
    await made.engine.start()
    try:
        yield made
    finally:
        await made.engine.stop()
        made.store.close()


async def test_a_run_waits_for_children_an_answer_and_an_approval_and_ends(live: Live) -> None:
    acts = {
        "lead": [
            says("", ("square", {"n": 3}), ("square", {"n": 4})),
            says(
                "", ("ask_agent", {"agent": "counter", "task": "a"}), ("ask_agent", {"agent": "counter", "task": "b"})
            ),
            says("", ("ask_person", {"question": "Pay?"})),
            says("", ("pay", {"n": 25})),
            says("", ("finish", {"answer": "It is paid."})),
        ]
    }

    def act(ask: Ask) -> Said:
        return acts["lead"].pop(0) if ask.agent == "lead" else says("counted")

    live.mind.script["act"] = act
    envelope = RunEnvelope(calls=10, tool_calls=5, money_nano_usd=100_000)
    run = live.begin("lead", "Pay what it comes to.", envelope=envelope)
    waiting = await live.stands(run.id, "waiting", "failed")
    while waiting.wait is not None and waiting.wait.kind == "children":
        waiting = await live.stands(run.id, "waiting", "failed")
        await asyncio.sleep(0.02)
    assert waiting.wait is not None, waiting.why
    assert waiting.wait.kind == "question"
    live.say(waiting, "answer", {"text": "Yes."})
    while waiting.wait is not None and waiting.wait.kind == "question":
        waiting = await live.stands(run.id, "waiting", "failed")
    assert waiting.wait is not None, waiting.why
    assert waiting.wait.kind == "approval"
    assert [name for name, _, _ in live.tools.made] == ["square", "square"]
    live.desk.say(waiting.wait.approval, "approved")
    live.say(waiting, "approval", {})
    done = await live.stands(run.id, "done", "failed")
    assert (done.status, done.stop, json.loads(done.result)) == ("done", "finished", "It is paid."), done.why
    assert [name for name, _, _ in live.tools.made] == ["square", "square", "pay"]
    children = live.store.page(Asked(parent=run.id))
    assert [one.status for one in children] == ["done", "done"]
    assert (done.used.calls, done.used.tool_calls) == (7, 3)
    assert all(one.used.calls == 1 for one in children)
    last = shown(live.mind.asked[-1])
    assert "Yes." in last
    assert last.count("counted") == 2
    kinds = [one.kind for one in live.store.told(run.id, 0)]
    assert kinds.count("wait") == 3
    assert kinds[0] == "began"
    assert kinds[-1] == "ended"
