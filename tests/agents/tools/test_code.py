from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct
from toolery import Bench, bench, context, tool

from antiphon.agents.tools.python import PythonHand, described
from antiphon.core.error import BadRequest
from antiphon.core.tool import Tool, ToolContext
from antiphon.sandbox.settings import SandboxSettings
from antiphon.sandbox.tiers import Tiers


class Order(Struct):
    id: int
    lines: list[str] = []


def total(order: Order, kind: Literal["net", "gross"] = "net", *, tax: Annotated[float, Meta(ge=0)] = 0.1) -> Order:
    """Adds up an order."""
    return Order(id=order.id, lines=[*order.lines, kind, str(tax)])


async def whose(name: str, where: ToolContext) -> str:
    """Says who asks."""
    return f"{name} for {where.principal.user} ({where.key})"


def strange(*names: str) -> None: ...


def holding(function: Any) -> Bench:
    from antiphon.agents.tools.grip import Handling

    said, parameters = described(function)
    made = bench()
    hand = PythonHand(Tool(name="f", description=said, parameters=parameters, effect="pure"), function)
    made.box.put("test", [(hand, Handling(retries=0))])
    return made


async def test_a_signature_is_the_schema_and_values_come_as_its_types() -> None:
    made = holding(total)
    found = made.box.get("f")
    assert found is not None
    assert found.description == "Adds up an order."
    assert found.parameters["required"] == ["order"]
    assert found.parameters["properties"]["kind"] == {"enum": ["gross", "net"], "default": "net"}
    result = await made.call("f", order={"id": "4", "lines": "a"}, kind="Gross")
    assert result.data == {"id": 4, "lines": ["a", "gross", "0.1"]}


async def test_a_function_is_given_the_call_where_it_asks_for_it() -> None:
    made = holding(whose)
    found = made.box.get("f")
    assert found is not None
    assert list(found.parameters["properties"]) == ["name"]
    assert (await made.call("f", key="run.5", name="x")).text == "x for ann (run.5)"


async def test_what_a_function_raises_is_told_with_its_kind() -> None:
    def fails(n: int) -> int:
        return 1 // n

    assert (
        await holding(fails).call("f", n=0)
    ).text == "f failed: ZeroDivisionError: integer division or modulo by zero"


def test_a_signature_that_gives_no_schema_is_refused() -> None:
    with pytest.raises(BadRequest, match="can't be given by name"):
        described(strange)


def test_a_document_names_a_function_and_says_why_it_cannot_be_had() -> None:
    made = bench(tool("dump", python={"function": "json:dumps"}), tool("no", python={"function": "json:nothing"}))
    assert "can't be loaded" in made.box.unready["no"]
    assert "can't be given by name" in made.box.unready["dump"]
    ok = bench(tool("place", effect="pure", python={"function": "antiphon.agents.tools.text:cut"}))
    found = ok.box.get("place")
    assert found is not None
    assert (found.source, found.parameters["required"]) == ("python", ["text", "most_bytes"])


@pytest.fixture
async def sandbox() -> AsyncIterator[Tiers]:
    made = Tiers(SandboxSettings(wall_s=20.0))
    if all(one.why for one in await made.probed()):
        await made.close()
        pytest.skip("no tier of the sandbox runs here: install bubblewrap, or pip install 'antiphon[sandbox]'")
    yield made
    await made.close()


async def test_a_program_reads_files_of_the_run_and_prints(sandbox: Tiers, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "n.csv").write_text("1\n2\n3\n")
    made = bench(tool("py", sandbox={"wall_s": 20.0}), parts={"sandbox": sandbox})
    where = context(made.clock, workspace=str(tmp_path))
    code = "import sys\nprint(sum(int(x) for x in open('n.csv')), sys.stdin.read())"
    result = await made.at("py", {"code": code, "files": "out/n.csv", "stdin": "hi"}, where)
    assert (result.text, result.failed) == ("6 hi\n", "")
    found = made.box.get("py")
    assert found is not None
    assert (found.effect, found.sends, found.private) == ("pure", False, True)


async def test_a_program_that_fails_or_asks_for_too_much_is_told(sandbox: Tiers, tmp_path: Path) -> None:
    made = bench(tool("py", sandbox={"wall_s": 20.0, "cpu_s": 1.0}), parts={"sandbox": sandbox})
    assert "ValueError: no" in (await made.call("py", code="raise ValueError('no')")).text
    assert (await made.call("py", code="while True: pass")).failed == "timeout"
    secret = tmp_path / "secret"
    secret.write_text("secret")
    result = await made.call("py", code=f"print(open({str(secret)!r}).read())")
    assert result.failed == "failed"
    assert "secret" not in result.text.replace(str(secret), "")


def test_without_a_sandbox_no_code_runs() -> None:
    assert bench(tool("py", sandbox={})).box.unready == {"py": "there is no sandbox"}


def test_every_source_is_one_and_mistakes_are_told_with_a_remedy() -> None:
    from antiphon.agents.tools.settings import ToolSpec

    wrongs: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [""]),
        ({"sql": {"url": "sqlite:///x"}, "files": {}}, ["files"]),
        ({"files": {}, "effect": "pure"}, ["effect"]),
        ({"files": {}, "cache_s": 5}, ["cache_s"]),
        ({"files": {}, "parameters": {"type": "object"}}, ["parameters"]),
        ({"simulated": {}, "parameters": {"type": "string"}}, ["parameters"]),
        ({"simulated": {}, "effect": "at_most_once", "cache_s": 1}, ["cache_s"]),
        ({"openapi": {"file": "a", "url": "b"}}, ["openapi.file", "openapi.server"]),
        ({"ticket": {"secret": "plain"}}, ["ticket.secret"]),
    ]
    for raw, paths in wrongs:
        assert [path for path, _, _ in msgspec.convert(raw, ToolSpec).check()] == paths, raw
