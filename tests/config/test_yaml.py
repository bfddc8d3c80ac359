import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from antiphon.wire.yaml import DEEPEST, compose
from antiphon.wire.yaml_node import Items, Node, Scalar, Table, dotted, find, line_of


def plain(node: Node | None) -> object:
    match node:
        case None:
            return None
        case Table():
            return {entry.key: plain(entry.value) for entry in node.entries}
        case Items():
            return [plain(item) for item in node.nodes]
        case Scalar():
            return node.value


def read(text: str) -> object:
    node, problems = compose(text, "f.yaml")
    assert not problems, problems
    return plain(node)


def wrong(text: str) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.path, problem.wrong) for problem in compose(text, "f.yaml")[1]]


@pytest.mark.parametrize("text", ["no", "yes", "on", "off", "NO", "y", "2026-11-21", "1_000", "12:30", "0b11", "1.2.3"])
def test_what_yaml_1_1_read_as_something_else_is_text(text: str) -> None:
    assert read(f"country: {text}") == {"country": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 12", 12),
        ("! 12", "12"),
        ("1" + "0" * 500, "1" + "0" * 500),
    ],
)
def test_scalars_are_those_of_the_core_schema(text: str, value: object) -> None:
    result = read(f"a: {text}")
    assert result == {"a": value}
    assert type(result["a"]) is type(value)  # type: ignore[index]


def test_not_a_number_is_a_number() -> None:
    node, _ = compose("a: .nan", "f")
    found = find(node, ("a",))
    assert isinstance(found, Scalar)
    assert found.kind == "float"


@pytest.mark.parametrize("text", ["", "\n", "# nothing here", "---\n", "null", "~"])
def test_an_empty_document_is_none(text: str) -> None:
    assert compose(text, "f") == (None, [])


def test_a_key_that_stands_twice_is_reported_in_its_line_and_the_first_is_kept() -> None:
    node, problems = compose("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "f")
    assert [(one.line, one.path) for one in problems] == [(4, "b.c"), (5, "a")]
    assert "first in line 3" in problems[0].wrong
    assert plain(node) == {"a": 1, "b": {"c": 1}}


def test_an_alias_is_what_its_anchor_names() -> None:
    assert read("a: &one {x: [1, 2]}\nb: *one\nc: *one") == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": {"x": [1, 2]}}


def test_an_alias_in_what_it_names_is_reported() -> None:
    assert wrong("a: &a [1, *a]") == [(1, "a[1]", "an alias (*) stands inside what it names")]


def test_an_alias_without_anchor_is_reported() -> None:
    assert wrong("a: 1\nb: *nothing") == [(2, "b", "an alias (*) names nothing above it")]


def test_aliases_can_not_blow_a_document_up() -> None:
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 12)]
    problems = wrong("\n".join(laughs))
    assert len(problems) == 1
    assert "aliases written out" in problems[0][2]


def test_aliases_can_not_make_a_document_deep() -> None:
    rungs = ["a0: &a0 [x]"]
    rungs += [f"a{at}: &a{at} {'[' * 30}*a{at - 1}{']' * 30}" for at in range(1, 40)]
    assert any("nested more than" in problem[2] for problem in wrong("\n".join(rungs)))


@pytest.mark.parametrize("opening", ["[", "{", "- ", "{a: "])
def test_a_hundred_thousand_brackets_are_refused_rather_than_followed(opening: str) -> None:
    assert any("nested more than" in problem[2] for problem in wrong(opening * 100_000))


def test_what_is_as_deep_as_allowed_is_read() -> None:
    read("[" * DEEPEST + "]" * DEEPEST)


@pytest.mark.parametrize("tag", ["!secret", "!!set", "!!python/object:os.system", "!<tag:example.com,2026:x>", "!!int"])
def test_a_tag_of_ones_own_is_refused(tag: str) -> None:
    problems = wrong(f"a: 1\nb: {tag} x")
    assert [problem[:2] for problem in problems] == [(2, "b")]
    assert "tag" in problems[0][2]


def test_a_tag_on_a_section_is_refused() -> None:
    assert [problem[:2] for problem in wrong("a: !!omap\n  - b: 1\nc: !x {}")] == [(1, "a"), (3, "c")]


@pytest.mark.parametrize("key", ["1", "true", "null", "1.5", "? [a]\n", "? {a: b}\n", "*nothing "])
def test_a_key_that_is_not_text_is_refused(key: str) -> None:
    assert wrong(f"{key}: x")


def test_a_quoted_number_is_a_key() -> None:
    assert read('"1": x') == {"1": "x"}


def test_merge_keys_are_refused() -> None:
    assert [problem[:2] for problem in wrong("a: &a {x: 1}\nb:\n  <<: *a")] == [(3, "b")]


def test_a_second_document_is_refused() -> None:
    assert wrong("a: 1\n---\nb: 2") == [(3, "(document)", "another document begins")]


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("a: 1\nb: [1,\n", 2, "mend"),
        ("a:\n\t- b", 2, "tabs"),
        ("a: 1\nb: 'open", 2, "close"),
        ("a: b: c", 1, "colon"),
        ("a: 1\nb: @home", 2, "quotes"),
        ("a: \x01", 1, "escape"),
        ("a: 1\nb: \ud800", 2, "escape"),
        ("%YAML 3.0\n---\na: 1", 1, "mend"),
    ],
)
def test_what_is_not_yaml_is_reported_with_its_line_and_a_remedy(text: str, line: int, remedy: str) -> None:
    node, problems = compose(text, "f.yaml")
    assert node is None
    assert [(one.file, one.line, one.path) for one in problems] == [("f.yaml", line, "(syntax)")]
    assert remedy in problems[0].remedy


@pytest.mark.parametrize("text", ["a: *s3cret", "a: !s3cret", "a: &s3cret", "a: s3cret: x", "a: @s3cret", "a: 's3cret"])
def test_a_password_without_its_quotes_is_not_repeated(text: str) -> None:
    assert "s3cret" not in str(compose(text, "f")[1])


def test_every_node_knows_its_place() -> None:
    node, _ = compose("a: 1\nb:\n  - c\n  - d: 2\n    e: 3\n", "f")
    assert line_of(node, ()) == 1
    assert line_of(node, ("b",)) == 2
    assert line_of(node, ("b", 0)) == 3
    assert line_of(node, ("b", 1, "e")) == 5
    assert line_of(node, ("b", 1, "missing")) == 4
    assert line_of(node, ("b", 7)) == 2
    assert find(node, ("b", 1, "e")) == Scalar(kind="int", value=3, line=5, column=8)
    assert find(node, ("a", "b")) is None
    assert find(node, ("b", "a")) is None


def test_a_path_reads_as_people_write_it() -> None:
    assert dotted(("models", "fast", "price")) == "models.fast.price"
    assert dotted(("keys", 0, "name")) == "keys[0].name"
    assert dotted(()) == "(document)"


KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=8).filter(
    lambda s: s != "<<"
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=5))
@settings(deadline=None)
def test_json_reads_as_json(document: dict[str, object]) -> None:
    assert read(json.dumps(document, ensure_ascii=False)) == document


@given(st.text())
@example("a: \ufffe")
@example("?")
@example("- - &\x85a")
@example("%TAG ! tag:x,2000:\n---\n!x a")
@settings(deadline=None)
def test_any_text_is_a_tree_or_problems(text: str) -> None:
    node, problems = compose(text, "f")
    assert all(1 <= problem.line <= text.count("\n") + text.count("\r") + 2 for problem in problems)
    assert node is None or isinstance(node, Scalar | Items | Table)


@given(st.text(alphabet="ab:- \n[]{}&*!'\"|>#,?%\t1"))
@settings(deadline=None)
def test_text_of_yamls_own_signs_is_a_tree_or_problems(text: str) -> None:
    compose(text, "f")
