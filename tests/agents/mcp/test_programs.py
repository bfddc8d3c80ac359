"""Servers that are programs: what of the machine they reach, and what is said where they can't be kept in."""

import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tool_servers import Place, context

from antiphon.agents.documents.document import Document, Metadata
from antiphon.agents.documents.library import Library
from antiphon.agents.mcp.document import ProgramSandbox, ProgramSpec, ToolServerSpec, check_server
from antiphon.agents.mcp.link import Posted
from antiphon.agents.mcp.link_program import ProgramLink
from antiphon.core.error import UpstreamUnreachable
from antiphon.sandbox.enclosure import Enclosure

TRIES = """
import os, socket, sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("t")
def tried(what):
    try:
        what()
    except OSError:
        return False
    return True
@server.tool()
def tries(secret: str, target: str, port: int) -> dict[str, object]:
    return {
        "read": tried(lambda: open(secret).read()),
        "write": tried(lambda: open(target, "w").write("out")),
        "connect": tried(lambda: socket.create_connection(("127.0.0.1", port), 1).close()),
        "own": tried(lambda: open("mine", "w").write("mine")) and os.getcwd() == os.environ["HOME"],
        "others": tried(lambda: os.kill(GATEWAY, 0)),
        "shadow": tried(lambda: open("/etc/shadow").read()),
    }
server.run("stdio")
"""
INSIDE = {
    "read": False,
    "write": False,
    "connect": False,
    "own": True,
    "others": False,
    "shadow": False,
}


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = Place(tmp_path)
    yield made
    await made.close()


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, Any]:
    """A file of somebody else's, and where nobody is to write."""
    folder = tmp_path / "outside"
    (folder / "open").mkdir(parents=True)
    (folder / "secret").write_text("k")
    (folder / "secret").chmod(0o600)
    (tmp_path / "tries.py").write_text(TRIES.replace("GATEWAY", str(os.getpid())))
    return {"secret": str(folder / "secret"), "target": str(folder / "open/target")}


async def tried(place: Place, outside: dict[str, Any], sandbox: ProgramSandbox) -> dict[str, bool]:
    """What the program got done of what it tries."""
    script = Path(outside["secret"]).parent.parent / "tries.py"
    program = ProgramSpec(command=[sys.executable, str(script)], sandbox=sandbox)
    servers = await place.have(t=ToolServerSpec(program=program))
    (standing,) = servers.standings("acme")
    assert standing.trouble == ""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        found = await place.hands["t__tries"].do({**outside, "port": listener.getsockname()[1]}, context())
    assert isinstance(found.data, dict)
    return {**found.data, "write": Path(outside["target"]).exists()}  # where it is seen, not where it is said


async def test_a_program_reaches_nothing_but_itself_and_what_its_document_names(
    place: Place, outside: dict[str, Any], not_kept_in: str
) -> None:
    if not_kept_in:
        pytest.skip(f"programs can't be kept in here: {not_kept_in}")
    assert await tried(place, outside, ProgramSandbox()) == INSIDE

    folder = str(Path(outside["target"]).parent)
    more = ProgramSandbox(network="open", read=[outside["secret"]], write=[folder])
    assert await tried(place, outside, more) == {**INSIDE, "read": True, "connect": True, "write": True}


async def test_one_that_nothing_keeps_in_reaches_what_we_do(place: Place, outside: dict[str, Any]) -> None:
    found = await tried(place, outside, ProgramSandbox(tier="none"))
    assert {name for name, done in found.items() if done} >= {"read", "write", "connect", "own", "others"}


async def test_where_programs_cannot_be_kept_in_none_is_begun_and_it_says_what_to_do(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    spec = ToolServerSpec(program=ProgramSpec(command=["/usr/bin/touch", str(ran)]))
    link = ProgramLink("t", spec, time.perf_counter, Enclosure(str(tmp_path / "no-bwrap")))
    with pytest.raises(UpstreamUnreachable, match=r"no-bwrap: install bubblewrap.*program\.sandbox\.tier: none"):
        await link.post(Posted(method="ping", id=1, until_s=time.perf_counter() + 10))
    assert not ran.exists()
    await link.close()

    broken = tmp_path / "bwrap"
    broken.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    broken.chmod(0o700)
    link = ProgramLink("t", spec, time.perf_counter, Enclosure(str(broken)))
    with pytest.raises(UpstreamUnreachable, match=r"which could read a file outside, .*connect, write a file outside"):
        await link.post(Posted(method="ping", id=1, until_s=time.perf_counter() + 10))
    assert not ran.exists()
    await link.close()


async def test_what_a_program_lacks_is_said(place: Place, not_kept_in: str) -> None:
    if not_kept_in:
        pytest.skip(f"programs can't be kept in here: {not_kept_in}")
    servers = await place.have(
        none=ToolServerSpec(program=ProgramSpec(command=["antiphon-no-such-program"])),
        read=ToolServerSpec(program=ProgramSpec(command=["true"], sandbox=ProgramSandbox(read=["/srv/not/there"]))),
    )
    troubles = {one.name: one.trouble for one in servers.standings("acme")}
    assert "there is no program antiphon-no-such-program" in troubles["none"]
    assert "there is no /srv/not/there" in troubles["read"]


@pytest.mark.parametrize(
    ("sandbox", "wrong"),
    [
        (ProgramSandbox(), []),
        (ProgramSandbox(tier="none"), []),
        (ProgramSandbox(tier="none", network="open"), ["nothing keeps the program to `network`, `read` and `write`"]),
        (ProgramSandbox(read=["docs", "/a/../b"]), ["'docs' is no absolute path", "'/a/../b' is no absolute path"]),
        (ProgramSandbox(write=["//"]), ["all of the machine would be in the sandbox"]),
    ],
)
def test_what_contradicts_itself_is_refused(sandbox: ProgramSandbox, wrong: list[str]) -> None:
    spec = ToolServerSpec(program=ProgramSpec(command=["true"], sandbox=sandbox))
    document = Document(kind="ToolServer", metadata=Metadata(name="t"), spec=spec, raw={}, digest="")
    assert [why for _, why, _ in check_server(document, Library((), None, ()))] == wrong
