"""Agents that ask agents: envelopes, supervision, hand-offs, shared values, circles."""

import json
from typing import Any

import pytest
from fakes.agents import ADA, House, ScriptedMind, agent, says, shown, tool
from msgspec.structs import replace

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.doors import Known, Registry, RemoteAgents
from antiphon.agents.journal import Ended
from antiphon.agents.mind import Ask, Said
from antiphon.core.error import PolicyDenied
from antiphon.core.principal import Principal
from antiphon.core.run import Barred, RunEnvelope
from antiphon.core.tool import ToolContext, ToolResult


def finish(answer: Any = "Done.") -> Said:
    return says("", ("finish", {"answer": answer}))


def by_agent(**scripts: list[Said]) -> ScriptedMind:
    """Says what its script says, by the agent that asks."""
    left = {name: list(said) for name, said in scripts.items()}

    def act(ask: Ask) -> Said:
        assert left[ask.agent], f"nothing is scripted for {ask.agent}: {shown(ask)[-500:]}"
        return left[ask.agent].pop(0)

    return ScriptedMind({"act": act})


def asks(name: str = "", task: str = "Count.", **more: Any) -> tuple[str, dict[str, Any]]:
    return "ask_agent", {"task": task, **({"agent": name} if name else {}), **more}


LEAD = agent("lead", children={"agents": ["counter", "backup"], "restarts": 0, "substitute": False})


async def test_children_are_asked_at_once_and_their_answers_come_back() -> None:
    mind = by_agent(
        lead=[says("", asks("counter", "Count a."), asks("counter", "Count b.")), finish("All.")],
        counter=[finish("1"), finish("2")],
    )
    house = House(mind, agents=[LEAD, agent("counter")])
    run = await house.finish(house.begin(name="lead"))
    assert (run.status, json.loads(run.result)) == ("done", "All.")
    children = [one for one in house.store.runs.values() if one.parent == run.id]
    assert [one.depth for one in children] == [1, 1]
    assert {json.loads(one.input)["goal"] for one in children} == {"Count a.", "Count b."}
    assert all(one.root == run.id and one.principal == run.principal for one in children)
    last = shown(mind.asked[-1])
    assert "\n1\n" in last
    assert "\n2" in last


async def test_what_children_use_is_held_on_the_roots_row() -> None:
    mind = by_agent(lead=[says("", asks("counter")), finish()], counter=[finish("1")])
    house = House(mind, agents=[LEAD, agent("counter")])
    run = await house.finish(house.begin(name="lead"))
    assert house.store.used(run.id).calls == 3
    child = next(one for one in house.store.runs.values() if one.parent == run.id)
    assert house.store.used(child.id).calls == 1


async def test_a_child_has_an_envelope_of_its_own() -> None:
    mind = by_agent(lead=[says("", asks("counter")), finish()], counter=[says("", ("look", {})), finish("1")])
    small = agent("counter", envelope={"calls": 1})
    house = House(mind, tool("look", lambda: "x"), agents=[LEAD, small])
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    child = next(one for one in house.store.runs.values() if one.parent == run.id)
    assert (child.status, child.stop) == ("failed", "calls")
    assert "counter ended: calls" in shown(mind.asked[-1])


async def test_a_failed_child_is_begun_again() -> None:
    broken = Said(text="no", failed="bad_request", status=400)
    mind = by_agent(lead=[says("", asks("counter")), finish()], counter=[broken, finish("1")])
    lead = agent("lead", children={"agents": ["counter"], "restarts": 1})
    house = House(mind, agents=[lead, agent("counter")])
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    assert [one.status for one in house.store.runs.values() if one.parent] == ["failed", "done"]
    assert shown(mind.asked[-1]).endswith("1")


class Two(Registry):
    def find(self, skill: str, principal: Principal) -> list[Known]:
        return (
            [Known(name="counter", skills=("count",)), Known(name="backup", skills=("count",))]
            if skill == "count"
            else []
        )

    def known(self, name: str, principal: Principal) -> Known | None:
        return Known(name=name, skills=("count",))


async def test_another_with_the_same_skill_takes_over() -> None:
    broken = Said(text="no", failed="bad_request", status=400)
    mind = by_agent(lead=[says("", asks(skill="count")), finish()], counter=[broken], backup=[finish("7")])
    lead = agent("lead", children={"skills": ["count"], "restarts": 0})
    house = House(mind, agents=[lead, agent("counter"), agent("backup")], registry=Two())
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    assert [one.agent for one in house.store.runs.values() if one.parent] == ["counter", "backup"]
    assert shown(mind.asked[-1]).endswith("7")


async def test_what_a_failed_child_did_is_undone_the_last_first() -> None:
    broken = Said(text="no", failed="bad_request", status=400)
    mind = by_agent(
        lead=[says("", asks("counter")), finish("Without it.")],
        counter=[says("", ("book", {"seat": "1a"})), says("", ("book", {"seat": "2b"})), broken],
    )
    lead = agent(
        "lead", children={"agents": ["counter"], "restarts": 0, "substitute": False, "compensate": {"book": "cancel"}}
    )
    schema = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    book = tool("book", lambda seat: {"id": f"b-{seat}"}, effect="at_most_once")
    house = House(
        mind,
        book,
        tool("cancel", lambda **given: f"cancelled {given}", parameters=schema, effect="idempotent"),
        agents=[lead, agent("counter")],
    )
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    assert [arguments for name, arguments, _ in house.tools.made if name == "cancel"] == [
        {"id": "b-2b"},
        {"id": "b-1a"},
    ]
    assert "say in the answer that it is missing" in shown(mind.asked[-1])


async def test_without_degrading_the_run_ends_with_its_child() -> None:
    mind = by_agent(lead=[says("", asks("counter"))], counter=[Said(text="no", failed="bad_request", status=400)])
    lead = agent("lead", children={"agents": ["counter"], "restarts": 0, "substitute": False, "degrade": False})
    house = House(mind, agents=[lead, agent("counter")])
    run = await house.finish(house.begin(name="lead"))
    assert (run.status, run.stop) == ("failed", "error")


async def test_agents_hand_over_to_each_other_only_so_often() -> None:
    def act(ask: Ask) -> Said:
        other = "b" if ask.agent == "a" else "a"
        return says("", ("hand_off", {"reason": f"Yours. {ask.run}", "to": other}))

    both = {"envelope": {"depth": 10}, "stops": {"cycle": 2}}
    a, b = (agent(one, children={"agents": [two], "restarts": 0}, **both) for one, two in (("a", "b"), ("b", "a")))
    house = House(ScriptedMind({"act": act}), agents=[a, b])
    await house.finish(house.begin(name="a", envelope=RunEnvelope(depth=10, steps=30, calls=30)))
    stops = [one.stop for one in house.store.runs.values()]
    assert "cycle" in stops
    assert len(stops) < 12


async def test_a_run_asks_no_deeper_than_its_envelope_says() -> None:
    def act(ask: Ask) -> Said:
        if "envelope has no room" in shown(ask) or "alone" in shown(ask).splitlines():
            return finish("alone")
        return says("", asks("self", f"More of {ask.run}"))

    deep = agent("self", children={"agents": ["self"]}, envelope={"depth": 10})
    house = House(ScriptedMind({"act": act}), agents=[deep])
    run = await house.finish(house.begin(name="self", envelope=RunEnvelope(depth=2)))
    assert run.status == "done"
    assert max(one.depth for one in house.store.runs.values()) == 2


async def test_a_hand_off_to_an_agent_ends_the_run_with_its_answer() -> None:
    mind = by_agent(
        lead=[says("", ("look", {})), says("", ("hand_off", {"reason": "Yours.", "to": "counter"}))],
        counter=[finish("42")],
    )
    house = House(mind, tool("look", lambda: "seen"), agents=[LEAD, agent("counter")])
    run = await house.finish(house.begin("The task.", name="lead"))
    assert (run.status, run.stop, json.loads(run.result)) == ("done", "handed_off", "42")
    assert "The task." in shown(mind.asked[-1])


async def test_a_child_reads_values_of_its_parent_that_were_named_and_no_others() -> None:
    mind = by_agent(
        lead=[
            says("", ("look", {})),
            says("", ("look", {"n": 2})),
            says("", asks("counter", handles=["r1.1"])),
            finish(),
        ],
        counter=[
            says("", ("read_value", {"handle": "r1.1"})),
            says("", ("read_value", {"handle": "r2.1"})),
            finish("read"),
        ],
    )
    house = House(mind, tool("look", lambda n=1: f"secret {n}"), agents=[LEAD, agent("counter", tools=[])])
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    seen = [shown(ask) for ask in mind.asked if ask.agent == "counter"]
    assert "secret 1" in seen[1]
    assert "there is nothing under r2.1" in seen[2]
    assert "secret 2" not in seen[2]


async def test_a_child_is_as_tainted_as_who_asked_it() -> None:
    mind = by_agent(lead=[says("", ("read", {})), says("", asks("counter")), finish()], counter=[finish("1")])
    house = House(mind, tool("read", lambda: "evil", untrusted=True), agents=[LEAD, agent("counter")])
    await house.finish(house.begin(name="lead"))
    child = next(ask for ask in mind.asked if ask.agent == "counter")
    assert child.tainted


async def test_an_agent_that_is_switched_off_is_not_begun() -> None:
    mind = by_agent(lead=[says("", asks("counter")), finish()])
    house = House(mind, agents=[LEAD, agent("counter")])
    house.store.bar(Barred(kind="agent", name="counter", tenant="", how="quarantined", by="ada", at_ns=0))
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    assert "the agent counter is quarantined" in shown(mind.asked[-1])


async def test_an_agent_asks_only_those_that_its_document_names() -> None:
    mind = by_agent(lead=[says("", asks("stranger")), finish()])
    house = House(mind, agents=[LEAD, agent("stranger")])
    await house.finish(house.begin(name="lead"))
    assert [one.agent for one in house.store.runs.values()] == ["lead"]


class Abroad(RemoteAgents):
    """A remote agent that fails so often before it answers."""

    def __init__(self, failures: int) -> None:
        self.failures, self.asked = failures, list[tuple[str, str]]()

    def names(self) -> tuple[str, ...]:
        return ("far",)

    def most(self, name: str) -> tuple[int, int | None]:
        return 500, 2_000

    async def ask(self, name: str, task: str, data: Any, context: ToolContext) -> ToolResult:
        self.asked.append((task, context.key))
        if len(self.asked) <= self.failures:
            return ToolResult(failed="unavailable", text="busy", retryable=True)
        return ToolResult(text="Bonjour.", cost_nano_usd=1_500)


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_remote_agent_is_asked_under_the_same_envelope_and_what_it_says_is_a_strangers(failures: int) -> None:
    mind = by_agent(lead=[says("", asks("a2a/far", "Say hello.")), finish()])
    lead = agent("lead", children={"agents": ["a2a/far"], "restarts": 1})
    remote = Abroad(failures)
    house = House(mind, agents=[lead], remote=remote)
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done"
    assert [task for task, _ in remote.asked] == ["Say hello."] * (failures + 1)
    assert len({key for _, key in remote.asked}) == failures + 1
    assert "<data>Bonjour.</data>" in shown(mind.asked[-1])
    assert mind.asked[-1].tainted
    assert house.store.used(run.id).money_nano_usd >= 1_500


async def test_a_remote_agent_that_the_envelope_has_no_room_for_is_not_asked() -> None:
    mind = by_agent(lead=[says("", asks("a2a/far", "Say hello.")), finish()])
    remote = Abroad(0)
    house = House(mind, agents=[agent("lead", children={"agents": ["a2a/*"]})], remote=remote)
    run = await house.finish(house.begin(name="lead", envelope=RunEnvelope(tokens=400)))
    assert remote.asked == []
    assert run.status == "done"


async def test_a_child_is_begun_for_those_alone_who_may_ask_for_it_themselves() -> None:
    def may(principal: Principal, document: AgentDocument, data_class: str) -> None:
        if document.name == "payroll":
            raise PolicyDenied(f"policies forbid it at {data_class}", reasons=("people.only",))

    asks = [says("", ("ask_agent", {"agent": name, "task": "Do it."})) for name in ("payroll", "clerk2")]
    parent = agent(children={"agents": ["payroll", "clerk2"]})
    mind = ScriptedMind({"act": [*asks, finish()]})
    house = House(mind, agents=[parent, agent("payroll"), agent("clerk2")], may=may)
    few = replace(ADA, models=("agent/clerk", "agent/payroll"))
    run = replace(house.begin(), principal=few)
    ended = await house.segment(run)
    assert isinstance(ended, Ended)
    assert [one.agent for one in house.store.runs.values()] == ["clerk"], "neither was begun"
    assert "policies forbid it at public" in shown(mind.asked[1])
    assert "may not ask for agent/clerk2" in shown(mind.asked[2])
