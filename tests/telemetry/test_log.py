import ast
import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import antiphon
from antiphon.core.secret import Secret
from antiphon.telemetry import log

SOURCE = Path(antiphon.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception"}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What this process logs; its logging is put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    log.start("info", stream)
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    root.setLevel(before[1])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_on_one_line(written: io.StringIO) -> None:
    logging.getLogger("antiphon.test").info("request.finished", extra={"receipt": "r", "status": 200})

    (line,) = lines(written)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("at"))
    assert line == {"level": "info", "event": "request.finished", "receipt": "r", "status": 200}


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        'a"b',
        "\ud800",
        10**40,
        float("nan"),
        None,
        b"\xff",
        {"a": {1, 2}},
        {1: 2},
        [object()],
        Path("/x"),
        Secret("hush"),
    ],
    ids=repr,
)
def test_any_field_is_written_on_one_line(written: io.StringIO, value: object) -> None:
    logging.getLogger("antiphon.test").warning("thing.happened", extra={"field": value})

    (line,) = lines(written)
    assert line["event"] == "thing.happened"
    assert "field" in line
    assert "hush" not in written.getvalue()


def test_a_crash_is_told_with_its_trace_on_one_line(written: io.StringIO) -> None:
    try:
        raise ValueError("of this")
    except ValueError:
        logging.getLogger("antiphon.test").exception("request.crashed", extra={"receipt": "r"})

    (line,) = lines(written)
    assert (line["event"], line["level"], line["receipt"]) == ("request.crashed", "error", "r")
    assert line["exception"].endswith("ValueError: of this")


def test_what_libraries_log_has_an_event_name_too(written: io.StringIO) -> None:
    logging.getLogger("asyncio").error("Task %s was destroyed", "x")

    (line,) = lines(written)
    assert (line["event"], line["library"], line["text"]) == ("library.logged", "asyncio", "Task x was destroyed")


def test_lines_below_the_level_are_left_out(written: io.StringIO) -> None:
    log.level("warning")
    logging.getLogger("antiphon.test").info("thing.happened")
    log.level("info")
    logging.getLogger("antiphon.test").info("other.happened")

    assert [line["event"] for line in lines(written)] == ["other.happened"]


def test_the_log_goes_to_stderr_unless_told(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        log.start("info")
        logging.getLogger("antiphon.test").info("thing.happened")
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])

    captured = capsys.readouterr()
    assert captured.out == ""
    assert json.loads(captured.err)["event"] == "thing.happened"
    assert sys.stderr is not None


def events() -> Iterator[tuple[str, ast.Call]]:
    """Every call that logs, in all of the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_log = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "log"
            )
            if is_log and node.func.attr in LEVELS | {"log"}:
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node


def test_every_event_of_ours_is_named_noun_dot_verb() -> None:
    found = list(events())

    assert len(found) > 5
    for place, call in found:
        named = call.args[-1]
        assert isinstance(named, ast.Constant), place
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", named.value), place
