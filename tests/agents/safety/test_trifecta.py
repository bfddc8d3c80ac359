"""Problems of an agent with its tools, found when it is loaded."""

from typing import Any

import msgspec
import pytest

from antiphon.agents.documents.document import AgentDocument, AgentSpec, ApprovalSpec, Metadata
from antiphon.agents.safety.trifecta import lint
from antiphon.core.tool import Tool

READS = Tool(name="read_inbox", description="", parameters={}, effect="pure", private=True, untrusted=True)
SENDS = Tool(name="send", description="", parameters={}, sends=True, risky=("to",))
LOOSE = Tool(name="set_flag", description="", parameters={"properties": {"name": {}}})


def document(tools: list[str], **safety: Any) -> AgentDocument:
    spec = msgspec.convert({"goal": "x", "tools": tools, "safety": safety}, AgentSpec)
    return AgentDocument(metadata=Metadata(name="clerk"), spec=spec)


@pytest.mark.parametrize(
    ("tools", "safety", "found"),
    [
        (["*"], {"trifecta": "refuse"}, [("trifecta", True)]),
        (["*"], {}, [("trifecta", False)]),
        (["*"], {"trifecta": "allow"}, []),
        (["read_*"], {"trifecta": "refuse"}, []),
        (["send"], {"trifecta": "refuse"}, []),
        (["*"], {"trifecta": "allow", "provenance": False, "plan_lock": False}, [("unlocked", False)] * 2),
    ],
)
def test_the_three_together_are_told(tools: list[str], safety: dict[str, Any], found: list[tuple[str, bool]]) -> None:
    assert [(one.code, one.fatal) for one in lint(document(tools, **safety), [READS, SENDS])] == found


def test_a_tool_that_acts_on_anything_it_is_given_is_told() -> None:
    (problem,) = lint(document(["set_flag"]), [LOOSE])
    assert (problem.code, problem.fatal) == ("open", False)
    assert "set_flag" in problem.say


def test_a_tool_whose_every_call_is_approved_is_not_told() -> None:
    approved = AgentSpec(goal="x", tools=["set_flag"], approvals=ApprovalSpec(tools=["set_*"]))
    assert lint(AgentDocument(metadata=Metadata(name="clerk"), spec=approved), [LOOSE]) == ()
    assert lint(document(["set_flag"]), [msgspec.structs.replace(LOOSE, confirm="always")]) == ()


def acts(name: str, *arguments: str, description: str = "", **more: Any) -> Tool:
    return Tool(
        name=name,
        description=description,
        parameters={"properties": {one: {} for one in arguments}},
        risky=("x",),
        **more,
    )


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (acts("refund_order", "order"), True),
        (acts("shop__purchase", "item"), True),
        (acts("modify_order", "order", "payment_method"), True),
        (acts("transfer", "account", "amount"), True),
        (acts("settle", "id", "amount", description="Pays an invoice."), True),
        (acts("transfer_to_person", "summary", description="Transfers the user to a person."), False),
        (acts("send_mail", "to", "body"), False),
        (acts("list_payments", effect="pure"), False),
        (acts("refund_order", "order", destructive=True), False),
        (acts("refund_order", "order", confirm="always"), False),
    ],
)
def test_a_tool_that_may_move_money_and_that_nobody_approves_is_told(tool: Tool, *, told: bool) -> None:
    found = [one for one in lint(document(["*"]), [tool]) if one.code == "spends"]
    assert [one.fatal for one in found] == ([False] if told else [])
    assert all(tool.name in one.say and "`approvals.tools`" in one.say for one in found)


def test_an_agent_that_has_such_a_tool_approved_is_not_told() -> None:
    spec = AgentSpec(goal="x", tools=["*"], approvals=ApprovalSpec(tools=["refund*"]))
    assert lint(AgentDocument(metadata=Metadata(name="clerk"), spec=spec), [acts("refund_order", "order")]) == ()
