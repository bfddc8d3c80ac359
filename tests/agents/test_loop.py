"""The loop on fakes: decides, acts, observes, verifies, finishes, waits and goes on."""

import json
from typing import Any

import pytest
from fakes.agents import ADA, Crash, House, PythonTools, ScriptedMind, agent, says, shown, tool

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


def finish(answer: Any = "Done.") -> Any:
    return says("", ("finish", {"answer": answer}))


async def test_a_text_without_calls_is_the_answer() -> None:
    house = House(ScriptedMind({"act": [says("It is done.")]}))
    ended = await house.segment(house.begin())
    assert isinstance(ended, Ended)
    assert json.loads(ended.result) == "It is done."


PLAN = json.dumps(
    {
        "steps": [
            {"name": "look", "task": "Look at the balance.", "tools": ["balance"]},
            {"name": "tell", "task": "Tell it.", "tools": [], "after": ["look"]},
        ]
    }
)


async def test_a_plan_is_made_first_and_its_steps_are_done_in_order() -> None:
    acts = [
        says("", ("balance", {})),
        says("", ("step_done", {"result": "41"})),
        says("", ("step_done", {"result": "told"})),
        finish("41 it is."),
    ]
    mind = ScriptedMind({"plan": [says(PLAN)], "act": acts})
    house = House(mind, BALANCE, agents=[agent(pattern="plan")])
    ended = await house.segment(house.begin())
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert [ask.role for ask in mind.asked] == ["plan", "act", "act", "act", "synthesis"]
    assert "Does balance." in shown(mind.asked[0])
    assert "look: Look at the balance." in shown(mind.asked[1])
    assert "The step of your plan to do at present: tell" in shown(mind.asked[3])


async def test_a_plan_that_cant_be_read_is_asked_for_once_more_and_then_ends_the_run() -> None:
    mind = ScriptedMind({"plan": [says("I'd rather not."), says("{}")]})
    house = House(mind, agents=[agent(pattern="plan")])
    ended = await house.segment(house.begin())
    assert isinstance(ended, Ended)
    assert (ended.status, ended.stop) == ("failed", "error")
    assert "That is no plan: it holds no JSON" in shown(mind.asked[1])


DELETES = tool(
    "delete",
    lambda name: f"deleted {name}",
    destructive=True,
    effect="idempotent",
    parameters={"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
)


async def test_a_run_waits_for_an_approval_and_goes_on_with_exactly_that_action() -> None:
    mind = ScriptedMind({"act": [says("", ("delete", {"name": "old"})), finish()]})
    house = House(mind, DELETES)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert wait.kind == "approval"
    assert house.tools.made == []
    wish = house.desk.all[wait.approval].wish
    assert (wish.resource, wish.by, wish.user) == ("delete", "key/ada", "ada")
    said = json.loads(wish.shown)
    assert (said["run"], said["key"], said["action"]) == (
        run.id,
        wait.key,
        {"tool": "delete", "arguments": {"name": "old"}},
    )
    house.desk.say(wait.approval, "approved")
    ended = await house.go_on(run.id, house.answer(run.id, {}, kind="approval"))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert [(name, arguments) for name, arguments, _ in house.tools.made] == [("delete", {"name": "old"})]
    assert house.desk.used == [wait.approval]
    assert len(mind.asked) == 2, "the model isn't asked again for what was approved"


async def test_what_a_person_puts_in_place_of_an_action_is_done() -> None:
    house = House(ScriptedMind({"act": [says("", ("delete", {"name": "all"})), finish()]}), DELETES)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    house.desk.say(wait.approval, "modified", instead={"action": {"tool": "delete", "arguments": {"name": "one"}}})
    await house.settled(run.id)
    assert [arguments for _, arguments, _ in house.tools.made] == [{"name": "one"}]


@pytest.mark.parametrize(
    ("state", "told"), [("rejected", "a person said no: keep it"), ("waiting", "nobody approved it in time")]
)
async def test_what_isnt_approved_isnt_done_and_the_model_is_told(state: Any, told: str) -> None:
    mind = ScriptedMind({"act": [says("", ("delete", {"name": "all"})), finish("I left it.")]})
    house = House(mind, DELETES)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    house.desk.say(wait.approval, state, note="keep it")
    ended = await house.settled(run.id)
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert house.tools.made == []
    assert told in shown(mind.asked[-1])


async def test_where_nobody_can_approve_it_isnt_done() -> None:
    mind = ScriptedMind({"act": [says("", ("delete", {"name": "all"})), finish()]})
    house = House(mind, DELETES, approvals=None)
    ended = await house.segment(house.begin())
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert house.tools.made == []


async def test_a_question_waits_for_a_person() -> None:
    mind = ScriptedMind(
        {"act": [says("", ("ask_person", {"question": "Which one?", "options": ["a", "b"]})), finish()]}
    )
    house = House(mind)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert wait.kind == "question"
    assert json.loads(wait.shown)["question"] == "Which one?"
    ended = await house.go_on(run.id, house.answer(run.id, {"text": "The second."}))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert "The second." in shown(mind.asked[-1])
    assert "person/eve" in house.state(run.id).seen.sources


async def test_a_question_that_nobody_answers_lapses() -> None:
    mind = ScriptedMind({"act": [says("", ("ask_person", {"question": "Which one?"})), finish()]})
    house = House(mind)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    again = await house.go_on(run.id)
    assert again == wait, "it was woken for nothing"
    house.clock.at_ns = wait.until_ns
    await house.go_on(run.id)
    assert "nobody answered in time" in shown(mind.asked[-1])


async def test_a_task_is_handed_to_a_person_with_all_that_is_known() -> None:
    mind = ScriptedMind({"act": [says("", ("balance", {})), says("", ("hand_off", {"reason": "It is beyond me."}))]})
    house = House(mind, BALANCE)
    run = house.begin("Pay it.")
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert (wait.kind, wait.to) == ("hand_off", "approver")
    said = json.loads(wait.shown)
    assert (said["goal"], said["reason"]) == ("Pay it.", "It is beyond me.")
    assert said["steps"][0]["did"] == "balance"
    ended = await house.go_on(run.id, house.answer(run.id, {"result": "I paid it."}))
    assert isinstance(ended, Ended)
    assert (ended.status, ended.stop, json.loads(ended.result)) == ("done", "handed_off", "I paid it.")


async def test_a_person_gives_a_task_back() -> None:
    mind = ScriptedMind({"act": [says("", ("hand_off", {"reason": "Help."})), finish("Together.")]})
    house = House(mind)
    run = house.begin()
    await house.segment(run)
    ended = await house.go_on(run.id, house.answer(run.id, {"back": "The code is 7."}))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert "The code is 7." in shown(mind.asked[-1])


PAYS = tool("pay", lambda: "paid", effect="at_most_once")


async def broken_off(house: House) -> Any:
    """A run whose process died between a call and its journal."""
    run = house.begin()
    with pytest.raises(Crash):
        await house.segment(run, crash_at=2)
    assert len(house.tools.made) == 1
    house.store.intents = {
        key: type(intent)(**{**{name: getattr(intent, name) for name in intent.__struct_fields__}, "outcome": None})
        for key, intent in house.store.intents.items()
    }
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert wait.kind == "review"
    assert len(house.tools.made) == 1, "it isn't made again blindly"
    return run


async def test_what_was_begun_and_isnt_known_to_be_done_is_a_persons_to_say() -> None:
    house = House(ScriptedMind({"act": [says("", ("pay", {})), finish()]}), PAYS)
    run = await broken_off(house)
    ended = await house.go_on(run.id, house.answer(run.id, {"done": "paid, I saw it"}))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert len(house.tools.made) == 1
    assert "paid, I saw it" in shown(house.mind.asked[-1])


async def test_a_person_says_to_make_it_again() -> None:
    house = House(ScriptedMind({"act": [says("", ("pay", {})), finish()]}), PAYS)
    run = await broken_off(house)
    ended = await house.go_on(run.id, house.answer(run.id, {"again": True}))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert len(house.tools.made) == 2


async def test_what_was_said_to_be_made_again_and_broke_off_again_is_asked_again() -> None:
    house = House(ScriptedMind({"act": [says("", ("pay", {})), finish()]}), PAYS)
    run = await broken_off(house)
    with pytest.raises(Crash):
        await house.go_on(run.id, house.answer(run.id, {"again": True}), crash_at=1)
    house.store.intents = {
        key: type(one)(run=one.run, step=one.step, tool=one.tool, digest=one.digest, owner=one.owner, at_ns=0)
        for key, one in house.store.intents.items()
    }
    again = house.store.runs[run.id]
    wait = await house.segment(again, [house.answer_to(run.id, "1.1", {"again": True})])
    assert isinstance(wait, Wait)
    assert wait.kind == "review"
    assert len(house.tools.made) == 2


async def test_an_outcome_that_was_written_is_found_and_not_made_again() -> None:
    house = House(ScriptedMind({"act": [says("", ("pay", {})), finish()]}), PAYS)
    run = house.begin()
    with pytest.raises(Crash):
        await house.segment(run, crash_at=2)
    ended = await house.segment(run)
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert len(house.tools.made) == 1


async def test_a_tool_that_cant_tell_whether_it_did_it_is_reviewed() -> None:
    lost = tool("pay", lambda: ToolResult(failed="unknown", text="it broke off"), effect="at_most_once")
    house = House(ScriptedMind({"act": [says("", ("pay", {})), finish()]}), lost)
    wait = await house.segment(house.begin())
    assert isinstance(wait, Wait)
    assert wait.kind == "review"


async def test_a_run_of_an_agent_that_is_gone_says_so() -> None:
    house = House(ScriptedMind({}))
    run = house.begin(name="nobody")
    house.clock.at_ns = run.created_ns + 60 * 10**9
    ended = await house.segment(run)
    assert isinstance(ended, Ended)
    assert ended.status == "failed"
    assert "no agent nobody" in ended.why


async def test_messages_to_a_run_are_read_before_its_next_step() -> None:
    mind = ScriptedMind({"act": [says("", ("balance", {})), finish()]})
    house = House(mind, BALANCE)
    run = house.begin()
    house.say(run.id, "Hurry.")
    await house.segment(run)
    assert "user/eve says" in shown(mind.asked[0])
    assert "Hurry." in shown(mind.asked[0])
    assert shown(mind.asked[1]).count("Hurry.") == 1
    assert house.store.mail(run.id) == []


async def test_more_actions_than_the_fan_out_allows_arent_begun() -> None:
    mind = ScriptedMind({"act": [says("", *[("balance", {})] * 4), finish()]})
    house = House(mind, BALANCE)
    await house.segment(house.begin(envelope=RunEnvelope(fan_out=2)))
    assert len(house.tools.made) == 2
    assert shown(mind.asked[1]).count("no more than 2 actions at once") == 2


async def test_an_agent_finishes_alone() -> None:
    mind = ScriptedMind({"act": [says("", ("balance", {}), ("finish", {"answer": "guess"})), finish("41")]})
    house = House(mind, BALANCE)
    ended = await house.segment(house.begin())
    assert isinstance(ended, Ended)
    assert json.loads(ended.result) == "41"


async def test_a_call_that_fails_for_a_while_is_made_again_later_without_a_process_meanwhile() -> None:
    down = says("overloaded")
    down = type(down)(text="overloaded", failed="upstream_overloaded", status=503, retryable=True)
    mind = ScriptedMind({"act": [down, finish()]})
    house = House(mind)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert wait.kind == "timer"
    ended = await house.go_on(run.id)
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"


async def test_a_model_call_that_a_person_has_to_approve_is_made_again_with_the_ticket() -> None:
    pending = type(finish())(text="wait", failed="approval_pending", status=202, data={"approval": "a1"})
    mind = ScriptedMind({"act": [pending, finish()]})
    house = House(mind)
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert (wait.kind, wait.approval) == ("approval", "a1")
    await house.desk.ask(_wish())
    house.desk.say("a1", "approved")
    ended = await house.settled(run.id)
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"
    assert mind.asked[-1].approval == "a1"


def _wish() -> Any:
    from antiphon.core.approval import Wish

    return Wish(tenant="acme", by="key/ada", action="call_model", resource="m", shown=b"{}", digest="d")


async def test_the_principal_and_lineage_go_with_every_call() -> None:
    mind = ScriptedMind({"act": [finish()]})
    house = House(mind)
    run = house.begin()
    await house.segment(run)
    asked = mind.asked[0]
    assert (asked.principal, asked.run, asked.step, asked.key) == (ADA, run.id, "1", f"{run.id}/1")


async def test_a_question_that_nobody_answers_escalates_and_goes_on_waiting() -> None:
    mind = ScriptedMind({"act": [says("", ("ask_person", {"question": "Which one?"})), finish()]})
    house = House(mind, agents=[agent(approvals={"escalate_s": 60, "escalate_to": "boss"})])
    run = house.begin()
    wait = await house.segment(run)
    assert isinstance(wait, Wait)
    assert (wait.escalate_to, wait.escalates_ns > 0) == ("boss", True)
    house.clock.at_ns = wait.escalates_ns
    again = await house.go_on(run.id)
    assert isinstance(again, Wait)
    assert (again.key, again.escalate_to, again.escalates_ns) == (wait.key, "boss", 0)
    assert ("escalated", {"key": wait.key, "to": "boss"}) in house.last.told
    ended = await house.go_on(run.id, house.answer(run.id, "this"))
    assert isinstance(ended, Ended)
    assert ended.stop == "finished"


async def test_another_tenants_tools_are_neither_told_of_nor_called() -> None:
    class Owned(PythonTools):
        def tenant(self, name: str) -> str:
            return "globex"

    mind = ScriptedMind({"act": [says("", ("balance", {})), finish()]})
    tools = Owned(BALANCE)
    house = House(mind, tools=tools)
    await house.segment(house.begin())
    assert tools.made == []
    assert "balance" not in [one.name for one in mind.asked[0].tools]
    assert "there is no tool balance" in shown(mind.asked[1])


async def test_a_small_model_mends_arguments_that_break_their_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    mind = ScriptedMind({"act": [says("", ("square", {"number": "three"})), finish()], "arguments": [says('{"n": 3}')]})
    house = House(
        mind, tool("square", lambda n: n * n, parameters=schema), agents=[agent(models={"arguments": "small"})]
    )
    await house.segment(house.begin())
    assert [arguments for _, arguments, _ in house.tools.made] == [{"n": 3}]
    assert [(ask.role, ask.model) for ask in mind.asked][1] == ("arguments", "small")
    assert shown(mind.asked[-1]).endswith("9")


async def test_arguments_that_cant_be_mended_are_told_to_the_model() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    acts = [says("", ("square", {}), ("square", {"n": 2})), finish()]
    mind = ScriptedMind({"act": acts, "arguments": [says("No idea.")]})
    house = House(
        mind, tool("square", lambda n: n * n, parameters=schema), agents=[agent(models={"arguments": "small"})]
    )
    await house.segment(house.begin())
    assert [arguments for _, arguments, _ in house.tools.made] == [{"n": 2}]
    assert '"n" is a required property' in shown(mind.asked[-1])


async def test_what_is_wanted_is_told_first_and_its_constraints_are_kept() -> None:
    said = says(json.dumps({"wanted": "A summary.", "constraints": ["No more than 5 lines."]}))
    mind = ScriptedMind({"intent": [said], "act": [finish()]})
    house = House(mind, agents=[agent(models={"intent": "small"})])
    run = house.begin()
    await house.segment(run)
    assert [ask.role for ask in mind.asked] == ["intent", "act"]
    assert "- No more than 5 lines." in shown(mind.asked[1])
    assert house.state(run.id).constraints == ("No more than 5 lines.",)
