"""Whoever began a run, looked at again before anything is done in their name; and what is told to those who say something to
a run that it can't take.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.agents import ADA, House, ScriptedMind, agent, says, tool
from msgspec import structs

from antiphon.agents.journal import Ended
from antiphon.agents.standing import answered, ended, not_paused
from antiphon.core.error import BadRequest, NotAuthenticated
from antiphon.core.principal import Principal
from antiphon.core.run import Run, Stop, Use, Wait

WHY = "the API key ada was revoked"


class Keys:
    """The one key, until it is gone or another."""

    def __init__(self) -> None:
        self.present: Principal | None = ADA

    def standing(self, principal: Principal) -> Principal:
        assert principal == ADA, "it is always asked about whoever began the run"
        if self.present is None:
            raise NotAuthenticated(WHY, code="key_revoked")
        return self.present


PAYS = tool("pay", lambda: "paid", destructive=True, effect="at_most_once")
LOOKS = tool("look", lambda: "seen")
FINISH = says("", ("finish", {"answer": "Done."}))


def house(keys: Keys, *said: Any, **more: Any) -> House:
    return House(ScriptedMind({"act": list(said)}), PAYS, LOOKS, standing=keys.standing, **more)


async def test_a_run_whose_key_is_gone_while_it_waits_does_nothing_more() -> None:
    keys = Keys()
    home = house(keys, says("", ("pay", {})), FINISH)
    run = home.begin()
    wait = await home.segment(run)
    assert isinstance(wait, Wait)
    before = home.store.used(run.id)
    home.desk.say(wait.approval, "approved")
    keys.present = None

    over = await home.settled(run.id)

    assert isinstance(over, Ended)
    assert (over.status, over.stop, over.why) == ("failed", "revoked", WHY)
    assert home.tools.made == []
    assert home.store.used(run.id) == before, "what was held is let go"


@pytest.mark.parametrize(("age_s", "stop"), [(59, "finished"), (61, "revoked")])
async def test_a_key_that_this_process_has_not_heard_of_may_be_new_for_a_minute(age_s: int, stop: str) -> None:
    def standing(principal: Principal) -> Principal:
        raise NotAuthenticated(f"{principal.key} is known here no more")

    home = House(ScriptedMind({"act": [FINISH]}), standing=standing)
    run = home.begin()
    home.clock.at_ns = run.created_ns + age_s * 10**9
    over = await home.segment(run)

    assert isinstance(over, Ended)
    assert over.stop == stop


async def test_a_run_whose_key_is_gone_asks_no_model() -> None:
    keys, mind = Keys(), ScriptedMind({"act": [says("", ("look", {}))]})

    def revoke() -> str:
        keys.present = None
        return "seen"

    home = House(mind, tool("look", revoke), standing=keys.standing)
    over = await home.segment(home.begin())

    assert isinstance(over, Ended)
    assert (over.stop, len(mind.asked)) == ("revoked", 1)


async def test_of_calls_that_are_made_at_once_those_before_it_was_gone_are_told() -> None:
    keys = Keys()

    def revoke() -> str:
        keys.present = None
        return "seen"

    home = House(
        ScriptedMind({"act": [says("", ("one", {}), ("two", {}))]}),
        tool("one", revoke),
        tool("two", lambda: "never"),
        standing=keys.standing,
    )
    over = await home.segment(home.begin())

    assert isinstance(over, Ended)
    assert over.stop == "revoked"
    assert [name for name, *_ in home.tools.made] == ["one"]
    assert home.last is not None
    assert [body["tool"] for kind, body in home.last.told if kind == "tool"] == ["one"]


async def test_no_child_is_begun_in_the_name_of_a_key_that_is_gone() -> None:
    keys = Keys()

    def script(ask: Any) -> Any:
        keys.present = None
        return says("", ("ask_agent", {"agent": "helper", "task": "Help."}))

    home = House(
        ScriptedMind({"act": script}),
        agents=[agent(children={"agents": ["helper"]}), agent("helper")],
        standing=keys.standing,
    )
    over = await home.segment(home.begin())

    assert isinstance(over, Ended)
    assert over.stop == "revoked"
    assert len(home.store.runs) == 1


async def test_models_are_asked_with_the_rights_that_the_key_has_by_then() -> None:
    keys = Keys()
    home = house(keys, says("", ("pay", {})), FINISH)
    run = home.begin()
    wait = await home.segment(run)
    assert isinstance(wait, Wait)
    home.desk.say(wait.approval, "approved")
    keys.present = structs.replace(ADA, roles=("trainee",))

    over = await home.settled(run.id)

    assert isinstance(over, Ended)
    assert over.stop == "finished"
    mind = home.mind
    assert isinstance(mind, ScriptedMind)
    assert [ask.principal.roles for ask in mind.asked if ask.role == "act"] == [(), ("trainee",)]
    assert home.store.runs[run.id].principal == ADA, "whose run it is doesn't change"


async def test_what_was_written_down_before_the_key_was_gone_is_played_again() -> None:
    keys = Keys()
    home = house(keys, says("", ("look", {})), FINISH)
    run = home.begin()
    first = await home.segment(run)
    keys.present = None
    home.store.runs[run.id] = run

    again = await home.segment(run)

    assert isinstance(first, Ended)
    assert isinstance(again, Ended)
    assert (first.stop, again.stop, json.loads(again.result)) == ("finished", "finished", "Done.")


# --- what is said to runs


def stood(status: Any, wait: Wait | None = None, stop: Stop | None = None) -> Run:
    return Run(
        id="r1",
        tenant="acme",
        agent="clerk",
        version="1",
        principal=ADA,
        created_ns=0,
        status=status,
        wait=wait,
        stop=stop,
        used=Use(),
    )


@pytest.mark.parametrize(
    ("wait", "status", "said", "remedy"),
    [
        (Wait(kind="approval", key="1.1", approval="apr_7"), "waiting", "waits for the approval apr_7", "approve r1"),
        (Wait(kind="timer", key="1.1"), "waiting", "waits for a time, and goes on by itself", "asks nobody"),
        (Wait(kind="children", key="1.1"), "waiting", "waits for other runs", "asks nobody"),
        (Wait(kind="question", key="1.1"), "paused", "is paused", "antiphon agent resume r1"),
        (None, "running", "is running", "`say`"),
        (None, "queued", "has not begun yet", "asks nobody"),
    ],
)
def test_an_answer_to_what_nobody_asked_is_told_what_the_run_is(
    wait: Wait | None, status: str, said: str, remedy: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        answered(stood(status, wait), "")
    assert (caught.value.said_code, caught.value.said_status) == ("not_waiting", 409)
    assert said in caught.value.message
    assert remedy in caught.value.message


def test_an_answer_with_the_key_of_another_wait_is_told_the_present_one() -> None:
    run = stood("waiting", Wait(kind="question", key="2.1"))
    assert answered(run, "") == answered(run, "2.1") == "2.1"
    with pytest.raises(BadRequest, match=r"with the key 2\.1, not '1\.1'"):
        answered(run, "1.1")


@pytest.mark.parametrize("told", [ended, not_paused])
def test_of_a_run_that_has_ended_it_is_told_how(told: Callable[[Run], BadRequest]) -> None:
    assert "the run r1 has ended: failed (money)" in told(stood("failed", stop="money")).message
