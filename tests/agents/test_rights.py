"""What a key's list of models says of tools that are used in its name, and what a tool may be given."""

from typing import Any

import msgspec
import pytest
from fakes.agents import agent

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.mcp.document import ToolHints, ToolServerSpec
from antiphon.agents.mcp.pins import Seen
from antiphon.agents.mcp.tool import tool_of as server_tool
from antiphon.agents.rights import Rights
from antiphon.agents.safety.rules import Rules
from antiphon.agents.state import Action, State
from antiphon.agents.tools.labelled import tool_of
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.settings_code import SimulatedSpec
from antiphon.core.data_class import DataClass
from antiphon.core.principal import Principal
from antiphon.core.tool import Origins, Tool, ToolCall
from antiphon.policy.compile import of_sources
from antiphon.policy.settings import PolicySettings

CLERK = agent()
RIGHTS = Rights(lambda: of_sources([], PolicySettings()), Shelf)


def used(tool: Tool, models: tuple[str, ...] = ("*",), **stands: Any) -> Any:
    """The ruling over a call in the name of a key."""
    whose = Principal(tenant="acme", key="ada", models=models)
    gate = Rules(CLERK, {tool.name: tool}.get, lambda one, origins: RIGHTS.tool(whose, CLERK, one, origins))
    action = Action(kind="tool", key="1.1", call=ToolCall(id="1.1", name=tool.name))
    return gate.rule(action, tool, State(goal="x", **stands))


@pytest.mark.parametrize(
    ("models", "ruled"),
    [
        (("*",), "allow"),
        (("agent/clerk",), "allow"),
        (("agent/clerk", "fast", "gpt-*"), "allow"),
        (("agent/clerk", "tool/look"), "allow"),
        (("agent/clerk", "tool/lo*"), "allow"),
        (("agent/clerk", "tool/*"), "allow"),
        (("agent/clerk", "tool/other"), "refuse"),
        (("agent/clerk", "tool/looks"), "refuse"),
        (("tool/shop__*",), "refuse"),
    ],
)
def test_a_key_that_lists_tools_is_held_to_those_in_runs_too(models: tuple[str, ...], ruled: str) -> None:
    ruling = used(Tool(name="look", description="", parameters={}, effect="pure"), models)
    assert ruling.ruled == ruled
    if ruled == "refuse":
        assert ruling.reasons == ("rights", "policy:key.models")
        assert "lists tools, and not tool/look" in ruling.say


def test_a_remote_agent_is_a_tool_of_the_key_too() -> None:
    asked = Tool(name="a2a/helper", description="", parameters={})
    held = Principal(tenant="acme", key="ada", models=("agent/clerk", "tool/look"))
    free = Principal(tenant="acme", key="ada", models=("agent/clerk", "tool/a2a/*"))
    assert not RIGHTS.tool(held, CLERK, asked, Origins()).allowed
    assert RIGHTS.tool(free, CLERK, asked, Origins()).allowed


@pytest.mark.parametrize(
    ("takes", "seen", "least", "ruled"),
    [
        (None, "restricted", "public", "allow"),
        ("internal", "internal", "public", "allow"),
        ("internal", "confidential", "public", "refuse"),
        ("internal", "public", "confidential", "refuse"),
        ("public", "public", "public", "allow"),
    ],
)
def test_a_tool_is_given_nothing_above_what_it_takes(
    takes: DataClass | None, seen: DataClass, least: DataClass, ruled: str
) -> None:
    tool = Tool(name="look", description="", parameters={}, effect="pure", takes=takes)
    ruling = used(tool, seen=Origins(data_class=seen), data_class=least)
    assert ruling.ruled == ruled
    if ruled == "refuse":
        assert ruling.reasons == ("takes",)
        assert ruling.say.startswith("look is given nothing above internal, and this is confidential")


def test_an_approval_lets_nothing_by_that_is_above_what_a_tool_takes() -> None:
    tool = Tool(name="look", description="", parameters={}, takes="internal", destructive=True)
    ruling = used(tool, seen=Origins(data_class="restricted"), allowed_once=["1.1"])
    assert ruling.ruled == "refuse"


def test_documents_say_what_their_tools_take() -> None:
    spec = ToolSpec(description="Looks.", takes="internal", simulated=SimulatedSpec(answers=[]))
    document = Document(kind="Tool", metadata=Metadata(name="look"), spec=spec, raw={}, digest="")
    assert tool_of(document, "", "Looks.", {}, {}, lambda one, said: one).takes == "internal"
    server = ToolServerSpec(url="https://shop.example/mcp", takes="internal", hints={"own": ToolHints(takes="public")})
    found = [
        server_tool(
            "shop", server, Seen(name=name, description="", parameters={}, annotations={}, result=None, title="")
        )
        for name in ("price", "own")
    ]
    assert [one.takes for one in found] == ["internal", "public"]
    assert msgspec.json.decode(msgspec.json.encode(found[0]), type=Tool).takes == "internal"
