"""Files over A2A, in and out, by a2a-sdk's client and server in both bindings and in 0.3."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
)
from a2a_peer import Heard, peer
from agent_place import ALICE, SKILL, Place, Step, document
from remotes import context, far

from antiphon.agents.a2a.files import FILE_BYTES, MOST_FILES
from antiphon.agents.journal import Ended
from antiphon.agents.tools.files import READ, ReadHand
from antiphon.agents.tools.settings_data import FilesSpec
from antiphon.core.run import Mail, Run
from antiphon.core.secret import Secret
from antiphon.core.tool import Origins, Tool
from antiphon.net.egress import Egress

BINDINGS = ["JSONRPC", "HTTP+JSON"]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Heard]]:
    with peer() as found:
        yield found


class Bench:
    """A place whose one agent writes a report on what it was given, and what it was given."""

    def __init__(self, directory: Path, **more: Any) -> None:
        self.place = Place(directory, {"writer": self._write}, document("writer", skills=[SKILL]), **more)
        self.runs: list[Run] = []
        self.given: dict[str, bytes] = {}

    def _write(self, run: Run, mail: list[Mail]) -> Iterator[Step]:
        folder = Path(self.place.workspace(run))
        self.runs.append(run)
        self.given = {one.name: one.read_bytes() for one in (folder / "given").glob("*")}
        (folder / "a2a").mkdir()
        (folder / "a2a" / "far.txt").write_text("from elsewhere")
        (folder / "out").mkdir()
        (folder / "out" / "report.md").write_text("# Report")
        yield Ended(status="done", stop="finished", why="", result=json.dumps(f"{len(self.given)} files").encode())

    async def sent(self, *parts: Part, binding: str = "JSONRPC", streaming: bool = False, **more: Any) -> list[Any]:
        """What the SDK's client is answered, events of a stream or one."""
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {ALICE}"}, timeout=30) as http:
            config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming)
            client = await ClientFactory(config).create_from_url(f"{self.place.base}/a2a/writer")
            said = Message(message_id="m1", role=Role.ROLE_USER, parts=parts, **more)
            request = SendMessageRequest(message=said, configuration=SendMessageConfiguration())
            found: list[Any] = [one async for one in client.send_message(request)]
            if not streaming:
                found.append(await client.get_task(GetTaskRequest(id=found[0].task.id)))
            return found


TEXT = Part(raw=b"name,usd\nada,7\n", filename="orders.csv", media_type="text/csv")
PICTURE = Part(raw=b"\x89PNG\x00", filename="../../x/.pic.png", media_type="image/png")


@pytest.mark.parametrize("binding", BINDINGS)
async def test_files_of_a_message_are_in_the_runs_folder_and_what_it_writes_comes_back(
    tmp_path: Path, binding: str
) -> None:
    bench = Bench(tmp_path)
    async with bench.place:
        sent, again = await bench.sent(TEXT, PICTURE, TEXT, binding=binding)
    assert bench.given == {"orders.csv": TEXT.raw, "orders-2.csv": TEXT.raw, "pic.png": PICTURE.raw}
    given = json.loads(bench.runs[0].input)
    assert given["goal"] == "Work on the files."
    assert given["files"][0] == {
        "path": "given/orders.csv",
        "media_type": "text/csv",
        "bytes": len(TEXT.raw),
        "handle": "file_orders_csv",
    }
    assert given["untrusted"]["file_orders_csv"] == TEXT.raw.decode()
    assert "handle" not in given["files"][1]
    for task in (sent.task, again):
        answer, made = task.artifacts
        assert answer.parts[0].text == "3 files"
        assert (made.name, made.parts[0].raw, made.parts[0].media_type) == (
            "out/report.md",
            b"# Report",
            "text/markdown",
        )


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_stream_brings_them_too(tmp_path: Path, binding: str) -> None:
    bench = Bench(tmp_path)
    async with bench.place:
        events = await bench.sent(Part(text="go on"), TEXT, binding=binding, streaming=True)
    made = [one.artifact_update.artifact.name for one in events if one.HasField("artifact_update")]
    assert made == ["answer", "out/report.md"]
    assert json.loads(bench.runs[0].input)["goal"] == "go on"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([Part(url="http://127.0.0.1:9/a.pdf")], r"message.parts\[0\].url: egress rules let nothing be fetched there"),
        ([Part(url="file:///etc/passwd")], r"message.parts\[0\].url: it has to be an http or https address"),
        ([Part(text="x"), Part(raw=b"x" * (FILE_BYTES + 1))], r"message.parts\[1\]: a file has 4194304 bytes at most"),
        ([Part(raw=b"x")] * (MOST_FILES + 1), rf"message.parts\[{MOST_FILES}\]: a message has 16 files at most"),
    ],
)
async def test_what_is_not_taken_is_named_and_begins_nothing(tmp_path: Path, parts: list[Part], why: str) -> None:
    bench = Bench(tmp_path)
    async with bench.place:
        with pytest.raises(Exception, match=why):
            await bench.sent(*parts)
        assert bench.place.store.due(2**62, 10) == []
    assert bench.runs == []


async def test_a_url_is_fetched_where_egress_rules_let_it(tmp_path: Path, server: tuple[str, Heard]) -> None:
    bench = Bench(tmp_path, egress=Egress(networks=(ip_network("127.0.0.0/8"),)))
    async with bench.place:
        with pytest.raises(Exception, match="answered with 401"):
            await bench.sent(Part(url=f"{server[0]}/made/table.csv"))
        await bench.sent(Part(url=f"{server[0]}/rpc/.well-known/agent-card.json"))
    assert list(bench.given) == ["agent-card.json"]
    assert json.loads(bench.given["agent-card.json"])["name"] == "echo"


async def test_files_of_a_message_that_came_twice_are_kept_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.place:
        first, _ = await bench.sent(TEXT)
        second, _ = await bench.sent(TEXT)
        assert first.task.id == second.task.id
        assert [one.name for one in (tmp_path / "workspaces").iterdir()] == [first.task.id]


async def test_a_file_for_a_task_that_runs_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.place:
        with pytest.raises(Exception, match="files come with the message that begins a task"):
            await bench.sent(TEXT, task_id="some")


@pytest.mark.parametrize("face", ["rpc", "rest", "old"])
async def test_files_of_an_agent_elsewhere_come_into_the_runs_folder(
    tmp_path: Path, server: tuple[str, Heard], face: str
) -> None:
    work = tmp_path / "work"
    async with far(tmp_path / "gateway") as found:
        asked = found.remotes(f"{server[0]}/{face}", token=Secret("t0k"))
        said = f"files {server[0]}/made/table.csv"
        result = await asked.ask("echo", said, None, context(workspace=str(work)))
    assert result.failed == ""
    assert result.data["answer"] == f"echo: {said}"
    assert [(one["path"], one["bytes"]) for one in result.data["files"]] == [
        ("a2a/echo/a.bin", 2),
        ("a2a/echo/table.csv", 3),
    ]
    assert (work / "a2a" / "echo" / "a.bin").read_bytes() == b"\x00\x01"
    assert (work / "a2a" / "echo" / "table.csv").read_text() == "a,b"
    assert result.origins.untrusted


async def test_a_url_of_another_site_gets_no_credential_and_none_inside(
    tmp_path: Path, server: tuple[str, Heard]
) -> None:
    server[1].heads.clear()
    elsewhere = server[0].replace("127.0.0.1", "localhost")
    async with far(tmp_path / "gateway") as found:
        asked = found.remotes(f"{server[0]}/rpc", token=Secret("t0k"))
        result = await asked.ask("echo", f"files {elsewhere}/made/table.csv", None, context(workspace=str(tmp_path)))
    kept, refused = result.data["files"]
    assert kept["path"] == "a2a/echo/a.bin"
    assert refused["failed"] == "table.csv: egress rules let nothing be fetched there"
    assert not any(path.startswith("/made") for _, path, _ in server[1].heads)


async def test_a_run_without_a_folder_is_told_so(tmp_path: Path, server: tuple[str, Heard]) -> None:
    async with far(tmp_path / "gateway") as found:
        result = await found.remotes(f"{server[0]}/rpc").ask("echo", f"files {server[0]}/x", None, context())
    assert "no folder for files" in result.data["files"][0]["failed"]


@pytest.mark.parametrize(
    ("path", "strange"), [("given/a.txt", True), ("a2a/echo/a.txt", True), ("./given/a.txt", True), ("a.txt", False)]
)
async def test_what_is_read_of_them_was_written_by_strangers(tmp_path: Path, path: str, strange: bool) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text("hello")
    hand = ReadHand(Tool(name="read", description="", parameters=READ), FilesSpec(), tmp_path)
    result = await hand.do({"path": path}, context(workspace=str(tmp_path)))
    assert result.text == "hello"
    assert result.origins.untrusted == strange
    assert strange or result.origins == Origins()
