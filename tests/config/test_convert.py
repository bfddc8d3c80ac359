from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, field

from antiphon.config.convert import Converted, convert
from antiphon.config.interpolate import interpolate
from antiphon.core.secret import Secret
from antiphon.wire.yaml import compose


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(Struct, frozen=True, kw_only=True):
    must: int
    may: str = "x"


class Outer(Struct, frozen=True, kw_only=True):
    flag: bool = False
    count: Annotated[int, Meta(ge=1, lt=10)] = 1
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    text: Annotated[str, Meta(min_length=2, max_length=4)] = "ab"
    url: Annotated[str, Meta(pattern="^https?://")] | None = None
    word: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    mode: Literal["slow", "fast"] = "slow"
    level: Literal[1, 2] = 1
    color: Color = Color.RED
    secret: Secret | None = None
    inner: Inner | None = None
    many: Annotated[list[int], Meta(min_length=1, max_length=3)] = field(default_factory=lambda: [1])
    fixed: tuple[str, ...] = ()
    unique: frozenset[str] = frozenset()
    names: dict[Annotated[str, Meta(pattern="^[a-z]+$")], Inner] = {}


def read(text: str, environ: dict[str, str] | None = None) -> Converted[Outer]:
    tree, problems = compose(text, "f")
    assert not problems
    filled, missing = interpolate(tree, environ or {}, Path(), "f")
    assert not missing
    return convert(filled, Outer, "f")


def one(text: str, environ: dict[str, str] | None = None) -> tuple[int, str, str, str]:
    result = read(text, environ)
    assert len(result.problems) == 1, result.problems
    problem = result.problems[0]
    return problem.line, problem.path, problem.wrong, problem.remedy


def test_everything_that_fits_is_taken() -> None:
    text = """
    flag: true
    count: 9
    share: 1
    text: abcd
    url: https://example.com
    mode: fast
    level: 2
    color: blue
    secret: hush
    inner: {must: 5}
    many: [1, 2]
    fixed: [a, b]
    unique: [a, b, a]
    names: {one: {must: 1, may: "no"}}
    """
    result = read(text)
    assert result.problems == []
    assert result.broken == frozenset()
    assert result.value == Outer(
        flag=True,
        count=9,
        share=1.0,
        text="abcd",
        url="https://example.com",
        mode="fast",
        level=2,
        color=Color.BLUE,
        secret=Secret("hush"),
        inner=Inner(must=5),
        many=[1, 2],
        fixed=("a", "b"),
        unique=frozenset({"a", "b"}),
        names={"one": Inner(must=1, may="no")},
    )
    assert isinstance(result.value.share, float)


def test_an_empty_document_is_all_defaults() -> None:
    assert read("").value == Outer()


@pytest.mark.parametrize(
    ("text", "wrong", "remedy"),
    [
        ("flag: 1", "found a whole number 1", "write true or false"),
        ("flag: yes", "found the text 'yes'", "write true or false"),
        ("count: 0", "found a whole number 0", "write a whole number of at least 1, below 10"),
        ("count: 10", "found a whole number 10", "below 10"),
        ("count: 2.0", "found a number 2.0", "whole number"),
        ("count: true", "found true", "whole number"),
        ("count:", "found nothing", "whole number"),
        ("share: 0", "found a whole number 0", "write a number above 0, at most 1"),
        ("share: .nan", "found a number nan", "write a number"),
        ("share: .inf", "found a number inf", "write a number"),
        (
            "text: a",
            "found the text 'a'",
            "write text of at least 2 characters, of at most 4 characters",
        ),
        ("text: abcde", "found the text 'abcde'", "at most 4"),
        ("text: 12", "expected text of at least 2 characters", "put it in quotes"),
        ("text: true", "found a truth value", "put it in quotes"),
        ("text: [a]", "found a list", "write text"),
        ("url: ftp://u:s3cret@host", "found the text 'ftp://***@host'", "that matches ^https?://"),
        ('word: "a\\n"', "found the text", "write text that matches"),
        ("mode: fats", "expected one of `fast`, `slow`, found the text 'fats'", "did you mean `fast`?"),
        ("mode: 7", "found a whole number 7", "write one of `fast`, `slow`"),
        ("level: 3", "found a whole number 3", "write one of `1`, `2`"),
        ("level: true", "found true", "write one of"),
        ("color: green", "found the text 'green'", "write one of `red`, `blue`"),
        ("secret: 12345678", "expected text, found a whole number", "put it in quotes"),
        ("secret: [s3cret]", "found a list", "write text"),
        ("inner: 5", "expected a section, found a whole number", "write its keys beneath: must, may"),
        (
            "many: 1",
            "found a whole number",
            "write a list of at least 1 items, of at most 3 items, each item a whole number",
        ),
        ("many: []", "has 0 items", "write a list of at least 1 items, of at most 3 items"),
        ("many: [1, 2, 3, 4]", "has 4 items", "at most 3"),
        ("names: [a]", "found a list", "write a section of names, each with a section"),
        ("names:", "found nothing", "or leave the key out"),
    ],
)
def test_what_does_not_fit_is_reported_with_a_remedy(text: str, wrong: str, remedy: str) -> None:
    line, path, said, todo = one(text)
    assert (line, path) == (1, text.partition(":")[0])
    assert wrong in said
    assert remedy in todo
    assert "s3cret" not in said


class Open(Struct):
    count: int = 0
    share: float = 0.0


@pytest.mark.parametrize(
    "text", [f"count: {2**63}", f"share: 1{'0' * 390}", "share: .inf", "share: -.inf", "share: .nan", "share: 1e999"]
)
def test_a_number_that_nothing_can_keep_is_refused(text: str) -> None:
    tree, _ = compose(text, "f")
    assert len(convert(tree, Open, "f").problems) == 1


def test_an_unknown_key_is_reported_with_the_nearest_and_all_allowed_ones() -> None:
    line, path, wrong, remedy = one("flag: true\ncuont: 5")
    assert (line, path, wrong) == (2, "cuont", "unknown key")
    assert remedy.startswith("did you mean `count`? allowed here: flag, count, share, text")
    assert one("zzz: 5")[3].startswith("allowed here: flag, count")


def test_a_missing_key_is_reported_at_its_section() -> None:
    assert one("flag: true\ninner:\n  may: y\n") == (2, "inner.must", "is missing", "write `must:` with a whole number")


def test_a_missing_key_that_was_mistyped_is_reported_once() -> None:
    line, path, wrong, _ = one("inner:\n  mustt: 5\n")
    assert (line, path, wrong) == (2, "inner.mustt", "unknown key")


def test_a_name_with_bad_characters_is_reported() -> None:
    line, path, _, remedy = one("names:\n  a: {must: 1}\n  B!: {must: 2}\n")
    assert (line, path) == (3, "names.B!")
    assert "^[a-z]+$" in remedy


def test_mistakes_in_items_and_entries_have_their_paths_and_lines() -> None:
    result = read("many:\n  - 1\n  - x\nnames:\n  a:\n    must: y\n  b:\n    must: 1\n    no: 2\nunique: [a,\n  5]\n")
    assert sorted((problem.line, problem.path) for problem in result.problems) == [
        (3, "many[1]"),
        (6, "names.a.must"),
        (9, "names.b.no"),
        (11, "unique[1]"),
    ]


def test_what_could_be_read_is_there_beside_the_mistakes() -> None:
    result = read("count: 99\nflag: true\nmany: [1, x]\nnames: {a: {must: y}, b: {must: 1}}\n")
    assert result.value is not None
    assert (result.value.flag, result.value.count) == (True, 1)
    assert result.value.many == [1]
    assert list(result.value.names) == ["b"]
    assert result.broken == {("count",), ("many", 1), ("names", "a"), ("names", "a", "must")}


def test_a_document_that_is_no_section_is_reported() -> None:
    result = read("- a")
    assert result.value is None
    assert [(problem.line, problem.path) for problem in result.problems] == [(1, "(document)")]


@pytest.mark.parametrize(
    ("text", "environ", "name", "value"),
    [
        ("count: ${env:X}", {"X": "7"}, "count", 7),
        ("share: '${env:X}'", {"X": "0.25"}, "share", 0.25),
        ("flag: ${env:X:-true}", {}, "flag", True),
        ("text: ${env:X}", {"X": "12"}, "text", "12"),
        ("text: ${env:X}", {"X": "true"}, "text", "true"),
        ("level: ${env:X}", {"X": "2"}, "level", 2),
        ("mode: ${env:X}", {"X": "fast"}, "mode", "fast"),
        ("secret: ${env:X}", {"X": "123"}, "secret", Secret("123")),
        ("secret: ${env:X:-}", {}, "secret", None),
        ("url: ${env:X:-}", {}, "url", None),
        ("inner: ${env:X:-}", {}, "inner", None),
        ("many: ['${env:X}']", {"X": "3"}, "many", [3]),
    ],
)
def test_what_was_put_in_is_read_by_the_type_of_the_setting(
    text: str, environ: dict[str, str], name: str, value: object
) -> None:
    result = read(text, environ)
    assert result.problems == []
    assert getattr(result.value, name) == value


def test_what_was_put_in_and_does_not_fit_is_not_shown() -> None:
    _, _, wrong, _ = one("count: ${env:X}", {"X": "s3cret"})
    assert wrong.endswith("found something else from ${env:X}")


def test_a_quoted_number_is_text_still() -> None:
    assert one("count: '5'")[2].endswith("found the text '5'")
