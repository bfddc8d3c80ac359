"""Every log event and every attribute of spans has its row in the reference."""

import ast
import re

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pages.collector import Collector
from pages.desk import Desk
from pages.page import reference
from pages.source import assigned, attributes, module, modules, texts

from antiphon.telemetry import names

PAGE = reference("logs-and-traces")
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}
CONFIGURATION = """\
telemetry:
  otlp: {endpoint: "http://127.0.0.1:4318/v1/traces", sample_percent: 100}
providers:
  lab:
    keys: [{name: one, key: sk-example-0001}, {name: two, key: sk-example-0002}]
    lab: {models: {good: {tokens_per_s: 5000}, bad: {faults: [{kind: error_500}]}}}
models:
  good: {provider: lab, priority: 1, price: {input: 1, output: 1}}
  bad: {provider: lab}
routes:
  both: {models: [bad, good]}
  team:
    models: [good]
    rules: [{name: any, when: "true", models: [good, bad]}]
    split: [{name: some, percent: 100, recipe: twice}]
  same: {models: [good], coalesce: {enabled: true}}
recipes:
  twice: {cascade: {stages: [{seat: good}, {seat: good}], by: [agreement]}}
calls:
  retry: {base_s: 0.01, cap_s: 0.01}
  retry_budget: {min_per_s: 0.1}
"""
CALLS = """\
for model in good bad both nowhere same team; do
  curl -o /dev/null http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\
    -H 'x-antiphon-session: s' -d '{"model": "'$model'", "max_tokens": 999, "temperature": 0, "messages": [{"role": "user", "content": "Hello!"}]}'
done
"""


def logged() -> dict[str, tuple[str, set[str]]]:
    """Events by name: the level, and the fields that any line has."""
    found: dict[str, tuple[str, set[str]]] = {}
    for tree in modules().values():
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
            for call in [node for node in ast.walk(function) if isinstance(node, ast.Call)]:
                level = _level(call.func)
                if level:
                    name = next(texts(call.args[0]))
                    _, fields = found.get(name, (level, set()))
                    found[name] = (level, fields | _fields(call, function))
    return found


def _level(function: ast.expr) -> str:
    """Level of a call of a logger; empty for other calls."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "log":
        return LEVELS.get(function.attr, "")
    return ""


def _fields(call: ast.Call, function: ast.AST) -> set[str]:
    for keyword in call.keywords:
        if keyword.arg == "extra":
            value = keyword.value
            if isinstance(value, ast.Name):
                value = assigned(function, value.id) or value
            assert isinstance(value, ast.Dict), f"extra of {ast.unparse(call)} can't be read"
            return {name for key in value.keys if key is not None for name in texts(key)}
    return set()


def test_every_event_has_its_row_with_level_and_fields() -> None:
    rows = {row[0].strip("`"): (row[1], set(re.findall(r"`(\w+)`", row[3]))) for row in PAGE.rows("Logs")}
    assert rows == logged()


def test_events_are_named_noun_and_verb() -> None:
    assert [name for name in logged() if not re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", name)] == []


def test_every_attribute_of_the_code_has_its_row() -> None:
    used = {getattr(names, name) for name in attributes(module("telemetry/trace.py"), "names")}
    assert set(rows()) == used - {names.CHAT, names.SERVER_SPAN, names.NOTE}


def test_every_attribute_of_spans_of_agents_has_its_row() -> None:
    used = {getattr(names, name) for name in attributes(module("telemetry/trace_agents.py"), "names")}
    rows = {row[0].strip("`") for row in PAGE.rows("Spans of agents")}
    assert rows - {"attribute"} == used - {names.INVOKE_AGENT, names.EXECUTE_TOOL, names.PLAN}


def rows() -> dict[str, str]:
    return {
        row[0].strip("`"): row[1]
        for row in PAGE.rows("Spans")
        if len(row) == 3 and row[1] in ("both", "request", "attempt", "note")
    }


@pytest.mark.processes
def test_spans_that_arrive_have_the_attributes_that_the_page_gives_them(desk: Desk, collector: Collector) -> None:
    desk.write("antiphon.yaml", CONFIGURATION)
    desk.serve("antiphon serve")
    desk.shell(CALLS, lenient=True)
    desk.close()
    spans = collector.spans()
    assert {span.name for span in spans} == {names.SERVER_SPAN, "chat good", "chat bad"}
    for on, kind in (("request", Span.SPAN_KIND_SERVER), ("attempt", Span.SPAN_KIND_CLIENT)):
        sent = {attribute.key for span in spans if span.kind == kind for attribute in span.attributes}
        assert sent == {name for name, where in rows().items() if where in ("both", on)}, on
    notes = [event for span in spans for event in span.events]
    assert {event.name for event in notes} == {names.NOTE}
    sent = {attribute.key for event in notes for attribute in event.attributes}
    assert sent == {names.STEP, *(name for name, where in rows().items() if where == "note")}
