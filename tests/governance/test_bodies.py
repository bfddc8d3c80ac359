"""Texts of bodies that are no model call's, and their edits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.body import Body
from antiphon.governance.bodies import read
from antiphon.guards.port import Edit

FORM = b"multipart/form-data; boundary=b"
NAMES = st.text("abcxyz", min_size=1, max_size=6)
TEXTS = st.text(max_size=20)


def of(whole: bytes, kind: bytes) -> list[str]:
    return [text.text for text in read(Body((whole,)), kind).items]


def test_every_string_of_json_is_a_text() -> None:
    assert of(b'{"q":"hi","deep":[{"note":"there"}]}', b"application/json; charset=utf-8") == ["hi", "there"]


def test_lines_of_json_in_a_form_are_read_each_for_itself() -> None:
    file = b'{"body":{"input":"one"}}\n{"body":{"input":"two"}}\n'
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n' + file + b"\r\n--b--\r\n"
    found = read(Body((form,)), FORM)
    assert [text.text for text in found.items] == ["one", "two"]
    edited = found.edited([(1, (Edit(0, 3, "2"),))]).whole()
    assert b'"one"' in edited
    assert b'{"input":"2"}' in edited
    assert edited.endswith(b"\r\n--b--\r\n")


def test_what_can_t_be_read_is_named() -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.png"\r\n\r\n\xff\xd8\xff\r\n--b--\r\n'
    assert read(Body((form,)), FORM).blind == "the part `file`"
    assert read(Body((b"\xff\xfe\xff",)), b"application/octet-stream").blind == "application/octet-stream"
    assert read(Body(()), b"").blind == ""


@pytest.mark.parametrize("kind", [b"text/plain", b"application/x-www-form-urlencoded"])
def test_another_text_is_one(kind: bytes) -> None:
    assert of("grüße".encode(), kind) == ["grüße"]


@given(st.dictionaries(NAMES, TEXTS, max_size=5))
def test_edits_change_what_they_name_and_nothing_else(fields: dict[str, str]) -> None:
    found = read(Body((json.dumps(fields).encode(),)), b"application/json")
    edits = [(place, (Edit(0, len(text.text), "X"),)) for place, text in enumerate(found.items) if text.text]
    after = json.loads(found.edited(edits).whole())
    touched = {text.steps[-1] for text in found.items if text.text}
    assert {name: "X" if name in touched else said for name, said in fields.items()} == after
