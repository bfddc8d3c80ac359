"""Mistakes in guards are told with their place."""

from pathlib import Path

import pytest

from antiphon.config.load import load_text
from antiphon.core.error import ConfigError
from antiphon.guards.settings_content import SchemaSettings

HEAD = """\
providers: {lab: {lab: {models: {quick: {}}}}}
models:
  quick: {provider: lab}
routes:
  fast: {models: [quick]}
guards:
  one:
"""


def problems(guard: str, base: Path) -> list[tuple[int, str, str]]:
    with pytest.raises(ConfigError) as refused:
        load_text(HEAD + guard, "f.yaml", base, {})
    return [(problem.line, problem.path, problem.wrong) for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("guard", "line", "path", "wrong"),
    [
        ("    mode: shadow\n", 7, "guards.one", "has no kind"),
        ("    pii: {}\n    secrets: {}\n", 7, "guards.one", "has `pii` and `secrets`"),
        ("    schema: {schema: {}}\n    on: [answer, request]\n", 9, "guards.one.on[1]", "can't look at the request"),
        ("    unicode: {}\n    on: [answer]\n    channels: [user]\n", 10, "guards.one.channels", "has no effect"),
        ("    leak: {}\n    raises: internal\n", 9, "guards.one.raises", "has no effect"),
        ("    injection: {}\n    answer_action: flag\n", 9, "guards.one.answer_action", "has no effect"),
        ("    injection: {}\n    action: mask\n", 9, "guards.one.action", "`mask` can't be done"),
        ("    pii: {}\n    answer_action: approve\n", 9, "guards.one.answer_action", "about answers"),
        ("    output: {}\n    action: route_private\n", 9, "guards.one.action", "about answers"),
        (
            "    regex: {patterns: {a: {pattern: a}}}\n    on: [answer]\n    actions: {custom: approve}\n",
            10,
            "guards.one.actions.custom",
            "about answers",
        ),
        ("    injection: {rules: false, model: false}\n", 8, "guards.one.injection", "looks for nothing"),
        ("    harm: {rules: false, model: false}\n", 8, "guards.one.harm", "looks for nothing"),
        (
            "    topics:\n      topics:\n        rival: {}\n",
            10,
            "guards.one.topics.topics.rival",
            "neither words nor examples",
        ),
        (
            "    topics:\n      topics:\n        rival: {words: [acme], fuzzy: true}\n",
            10,
            "guards.one.topics.topics.rival.fuzzy",
            "no word has 6",
        ),
        ("    schema: {}\n", 8, "guards.one.schema", "needs a schema, once"),
        ("    schema: {file: none.json}\n", 8, "guards.one.schema.file", "can't be read"),
        ("    schema: {file: broken.json}\n", 8, "guards.one.schema.file", "is no JSON"),
        ("    schema:\n      schema: {type: 3}\n", 9, "guards.one.schema.schema", "is no schema"),
        ("    length: {}\n", 8, "guards.one.length", "has no limit"),
        (
            "    regex:\n      patterns:\n        a: {pattern: '(?=b)'}\n",
            10,
            "guards.one.regex.patterns.a.pattern",
            "is no pattern",
        ),
        ("    python: {call: 'builtins:nothing'}\n", 8, "guards.one.python.call", "has no function nothing"),
        ("    unicode: {}\n    routes: [fest]\n", 9, "guards.one.routes[0]", "there is no fest"),
    ],
)
def test_a_mistake_in_a_guard_is_found(guard: str, line: int, path: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")

    found = problems(guard, tmp_path)

    assert [(one[0], one[1]) for one in found] == [(line, path)]
    assert wrong in found[0][2]


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(
        "    regex: {patterns: {a: {pattern: '('}}}\n    routes: [fest]\n    action: mask\n    answer_action: approve\n",
        tmp_path,
    )

    assert len(found) == 3


def test_a_schema_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text('{"type": "object"}')

    settings = load_text(HEAD + "    schema: {file: answer.json}\n    routes: [fast]\n", "f.yaml", tmp_path, {})

    assert settings.settings.guards["one"].schema == SchemaSettings(file=str(tmp_path / "answer.json"))


def test_a_schema_may_stand_in_the_configuration_whatever_it_holds(tmp_path: Path) -> None:
    schema = "{type: object, properties: {a: {minimum: 1, enum: [1, x, true, null, 1.5]}}}"

    settings = load_text(HEAD + f"    schema: {{schema: {schema}}}\n", "f.yaml", tmp_path, {}).settings

    assert settings.guards["one"].schema == SchemaSettings(
        schema={"type": "object", "properties": {"a": {"minimum": 1, "enum": [1, "x", True, None, 1.5]}}}
    )
