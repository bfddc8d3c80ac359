"""A run told in words."""

from typing import Any

import msgspec
import pytest

from antiphon.agents.models import told
from antiphon.core.principal import Principal
from antiphon.core.run import Run, RunEvent, Wait


@pytest.mark.parametrize(
    ("kind", "body", "line"),
    [
        ("plan", {"plan": {"steps": [{"name": "read"}, {"task": "write it"}]}}, "plan: read, write it"),
        ("plan", {}, "plan: made"),
        ("model", {"role": "plan", "calls": []}, "the model of the role plan answered"),
        ("model", {"calls": [{"name": "a"}, {"name": "b"}]}, "the model of the role act wants a, b"),
        ("model", {"role": "act", "failed": "timeout"}, "the model of the role act failed: timeout"),
        ("tool", {"tool": "sql", "failed": "", "text": "secret"}, "sql answered"),
        ("observed", {"tool": "sql", "failed": "refused"}, "sql failed: refused"),
        ("child", {"agent": "b", "run": "1"}, "asks b"),
        ("child", {"agent": "b", "stop": "finished"}, "b ended: finished"),
        ("child", {"agent": "b", "failed": "quarantined"}, "b failed: quarantined"),
        ("progress", {"agent": "a2a/b", "state": "working", "text": "secret"}, "a2a/b is working"),
        ("held", {"short": "money"}, "the envelope has no room for another action: money"),
        ("wait", {"kind": "approval"}, "waits: approval"),
        ("answered", None, "goes on"),
        ("verified", {"faults": ["x"]}, "its answer is sent back"),
        ("verified", {}, "its answer passed the check"),
        ("compacted", {}, "summed up what came before"),
        ("text", {"text": "secret"}, ""),
        ("ended", "odd", ""),
    ],
)
def test_an_event_is_a_line_without_content(kind: str, body: Any, line: str) -> None:
    raw = b"" if body is None else msgspec.json.encode(body)
    assert told.progress(RunEvent(run="r", seq=1, at_ns=1, kind=kind, body=raw)) == line


def run(**fields: Any) -> Run:
    who = Principal(tenant="acme", key="alice")
    return Run(id="r1", tenant="acme", agent="helper", version="1", principal=who, created_ns=1, **fields)


def test_an_answer_is_a_text_or_json() -> None:
    assert told.answer_text(run(result=b'"plain"')) == "plain"
    assert told.answer_text(run(result=b'{"a":1}')) == '{"a":1}'
    assert told.answer_text(run()) == ""


def test_what_is_told_of_one_without_an_answer_names_it_and_what_to_do() -> None:
    waits = told.waits(run(status="waiting", wait=Wait(kind="hand_off", key="k", to="approver")))
    assert waits.message.startswith("the run r1 of agent/helper waits for a person (hand off) of the role approver")
    assert "x-antiphon-run: r1" in waits.message
    assert "was paused" in told.waits(run(status="paused")).message
    assert "no answer within 1.5 s" in told.unfinished(run(), 1.5).message
    failed = told.failed(run(status="failed", stop="money", why="nothing is left"))
    assert (failed.run, failed.stop) == ("r1", "money")
    assert "nothing is left" in failed.message
    assert "nothing is left" not in failed.noted
