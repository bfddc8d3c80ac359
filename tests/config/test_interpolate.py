from pathlib import Path

import pytest

from antiphon.config.interpolate import MOST_BYTES, interpolate
from antiphon.core.error import Problem
from antiphon.wire.yaml import compose
from antiphon.wire.yaml_node import Scalar, find

ENVIRON = {"NAME": "Ada", "EMPTY": "", "PORT": "9090", "TRICK": "${env:NAME}"}


def fill(value: str, base: Path = Path("/nowhere")) -> tuple[object, list[Problem]]:
    tree, problems = compose(f"a: 1\nb: {value}\n", "f.yaml")
    assert not problems
    filled, missing = interpolate(tree, ENVIRON, base, "f.yaml")
    node = find(filled, ("b",))
    assert isinstance(node, Scalar)
    return node.value, missing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${env:NAME}", "Ada"),
        ("'${env:NAME}'", "Ada"),
        ("hello ${env:NAME}, ${env:NAME}!", "hello Ada, Ada!"),
        ("${env:MISSING:-none}", "none"),
        ("${env:EMPTY:-none}", "none"),
        ("${env:EMPTY}", ""),
        ("${env:MISSING:-}", ""),
        ("${env:NAME:-none}", "Ada"),
        ("${env:MISSING:-http://a:1/b}", "http://a:1/b"),
        ("$${env:NAME}", "${env:NAME}"),
        ("$$${env:NAME}", "$${env:NAME}"),
        ("$NAME costs 5$", "$NAME costs 5$"),
        ("${env:TRICK}", "${env:NAME}"),
    ],
)
def test_variables_are_put_in(value: str, expected: str) -> None:
    assert fill(value) == (expected, [])


def test_keys_are_left_as_they_are() -> None:
    tree, _ = compose('"${env:NAME}": x', "f")
    assert interpolate(tree, ENVIRON, Path(), "f") == (tree, [])


def test_a_scalar_remembers_what_was_written() -> None:
    tree, _ = compose("a: x-${env:PORT}\nb: plain", "f")
    filled, _ = interpolate(tree, ENVIRON, Path(), "f")
    assert find(filled, ("a",)) == Scalar(kind="text", value="x-9090", line=1, column=4, written="x-${env:PORT}")
    assert find(filled, ("b",)) == find(tree, ("b",))


def test_an_empty_document_stays_empty() -> None:
    assert interpolate(None, {}, Path(), "f") == (None, [])


def test_a_file_is_put_in_without_the_line_breaks_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-1\nsecond\n\r\n")
    assert fill("${file:key}", tmp_path) == ("sk-1\nsecond", [])
    assert fill(f"x${{file:{tmp_path}/key}}x", Path("/nowhere")) == ("xsk-1\nsecondx", [])


def test_everything_that_is_missing_is_reported_at_once_with_lines_and_remedies(tmp_path: Path) -> None:
    text = "a: ${env:ONE} ${env:TWO}\nb:\n  - ${env:NAME}\n  - ${file:gone}\nc: {d: '${env:THREE}'}\n"
    tree, _ = compose(text, "f.yaml")
    _, problems = interpolate(tree, ENVIRON, tmp_path, "f.yaml")
    assert [(one.line, one.path) for one in problems] == [(1, "a"), (1, "a"), (4, "b[1]"), (5, "c.d")]
    assert [one.remedy for one in problems if "environment" in one.wrong] == [
        "set ONE, or write ${env:ONE:-default}",
        "set TWO, or write ${env:TWO:-default}",
        "set THREE, or write ${env:THREE:-default}",
    ]
    assert str(tmp_path / "gone") in problems[2].wrong


@pytest.mark.parametrize(
    "value", ["${env:}", "${env:1A}", "${s3cret}", "${NAME}", "${file:}", "'${env:NAME'", "'${'", "'${}'"]
)
def test_what_is_not_known_between_braces_is_reported_and_not_repeated(value: str) -> None:
    result, problems = fill(value)
    assert result is None
    assert "${env:NAME}, ${env:NAME:-default} or ${file:/path}" in problems[0].remedy
    assert "s3cret" not in str(problems[0])


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert "there is no file" in fill(f"${{file:{tmp_path}}}")[1][0].wrong


def test_a_device_is_not_read_for_ever() -> None:
    assert "there is no file" in fill("${file:/dev/zero}")[1][0].wrong


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (MOST_BYTES + 1))
    assert "bytes" in fill("${file:large}", tmp_path)[1][0].wrong
    (tmp_path / "large").write_bytes(b"x" * MOST_BYTES)
    assert fill("${file:large}", tmp_path)[1] == []


def test_a_file_that_is_not_utf_8_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"s3cret\xff")
    problem = fill("${file:binary}", tmp_path)[1][0]
    assert "UTF-8" in problem.wrong
    assert "s3cret" not in str(problem)


def test_a_variable_that_is_not_utf_8_is_refused() -> None:
    tree, _ = compose("a: ${env:BAD}", "f")
    assert "UTF-8" in interpolate(tree, {"BAD": "\udcff"}, Path(), "f")[1][0].wrong


def test_a_path_with_a_zero_byte_is_refused() -> None:
    assert fill('"${file:a\\0b}"')[1]
