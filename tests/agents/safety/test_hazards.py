"""Tools that come after the documents: runs of an agent that is not safe with them are refused, and people are told."""

import logging
from pathlib import Path

import pytest
from fakes.agents import House, PythonTools, ScriptedMind, agent, says, tool
from fakes.clock import StoppedClock

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.journal import Ended
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.safety.hazards import Hazards
from antiphon.core.error import NotAllowed
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

READS = tool("mail__read", lambda: "hello", private=True, untrusted=True)
SENDS = tool("mail__send", lambda to: "sent", sends=True, effect="at_most_once", risky=("to",))
ADA = Principal(tenant="acme", key="ada", user="ada")


async def test_a_run_begins_until_tools_come_that_make_it_unsafe(tmp_path: Path) -> None:
    SqliteDatabase(tmp_path).close()
    document = agent(safety={"trifecta": "refuse"})
    shelf, tools, clock = Shelf(agents={"clerk": {"1": document}}), PythonTools(READS), StoppedClock(10**9)
    hazards = Hazards(lambda: shelf, tools)
    parts = RunsParts(
        store=SqliteRuns(tmp_path),
        shelf=lambda: shelf,
        clock=clock,
        ids=Uuid7(clock),
        may=lambda *_: None,
        unsafe=hazards.unsafe,
    )
    runs = Runs(parts)
    assert (await runs.begin(ADA, "clerk", "Answer.")).status == "queued"

    tools.tools[SENDS[0].name] = SENDS
    with pytest.raises(NotAllowed) as caught:
        await runs.begin(ADA, "clerk", "Answer.")

    assert "the agent clerk is not safe to run: it reads private data (mail__read)" in caught.value.message
    assert "set `safety.trifecta` to `approve`" in caught.value.message
    parts.store.close()


async def test_a_run_that_was_begun_before_ends_before_its_model_is_asked() -> None:
    mind = ScriptedMind({"act": [says("Done.")]})
    home = House(mind, READS, SENDS, agents=[agent(safety={"trifecta": "refuse"})])

    ended = await home.segment(home.begin("Answer."))

    assert isinstance(ended, Ended)
    assert (ended.status, ended.stop) == ("failed", "refused")
    assert "not safe to run" in ended.why
    assert mind.asked == []


def test_where_people_approve_it_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    shelf, tools = Shelf(agents={"clerk": {"1": agent()}}), PythonTools(READS)
    hazards = Hazards(lambda: shelf, tools)
    with caplog.at_level(logging.WARNING, "antiphon.agents"):
        hazards.look()
        told = [one for one in caplog.records if getattr(one, "code", "") == "trifecta"]
        assert told == []
        tools.tools[SENDS[0].name] = SENDS
        hazards.look()
        hazards.look()
    (told,) = [one for one in caplog.records if getattr(one, "code", "") == "trifecta"]
    assert (told.levelname, told.message, getattr(told, "agent", "")) == ("WARNING", "agent.unsafe", "clerk@1")
    assert "are approved by a person" in getattr(told, "reason", "")
    assert hazards.unsafe(agent(), "acme") == ""
