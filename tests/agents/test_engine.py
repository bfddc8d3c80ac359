"""The engine in one process, on a real SQLite: waits, control, forks, replays. Processes that die: test_engine_deaths.py."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from scripted_agents import Place, scripted

from antiphon.agents.engine.dbos import QUEUED
from antiphon.agents.engine.engine import Engine
from antiphon.agents.engine.forks import forked_from
from antiphon.agents.engine.leftovers import Leftovers
from antiphon.core.error import BadRequest
from antiphon.core.run import Mail, Run, RunEnvelope, Use, Wait
from antiphon.core.run_store import Asked, RunStore
from antiphon.store.sqlite import SqliteDatabase

Found = TypeVar("Found")
SECOND_NS = 1_000_000_000


class Here:
    """One engine and its store."""

    def __init__(self, place: Place, engine: Engine) -> None:
        self.place, self.engine, self.store = place, engine, place.store()

    def begin(self, id: str, script: dict[str, Any], **more: Any) -> Run:
        return self.store.begin(scripted(id, script, **more))

    def say(self, run: str, kind: Any, key: str = "", body: Any = None, id: str = "") -> None:
        mail = Mail(
            id=id or f"{kind}/{key}",
            run=run,
            tenant="acme",
            kind=kind,
            at_ns=time.time_ns(),
            by="user/bob",
            key=key,
            body=json.dumps(body).encode(),
        )
        assert self.store.post(mail)

    async def until(self, probe: Callable[[], Found], within_s: float = 60.0) -> Found:
        """Ask again and again until there is something."""
        end_s = time.monotonic() + within_s
        while not (found := probe()):
            assert time.monotonic() < end_s, [(one.id, one.status, one.why, one.wait) for one in everything(self.store)]
            await asyncio.sleep(0.01)
        return found

    async def stands(self, run: str, status: str) -> Run:
        def probe() -> Run | None:
            found = self.store.one(run)
            return found if found is not None and found.status == status else None

        return await self.until(probe)

    @property
    def effects(self) -> list[str]:
        return self.place.effects.read_text().splitlines() if self.place.effects.exists() else []


def everything(store: RunStore) -> list[Run]:
    return store.page(Asked())


@pytest.fixture(scope="module", name="made")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Databases whose tables and queue are there, to copy: making them takes a second."""
    directory = tmp_path_factory.mktemp("made")
    SqliteDatabase(directory).close()

    async def make() -> None:
        engine = Place(directory).engine()
        await engine.start()
        await engine.stop()

    asyncio.run(make())
    return directory


@pytest.fixture(name="tmp_path")
def copied(tmp_path: Path, made: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@asynccontextmanager
async def running(directory: Path, **settings: Any) -> AsyncIterator[Here]:
    place = Place(directory, settings={"poll_s": 0.02, "heartbeat_s": 0.1, **settings})
    engine = place.engine()
    await engine.start()
    try:
        yield Here(place, engine)
    finally:
        await engine.stop()


def threaded(work: Callable[..., Found], *given: Any) -> Found:
    """In a thread, as DBOS refuses to block a loop."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(work, *given).result()


def told(here: Here, run: str) -> list[str]:
    found = here.store.told(run, 0)
    assert [one.seq for one in found] == list(range(1, len(found) + 1))
    return [one.kind for one in found]


async def test_a_run_does_its_steps_in_order_and_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 3})
        run = await here.stands("a", "done")
        assert (run.stop, run.segment, run.owner) == ("finished", 1, "")
        assert json.loads(run.result)["at"] == 3
        assert here.effects == ["a effect 0", "a effect 1", "a effect 2"]
        assert told(here, "a") == ["began", "observed", "observed", "observed", "ended"]
        assert run.used == Use(steps=3, tool_calls=3, money_nano_usd=9)


async def test_a_wait_ends_with_mail_of_its_key_and_goes_on_from_its_state(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 2, "ask": 1})
        assert (await here.stands("a", "waiting")).wait == Wait(kind="question", key="ask 1", shown="?")
        here.say("a", "message", body="by the way")
        here.say("a", "answer", "ask 1", "yes")
        run = await here.stands("a", "done")
        assert json.loads(run.result)["heard"] == ['message::"by the way"', 'answer:ask 1:"yes"']
        assert run.segment == 2
        assert here.effects == ["a effect 0", "a effect 1"]
        assert here.store.mail("a") == []
        assert told(here, "a") == ["began", "observed", "wait", "answered", "observed", "ended"]


async def test_a_timer_wakes_a_run_by_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"timer_s": 0.1, "steps": 1})
        run = await here.stands("a", "done")
        assert run.ended_ns - json.loads(run.result)["slept"] >= SECOND_NS // 10


async def test_a_parent_goes_on_when_its_child_has_ended(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"child": {"steps": 1}})
        run = await here.stands("a", "done")
        assert json.loads(run.result)["heard"] == ['child:child:{"ac":{"status":"done","stop":"finished"}}']


async def test_what_outlives_its_parent_is_ended_with_it(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"child": {"steps": 2, "ask": 1}})
        await here.stands("ac", "waiting")
        await here.stands("a", "waiting")
        here.say("a", "kill")
        assert (await here.stands("ac", "cancelled")).stop == "killed"
        assert (await here.stands("a", "cancelled")).why == "killed by user/bob"


async def test_errors_and_several_works_at_once_are_written_down_as_they_came(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"many": 4, "refused": True})
        result = json.loads((await here.stands("a", "done")).result)
        assert result["many"] == [0, "not_allowed", 2, 3]
        assert result["refused"] == ["no", 418]


async def test_a_driver_that_breaks_fails_its_run_and_no_other(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"broken": "oh"})
        here.begin("b", {"steps": 1})
        run = await here.stands("a", "failed")
        assert (run.stop, run.why) == ("error", "ValueError: oh")
        await here.stands("b", "done")


@pytest.mark.parametrize(("kind", "stop"), [("cancel", "cancelled"), ("kill", "killed")])
async def test_a_cancel_ends_running_work_at_once(tmp_path: Path, kind: str, stop: str) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"hang_s": 3600})
        await here.until(lambda: here.effects)
        here.say("a", kind)
        assert (await here.stands("a", "cancelled")).stop == stop
        assert here.effects == ["hanging"]


async def test_a_run_that_waits_is_cancelled_without_being_begun(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 2, "ask": 0})
        await here.stands("a", "waiting")
        here.say("a", "cancel")
        assert (await here.stands("a", "cancelled")).segment == 1
        assert here.effects == []


async def test_a_paused_run_goes_on_from_its_last_step(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"chance": True, "refused": True, "hang_s": 2.0, "steps": 2})
        await here.until(lambda: "hanging" in here.effects)
        here.say("a", "pause")
        await here.stands("a", "paused")
        assert here.effects == ["refused", "hanging", "hung"]
        here.say("a", "resume")
        run = await here.stands("a", "done")
        assert here.effects == ["refused", "hanging", "hung", "a effect 0", "a effect 1"]
        assert json.loads(run.result)["refused"] == ["no", 418]
        assert told(here, "a") == ["began", "observed", "observed", "ended"]


async def test_a_pause_of_a_run_that_waits_keeps_its_wait_and_mail(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 1, "ask": 0})
        await here.stands("a", "waiting")
        here.say("a", "pause")
        await here.stands("a", "paused")
        here.say("a", "answer", "ask 0", "late")
        here.say("a", "resume")
        assert json.loads((await here.stands("a", "done")).result)["heard"] == ['answer:ask 0:"late"']


async def test_a_fork_begins_with_what_was_journalled_before_its_step(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"chance": True, "steps": 3, "ask": 1})
        await here.stands("a", "waiting")
        here.say("a", "answer", "ask 1", "go")
        first = await here.stands("a", "done")
        steps = await here.engine.steps(first)
        assert [one.name for one in steps] == [
            "open", "random", "now", "effect 0", "open", "random", "now", "effect 1", "effect 2",
        ]  # fmt: skip
        at = steps[-1].at
        here.begin("f", {"chance": True, "steps": 3, "ask": 1}, forked_from=forked_from("a", at))
        made = await here.stands("f", "done")
        one, other = json.loads(first.result), json.loads(made.result)
        assert one == other
        assert here.effects == ["a effect 0", "a effect 1", "a effect 2", "f effect 2"]
        assert told(here, "f") == ["began", "observed", "wait", "began", "observed", "observed", "ended"]


async def test_a_fork_from_a_step_that_is_not_there_fails_and_says_how_many_there_are(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 1})
        await here.stands("a", "done")
        here.begin("f", {"steps": 1}, forked_from=forked_from("a", "1.99"))
        assert "has 2 steps" in (await here.stands("f", "failed")).why


def test_a_step_to_fork_from_is_a_segment_and_a_number() -> None:
    assert forked_from("a", "2.14") == "a@2.14"
    with pytest.raises(BadRequest, match=r"SEGMENT\.NUMBER"):
        forked_from("a", "last")


async def test_a_wait_that_nobody_answers_is_shown_to_others(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        made = here.begin("a", {"steps": 1, "ask": 0})
        run = await here.stands("a", "waiting")
        assert run.wait is not None
        wait = replace(run.wait, to="clerks", escalates_ns=time.time_ns(), escalate_to="chiefs")
        assert here.store.save(replace(run, wait=wait, wake_ns=wait.escalates_ns), made.segment, ["waiting"])
        await here.until(lambda: (here.store.one("a") or made).wait == replace(wait, to="chiefs", escalates_ns=0))
        here.say("a", "answer", "ask 0", "yes")
        await here.stands("a", "done")


async def test_an_envelope_is_never_exceeded_by_steps_that_run_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        root = here.begin("r", {"steps": 1, "ask": 0}, envelope=RunEnvelope(steps=10))
        for number in range(6):
            here.begin(f"c{number}", {"steps": 4}, parent="r", root=root.id)
        await here.until(lambda: all((here.store.one(f"c{number}") or root).ended for number in range(6)))
        found = here.store.one("r")
        assert found is not None
        assert found.used.steps == 10
        assert len(here.effects) == 10


async def test_a_stop_leaves_runs_between_steps_and_the_next_start_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"chance": True, "steps": 40, "each_s": 0.02})
        await here.until(lambda: len(here.effects) > 3)
    before = len(here.effects)
    assert before < 40
    async with running(tmp_path) as here:
        await here.stands("a", "done")
        assert here.effects == [f"a effect {number}" for number in range(40)]
        assert told(here, "a") == ["began", *["observed"] * 40, "ended"]


async def test_what_a_step_tells_meanwhile_is_told_once_and_in_its_place(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"steps": 20, "each_s": 0.02, "asides": 2})
        await here.until(lambda: len(here.effects) > 3)
    assert len(here.effects) < 20
    async with running(tmp_path) as here:
        await here.stands("a", "done")
        assert told(here, "a") == ["began", *["progress", "progress", "observed"] * 20, "ended"]


async def test_no_more_runs_of_a_tenant_than_may_and_the_urgent_first(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    async with running(tmp_path, tenant_concurrency=1) as here:
        here.begin("a", {"gate": str(gate)})
        await here.until(lambda: here.effects)
        made = [here.begin("slow", {"steps": 1}, priority=9), here.begin("fast", {"steps": 1}, priority=1)]
        await here.until(lambda: all((here.store.one(run.id) or run).owner == QUEUED for run in made))
        gate.touch()
        slow = await here.stands("slow", "done")
        assert here.effects == ["waiting", "fast effect 0", "slow effect 0"]
        assert slow.started_ns > (here.store.one("fast") or slow).created_ns


async def test_a_run_that_is_in_no_queue_although_it_should_be_is_put_back(tmp_path: Path) -> None:
    store = Place(tmp_path).store()
    made = store.begin(scripted("a", {"steps": 1}))
    lost = replace(made, owner="queue", updated_ns=1)
    assert store.save(lost, 1, ["queued"])
    async with running(tmp_path) as here:
        await here.engine.mend()
        await here.stands("a", "done")
        assert here.effects == ["a effect 0"]


async def test_the_journal_of_runs_that_are_kept_no_more_is_erased(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        for name in ("a", "b", "ab"):
            here.begin(name, {"steps": 1})
        runs = [await here.stands(name, "done") for name in ("a", "b", "ab")]
        durable = here.engine.durable
        await here.until(lambda: len(threaded(durable.ended, 0, 9)) == 3)
        here.store.discard(["a"])  # type: ignore[attr-defined]
        leftovers = Leftovers(here.store, durable, page=2)
        assert sum(threaded(leftovers.look) for _ in range(3)) == 1
        steps = [[one.name for one in await here.engine.steps(run)] for run in runs]
        assert steps == [[], ["open", "effect 0"], ["open", "effect 0"]]


@pytest.mark.parametrize("waits", [False, True])
async def test_what_is_erased_ends_and_leaves_nothing(tmp_path: Path, waits: bool) -> None:
    async with running(tmp_path) as here:
        run = here.begin("a", {"steps": 2, "ask": 1} if waits else {"hang_s": 60.0, "steps": 2})
        if waits:
            await here.stands("a", "waiting")
        else:
            await here.until(lambda: "hanging" in here.effects)
        assert threaded(here.store.erase, "acme", run.principal.subject()) == ["a"]
        done = len(here.effects)
        await here.engine.mend()

        here.begin("b", {"steps": 1})
        await here.stands("b", "done")
        await here.until(lambda: threaded(here.engine.durable.status, "a.1") not in ("PENDING", "ENQUEUED"))

        assert [one.id for one in everything(here.store)] == ["b"]
        assert here.store.told("a", 0) == []
        assert [one for one in here.effects[done:] if one.startswith("a ")] == []
        threaded(Leftovers(here.store, here.engine.durable).look)
        assert await here.engine.steps(run) == []


async def test_nothing_that_a_step_gave_stands_open_in_the_journal(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        here.begin("a", {"refused": True, "steps": 2, "ask": 1})
        await here.stands("a", "waiting")
        here.say("a", "answer", "ask 1", "a very secret word")
        await here.stands("a", "done")
    written = b"".join(file.read_bytes() for file in tmp_path.glob("agents.db*"))
    assert b"effect 1" in written, "names of steps stand open"
    assert b"secret" not in written
    assert b"not_allowed" not in written
