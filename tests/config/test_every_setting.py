"""Every setting there is, found by walking the structs, is read, bounded and refused with its path and line."""

import json
from collections.abc import Iterator

import pytest
from msgspec import inspect

from antiphon.config.convert import Converted, convert
from antiphon.config.describe import Many, bare, optional
from antiphon.config.settings import Settings
from antiphon.config.walk import Setting, walk
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Path, dotted

EVERY = list(walk(Settings))
BOUNDED = [one for one in EVERY if isinstance(bare(one.kind), inspect.IntType | inspect.FloatType)]
LATER = ["policies", "cache", "tools", "mcp"]
TEXTS = {
    r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$": "module:name",
    "^https?://": "https://example.com/v1",
    "^[A-Za-z]{2}$": "de",
    "^[a-z]{2}$": "de",
    r"^(key|account|token|certificate|group)/[^\x00-\x1f\x7f]+$": "key/ci",
    "^https://": "https://login.example.com",
    "^http://": "http://proxy:3128",
    "^[0-9]+(s|m|h|d)$": "24h",
    r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$": "2026-12-01T00:00:00Z",
    r"^(\*|GET|POST|PUT|PATCH|DELETE) /\S*$": "GET /models",
}
"""Texts that fit a pattern."""


def path_of(setting: Setting) -> Path:
    """A path in a file, with one name for `<name>` and the first item for `[]`."""
    out: list[str | int] = []
    for part in setting.path.split("."):
        name = part.removesuffix("[]")
        out.append("some" if name == "<name>" else name)
        if name != part:
            out.append(0)
    return tuple(out)


def fitting(kind: inspect.Type) -> object:
    """A value that a setting takes; sections hold what they must."""
    kind = bare(kind)
    match kind:
        case inspect.BoolType():
            return True
        case inspect.IntType() | inspect.FloatType():
            return kind.ge if kind.ge is not None else between(kind.gt or 0, kind.lt)
        case inspect.StrType():
            return TEXTS.get(kind.pattern or "", "word" * max((kind.min_length or 0) // 4, 1))
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.CustomType():
            return "sk-0123456789"
        case inspect.AnyType():
            return "word"
        case inspect.DictType():
            return {"some": fitting(kind.value_type)}
        case inspect.StructType():
            return {field.encode_name: fitting(field.type) for field in kind.fields if field.required}
    assert isinstance(kind, Many)
    return [fitting(kind.item_type)] * (kind.min_length or 1)


def between(low: float, high: float | None) -> float:
    """A number above one, and below the other if there is one."""
    return low + 1 if high is None else (low + high) / 2


def document(kind: inspect.Type, path: Path, value: object) -> object:
    """The smallest document that has a value at a path, with everything else that must be there."""
    if not path:
        return value
    kind = bare(kind)
    head, rest = path[0], path[1:]
    if isinstance(kind, inspect.DictType):
        return {head: document(kind.value_type, rest, value)}
    if isinstance(kind, Many):
        others = [fitting(kind.item_type)] * ((kind.min_length or 1) - 1)
        return [document(kind.item_type, rest, value), *others]
    assert isinstance(kind, inspect.StructType)
    whole = fitting(kind)
    assert isinstance(whole, dict)
    fields = {field.encode_name: field.type for field in kind.fields}
    return {**whole, head: document(fields[str(head)], rest, value)} if head in fields else {**whole, head: value}


def lines(value: object, path: Path = (), depth: int = 0) -> Iterator[tuple[Path, str]]:
    """A document as YAML, a key a line; with each line the path that it is about."""
    indent = "  " * depth
    if isinstance(value, dict):
        for key, inner in value.items():
            at = (*path, key)
            if isinstance(inner, dict) and inner:
                yield at, f"{indent}{key}:"
                yield from lines(inner, at, depth + 1)
            elif isinstance(inner, list) and any(isinstance(item, dict) for item in inner):
                yield at, f"{indent}{key}:"
                for number, item in enumerate(inner):
                    yield (*at, number), f"{indent}  -" if item else f"{indent}  - {{}}"
                    yield from lines(item, (*at, number), depth + 2)
            else:
                yield at, f"{indent}{key}: {json.dumps(inner)}"


def read(tree: object) -> tuple[Converted[Settings], dict[Path, int]]:
    written = list(lines(tree))
    node, problems = compose("\n".join(text for _, text in written), "f.yaml")
    assert not problems
    return convert(node, Settings, "f.yaml"), {path: number for number, (path, _) in enumerate(written, 1)}


def only_problem(setting: Setting, value: object) -> str:
    """The one problem that a value makes, which must be at the setting's path and line."""
    path = path_of(setting)
    result, where = read(document(inspect.type_info(Settings), path, value))
    assert len(result.problems) == 1, result.problems
    problem = result.problems[0]
    assert (problem.file, problem.line, problem.path) == ("f.yaml", where[path], dotted(path))
    assert problem.remedy
    assert path in result.broken
    return problem.wrong


def unfit(setting: Setting) -> list[object]:
    kind = bare(setting.kind)
    match kind:
        case inspect.AnyType():
            return []  # JSON of any kind
        case inspect.BoolType():
            wrong: list[object] = ["yes", 1, [True], {"a": 1}]
        case inspect.IntType():
            wrong = ["many", 1.5, True, [1], {"a": 1}]
        case inspect.FloatType():
            wrong = ["much", True, [1.5], {"a": 1}]
        case inspect.StrType():
            wrong = [5, 1.5, True, ["x"], {"a": "b"}]
        case inspect.LiteralType():
            wrong = ["no such choice", 5, True, ["x"], {"a": "b"}]
        case inspect.CustomType():
            wrong = [12345678, True, ["x"], {"a": "b"}]
        case inspect.DictType() | inspect.StructType():
            wrong = ["text", 5, True, ["x"]]
        case _:
            wrong = ["text", 5, True, {"a": "b"}]
    return wrong if optional(setting.kind) else [*wrong, None]


@pytest.mark.parametrize("setting", EVERY, ids=lambda one: one.path)
def test_a_value_that_fits_is_taken(setting: Setting) -> None:
    path = path_of(setting)
    value = fitting(setting.kind)
    result, _ = read(document(inspect.type_info(Settings), path, value))
    assert result.problems == []
    assert result.value is not None


@pytest.mark.parametrize(
    ("setting", "value"),
    [(one, value) for one in EVERY for value in unfit(one)],
    ids=lambda one: one.path if isinstance(one, Setting) else repr(one),
)
def test_a_value_of_another_type_is_refused(setting: Setting, value: object) -> None:
    assert "found " in only_problem(setting, value)


@pytest.mark.parametrize("setting", BOUNDED, ids=lambda one: one.path)
def test_a_value_out_of_bounds_is_refused(setting: Setting) -> None:
    kind = bare(setting.kind)
    assert isinstance(kind, inspect.IntType | inspect.FloatType)
    low = kind.ge - 1 if kind.ge is not None else kind.gt
    assert low is not None, "every number has a lower bound"
    only_problem(setting, low)
    if kind.lt is not None:
        only_problem(setting, kind.lt)
    if kind.le is not None:
        only_problem(setting, kind.le + 1)
        assert read(document(inspect.type_info(Settings), path_of(setting), kind.le))[0].problems == []


def section_of(setting: Setting) -> tuple[Path, str, dict[str, object]]:
    """Path of the section that a setting is in, the setting's key, and the section with it."""
    path = path_of(setting)
    above, key = path[:-1], path[-1]
    section = document(inspect.type_info(Settings), path, fitting(setting.kind))
    for name in above:
        section = section[name]  # type: ignore[index]
    assert isinstance(section, dict)
    return above, str(key), section


def read_section(above: Path, section: dict[str, object]) -> tuple[Converted[Settings], dict[Path, int]]:
    return read(document(inspect.type_info(Settings), above, section))


@pytest.mark.parametrize("setting", EVERY, ids=lambda one: one.path)
def test_a_mistyped_key_is_refused_and_the_right_one_named(setting: Setting) -> None:
    above, key, section = section_of(setting)
    typed = f"{key}{key[-1]}"
    renamed = {typed if name == key else name: value for name, value in section.items()}
    result, where = read_section(above, renamed)
    said = [(one.line, one.path, one.wrong) for one in result.problems]
    assert said == [(where[*above, typed], dotted((*above, typed)), "unknown key")]
    assert f"did you mean `{key}`?" in result.problems[0].remedy
    assert all(name in result.problems[0].remedy for name in section)


@pytest.mark.parametrize("setting", [one for one in EVERY if one.required], ids=lambda one: one.path)
def test_a_key_that_must_be_there_is_missed(setting: Setting) -> None:
    above, key, section = section_of(setting)
    rest = {name: value for name, value in section.items() if name != key}
    result, where = read_section(above, rest)
    item = bool(rest) and isinstance(above[-1], int)
    said = [(one.line, one.path, one.wrong) for one in result.problems]
    assert said == [(where[above] + item, dotted((*above, key)), "is missing")]


@pytest.mark.parametrize("section", LATER)
def test_a_section_that_later_work_adds_is_refused_until_it_exists(section: str) -> None:
    result, _ = read({section: {"x": 1}})
    assert [(one.path, one.wrong) for one in result.problems] == [(section, "unknown key")]
    assert result.problems[0].remedy.endswith(f"allowed here: {', '.join(Settings.__struct_fields__)}")


@pytest.mark.parametrize("section", ["providers", "models", "routes", "prompts"])
@pytest.mark.parametrize("name", ["", " x", "a b", "-a", "a,b", "a\nb", "ä", "a\n", "a#b"])
def test_a_name_with_a_strange_character_is_refused(section: str, name: str) -> None:
    kind = next(one.kind for one in EVERY if one.path == section)
    inner = fitting(kind)
    assert isinstance(inner, dict)
    node, _ = compose(json.dumps({section: {name: inner["some"]}}), "f")
    problems = convert(node, Settings, "f").problems
    assert [problem.path for problem in problems] == [dotted((section, name))]


@pytest.mark.parametrize("name", ["a", "gpt-4.1", "agent/refunds", "llama3:8b", "m@2024-01-01", "A_b", "0"])
def test_names_as_providers_give_them_are_taken(name: str) -> None:
    node, _ = compose(json.dumps({"routes": {name: {}}}), "f")
    assert convert(node, Settings, "f").problems == []


def test_every_setting_says_what_it_does() -> None:
    assert [one.path for one in EVERY if len(one.description) < 4] == []


def test_every_description_of_an_optional_setting_names_its_default() -> None:
    silent = [
        one.path
        for one in EVERY
        if not one.required and not one.section and "efault" not in one.description and one.default not in (None, 0.0)
    ]
    assert silent == []
