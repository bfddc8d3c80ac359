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
