"""The loop on fakes: decides, acts, observes, verifies, finishes, waits and goes on."""

import json
from typing import Any

import pytest
from fakes.agents import ADA, Crash, House, ScriptedMind, agent, says, shown, tool

from antiphon.agents.journal import Ended
from antiphon.core.run import RunEnvelope, Wait
from antiphon.core.tool import ToolResult

BALANCE = tool("balance", lambda: {"amount": 41})


async def test_an_agent_acts_observes_and_finishes() -> None:
    mind = ScriptedMind({"act": [says("", ("balance", {})), says("", ("finish", {"answer": "It is 41."}))]})
    house = House(mind, BALANCE)
    ended = await house.segment(house.begin("How much is there?"))
    assert isinstance(ended, Ended)
    assert (ended.status, ended.stop, json.loads(ended.result)) == ("done", "finished", "It is 41.")
    assert '{"amount": 41}' in shown(mind.asked[1])
    assert "How much is there?" in shown(mind.asked[0])
    assert [kind for kind, _ in house.last.told] == ["model", "tool", "model", "verified"]
