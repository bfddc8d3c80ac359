"""Resources, prompts and completions of real servers, by the gateway to the protocol's own client and as a tool of agents, in both eras."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import types
from mcp.shared.exceptions import MCPError
from mcp_gateway import BOB, Front, Mode, client
from tool_servers import BOSS, context

from antiphon.agents.hands import ToolFailed
from antiphon.agents.mcp.document import ToolHints, ToolServerSpec
from antiphon.agents.mcp.pins import Seen

MODES: list[Mode] = ["legacy", "2026-07-28"]
ERAS = {"legacy": "legacy", "2026-07-28": "modern"}
READ = "tool/library__read_resource"
RULES = """
@id("no.bob") forbid(principal, action == Action::"use_tool", resource == Tool::"library__read_resource") when { principal.key == "bob" };
"""


@pytest.fixture
async def front(tmp_path: Path, shop: str) -> AsyncIterator[Front]:
    async with Front(tmp_path, RULES).open() as made:
        yield made


async def have(front: Front, library: str, mode: str, shop: str = "", **more: Any) -> None:
    specs = {"library": ToolServerSpec(url=library, era=ERAS[mode], **more)}  # type: ignore[arg-type]
    if shop:
        specs["shop"] = ToolServerSpec(url=shop)
    await front.place.have(**specs)


@pytest.mark.parametrize("mode", MODES)
async def test_resources_of_all_servers_are_listed_and_read_with_a_receipt_each(
    front: Front, library: str, shop: str, mode: Mode
) -> None:
    await have(front, library, mode, shop)
    async with client(front, mode) as peer:
        listed = (await peer.list_resources()).resources
        assert [one.uri for one in listed] == ["mcp://library/books://all", "mcp://library/books://cover"]
        (template,) = (await peer.list_resource_templates()).resource_templates
        assert template.uri_template == "mcp://library/books://by-name/{name}"

        found = await peer.read_resource("mcp://library/books://by-name/moby")
        (content,) = found.contents
        assert isinstance(content, types.TextResourceContents)
        assert (content.uri, content.text) == ("mcp://library/books://by-name/moby", "Call me Ishmael.")
        (blob,) = (await peer.read_resource("mcp://library/books://cover")).contents
        assert isinstance(blob, types.BlobResourceContents)
        assert base64.b64decode(blob.blob) == b"\x89PNG"
        for uri in ("mcp://library/books://none", "mcp://shop/books://all", "mcp://nobody/x", "books://all"):
            with pytest.raises(MCPError):
                await peer.read_resource(uri)
    assert [(one.outcome, one.attempts[0].deployment) for one in front.receipts] == [
        ("ok", READ),
        ("ok", READ),
        ("failed", READ),
    ]
    assert found.meta is not None
    assert found.meta["antiphon/receipt"] == front.receipts[0].id
    assert front.house.tickets.counted.open == 0
    async with client(front, mode, path="/library") as alone:
        assert [one.uri for one in (await alone.list_resources()).resources] == ["books://all", "books://cover"]
        (content,) = (await alone.read_resource("books://all")).contents
        assert (content.uri, isinstance(content, types.TextResourceContents)) == ("books://all", True)


@pytest.mark.parametrize("mode", MODES)
async def test_guards_look_at_what_is_read_and_at_what_is_asked(front: Front, library: str, mode: Mode) -> None:
    await have(front, library, mode)
    async with client(front, mode) as peer:
        (masked,) = (await peer.read_resource("mcp://library/books://by-name/post")).contents
        assert isinstance(masked, types.TextResourceContents)
        assert "ann@example.org" not in masked.text
        with pytest.raises(MCPError, match="guard") as blocked:
            await peer.read_resource("mcp://library/books://by-name/evil")
        assert blocked.value.error.data["code"] == "guard_blocked"
        with pytest.raises(MCPError, match="guard"):
            await peer.read_resource("mcp://library/books://by-name/bomb")
        with pytest.raises(MCPError, match="guard"):
            await peer.get_prompt("library__praise", {"title": "a bomb"})
    kinds = [[finding.kind for finding in one.findings] for one in front.receipts]
    assert kinds[0] == ["email"]
    assert [(one.outcome, len(one.attempts)) for one in front.receipts[1:]] == [
        ("failed", 1),
        ("refused", 0),
        ("refused", 0),
    ]


@pytest.mark.parametrize("mode", MODES)
async def test_prompts_and_completions_are_the_servers_by_their_names_here(
    front: Front, library: str, mode: Mode
) -> None:
    await have(front, library, mode)
    async with client(front, mode) as peer:
        (prompt,) = (await peer.list_prompts()).prompts
        assert prompt.name == "library__praise"
        found = await peer.get_prompt("library__praise", {"title": "Moby"})
        (message,) = found.messages
        assert isinstance(message.content, types.TextContent)
        assert message.content.text == "Praise Moby in a warm tone."
        with pytest.raises(MCPError, match="no prompt"):
            await peer.get_prompt("library__scold", {})
        ref = types.PromptReference(type="ref/prompt", name="library__praise")
        told = await peer.complete(ref, {"name": "title", "value": "mo"})
        assert told.completion.values == ["moby", "praise"]
        book = types.ResourceTemplateReference(type="ref/resource", uri="mcp://library/books://by-name/{name}")
        told = await peer.complete(book, {"name": "name", "value": "po"})
        assert told.completion.values == ["post", "books://by-name/{name}"]
    assert {one.attempts[0].deployment for one in front.receipts} == {READ, "tool/library__get_prompt"}


@pytest.mark.parametrize("mode", MODES)
async def test_rights_to_what_is_read_are_those_of_the_tool_that_stands_for_it(
    front: Front, library: str, mode: Mode
) -> None:
    await have(front, library, mode)
    async with client(front, mode, BOB) as bob:
        assert (await bob.list_resources()).resources == []
        assert [one.name for one in (await bob.list_prompts()).prompts] == ["library__praise"]
        with pytest.raises(MCPError, match="no such resource"):
            await bob.read_resource("mcp://library/books://all")
        book = types.ResourceTemplateReference(type="ref/resource", uri="mcp://library/books://by-name/{name}")
        with pytest.raises(MCPError, match="no such resource"):
            await bob.complete(book, {"name": "name", "value": "m"})
    assert front.receipts == []
    await have(front, library, mode, tools=["add"])
    async with client(front, mode) as alice:
        assert (await alice.list_resources()).resources == (await alice.list_prompts()).prompts == []


async def test_a_server_that_cannot_be_asked_is_named_and_the_others_are_listed(front: Front, library: str) -> None:
    await have(front, library, "legacy")
    other = [Seen(name="read_resource", description="Another.", parameters={})]
    await front.place.pins.judge("", "library", other, first=True)
    async with client(front, "2026-07-28") as peer:
        listed = await peer.list_resources()
        assert (listed.resources, (listed.meta or {})["antiphon/missing"]) == ([], ["library"])


async def test_an_agent_reads_resources_by_a_tool_whose_text_taints(front: Front, library: str) -> None:
    hints = {"read_resource": ToolHints(data_class="confidential", private=True)}
    await have(front, library, "2026-07-28", hints=hints)
    tool = front.tools.get("library__read_resource")
    assert tool is not None
    assert (tool.untrusted, tool.private, tool.data_class, tool.effect) == (True, True, "confidential", "pure")
    assert front.tools.get("library__get_prompt") is None
    hand = front.place.servers.relay("library", "resources")
    assert hand is not None
    said = (await hand.do({}, context())).text
    assert "books://all - every - Every book." in said
    assert "books://by-name/{name} - book - One book." in said
    assert (await hand.do({"uri": "books://by-name/moby"}, context())).text == "Call me Ishmael."
    assert (await hand.do({"uri": "books://cover"}, context())).text == "[image/png books://cover]"
    with pytest.raises(ToolFailed):
        await hand.do({"uri": "books://none"}, context())


@pytest.mark.parametrize("mode", MODES)
async def test_what_needs_approval_is_read_once_it_is_there(front: Front, library: str, mode: Mode) -> None:
    await have(front, library, mode, hints={"read_resource": ToolHints(confirm="always")})
    uri = "mcp://library/books://all"
    async with client(front, mode) as peer:
        if mode == "legacy":
            with pytest.raises(MCPError, match="approve") as waits:
                await peer.read_resource(uri)
            ticket = waits.value.error.data["antiphon/approval"]
            front.place.book.approve(ticket, BOSS)
            found = await peer.read_resource(uri, meta={"antiphon/approval": ticket})  # type: ignore[arg-type]
        else:
            first = await peer.session.read_resource(uri, allow_input_required=True)
            assert isinstance(first, types.InputRequiredResult)
            front.place.book.approve(front.receipts[0].approval, BOSS)
            found = await peer.session.read_resource(uri, request_state=first.request_state)
    assert "moby" in json.dumps(found.model_dump(mode="json"))
