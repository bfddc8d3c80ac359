"""What is said to runs from outside, on a real database: each word counts once in the wait that it is for."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.agents import ADA, agent
from fakes.clock import StoppedClock
from msgspec.structs import replace

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.runs import Runs, RunsParts
from antiphon.core.error import BadRequest, OverLimit
from antiphon.core.ids import Uuid7
from antiphon.core.run import Barred, Run, Wait
from antiphon.store.runs import MOST_MESSAGES
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

REVIEW = Wait(kind="review", key="1.1")


class Place:
    def __init__(self, directory: Path) -> None:
        SqliteDatabase(directory).close()
        self.directory = directory
        self.store, self.clock = SqliteRuns(directory), StoppedClock(10**18)
        shelf = Shelf(agents={"clerk": {"1": agent()}})
        parts = RunsParts(
            store=self.store,
            shelf=lambda: shelf,
            clock=self.clock,
            ids=Uuid7(self.clock),
            may=lambda principal, document, data_class: None,
        )
        self.runs = Runs(parts)

    def stands(self, run: Run, **fields: Any) -> Run:
        """The engine takes what was said, and keeps the run as it stands then."""
        found = self.store.one(run.id)
        assert found is not None
        self.clock.at_ns += 1_000_000
        self.store.take(run.id, [one.id for one in self.store.mail(run.id)])
        changed = replace(found, updated_ns=self.clock.now_ns(), **fields)
        assert self.store.save(changed, found.segment, (found.status,))
        return changed

    def said(self, run: Run) -> list[str]:
        return [one.kind for one in self.store.mail(run.id)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.store.close()


async def test_a_run_that_waits_for_the_same_review_again_is_answered_again(place: Place) -> None:
    run = await place.runs.begin(ADA, "clerk", "Do it.")
    place.stands(run, status="waiting", wait=REVIEW)
    await place.runs.answer(ADA, run.id, "1.1", "again")
    await place.runs.answer(ADA, run.id, "1.1", "again")
    assert place.said(run) == ["answer"]
    place.stands(run, status="running", wait=None, segment=2)
    place.stands(run, status="waiting", wait=REVIEW)
    await place.runs.answer(ADA, run.id, "1.1", "done")
    assert [one.body for one in place.store.mail(run.id)] == [b'"done"']
    assert [one.id for one in place.store.due(0, 10)] == [run.id]


async def test_an_approval_is_not_answered_but_settled(place: Place) -> None:
    run = await place.runs.begin(ADA, "clerk", "Do it.")
    place.stands(run, status="waiting", wait=Wait(kind="approval", key="1.1", approval="apr_7"))
    with pytest.raises(BadRequest, match="the approval apr_7"):
        await place.runs.answer(ADA, run.id, "1.1", "yes")
    assert place.said(run) == []


async def test_a_run_is_paused_and_resumed_as_often_as_one_likes(place: Place) -> None:
    run = await place.runs.begin(ADA, "clerk", "Do it.")
    for _ in range(2):
        await asyncio.gather(*(place.runs.pause(ADA, run.id) for _ in range(2)))
        assert place.said(run) == ["pause"]
        place.stands(run, status="paused")
        await asyncio.gather(*(place.runs.resume(ADA, run.id) for _ in range(2)))
        assert place.said(run) == ["resume"]
        place.stands(run, status="queued")


async def test_who_took_a_run_over_is_kept_though_it_changed_meanwhile(place: Place) -> None:
    run = await place.runs.begin(ADA, "clerk", "Do it.")

    class Late(SqliteRuns):
        """The run changes between the look at it and the word."""

        def post(self, mail: Any) -> bool:
            posted = super().post(mail)
            if mail.kind == "pause":
                place.stands(run, status="running")
            return posted

    place.runs.parts = replace(place.runs.parts, store=Late(place.directory))
    taken = await place.runs.take_over(ADA, run.id, "user/ada")
    kept = place.store.one(run.id)
    assert kept is not None
    assert (taken.taken_by, kept.taken_by, kept.status) == ("user/ada", "user/ada", "running")
    place.runs.parts.store.close()


async def test_more_messages_than_anybody_reads_are_refused(place: Place) -> None:
    run = await place.runs.begin(ADA, "clerk", "Do it.")
    for _ in range(MOST_MESSAGES):
        await place.runs.say(ADA, run.id, "Hurry.")
    with pytest.raises(OverLimit, match="not read yet"):
        await place.runs.say(ADA, run.id, "Hurry.")
    await place.runs.cancel(ADA, run.id)
    assert place.said(run)[-1] == "cancel", "what must be heard always is"


async def test_a_kill_reaches_all_runs_of_an_agent(place: Place) -> None:
    begun = [await place.runs.begin(ADA, "clerk", "Do it.") for _ in range(3)]
    await place.runs.bar(Barred(kind="agent", name="clerk", tenant="acme", how="killed", by="key/root", at_ns=1))
    assert [place.said(one) for one in begun] == [["kill"]] * 3
