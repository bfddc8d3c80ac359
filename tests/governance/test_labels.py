"""What a request says of its own class and purpose."""

import pytest

from antiphon.core.body import Body
from antiphon.core.data_class import highest
from antiphon.core.error import BadRequest
from antiphon.governance.labels import in_body, in_metadata, in_texts, labelled, purpose
from antiphon.guards.texts import body_texts


@pytest.mark.parametrize("said", [b"confidential", b"Confidential", b" CONFIDENTIAL "])
def test_a_header_gives_a_class_in_any_case(said: bytes) -> None:
    assert labelled({b"x-antiphon-data-class": said}) == "confidential"


@pytest.mark.parametrize("said", [b"secret", b"", b"\xff"])
def test_a_word_for_no_class_is_refused_by_name(said: bytes) -> None:
    with pytest.raises(BadRequest, match="public, internal, confidential, restricted") as caught:
        labelled({b"x-antiphon-data-class": said})
    assert caught.value.param == "x-antiphon-data-class"


def test_without_a_header_nothing_is_said() -> None:
    assert labelled({}) is None
    assert purpose({}) == ""


def test_metadata_give_a_class_too() -> None:
    assert in_metadata("restricted") == "restricted"
    assert in_metadata(None) is None
    with pytest.raises(BadRequest, match=r"metadata\.data_class"):
        in_metadata("none")


@pytest.mark.parametrize("value", [3, True, ["confidential"], {"a": "confidential"}, ""])
def test_metadata_that_give_no_word_are_refused(value: object) -> None:
    with pytest.raises(BadRequest, match=r"metadata\.data_class"):
        in_metadata(value)


@pytest.mark.parametrize("key", ["data_class", "d\\u0061ta_class", "data\\u005Fclass", "\\u0064\\u0061ta_class"])
@pytest.mark.parametrize("outer", ["metadata", "m\\u0065tadata"])
def test_no_escape_hides_a_class(key: str, outer: str) -> None:
    text = f'{{"{outer}": {{"{key}": "restricted"}}, "x": 1}}'.encode()
    assert in_body(Body((text[:9], text[9:]))) == "restricted"
    assert in_texts(body_texts(text).items) == "restricted"


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b'{"metadata": null, "x": "data_class"}',
        b'{"data_class": "restricted"}',
        b'{"metadata": {"x": {"data_class": "restricted"}}}',
        b'{"tools": [{"properties": {"data_class": {}}}]}',
        b'{"metadata": ["data_class"], "a": "\\u0065"}',
        b'no JSON, and yet the word "data_class"',
    ],
)
def test_no_other_place_gives_one(text: bytes) -> None:
    assert in_body(Body((text,))) is None


def test_a_class_that_is_said_twice_is_refused() -> None:
    with pytest.raises(BadRequest, match="data_class"):
        in_body(Body((b'{"metadata": {"data_class": "public", "data_class": "restricted"}}',)))


def test_each_line_of_a_batch_gives_its_own() -> None:
    text = b'{"body": {"metadata": {"data_class": "internal"}}, "custom_id": "1"}'
    assert (
        in_texts([*body_texts(text).items, *body_texts(text.replace(b"internal", b"confidential")).items])
        == "confidential"
    )
    assert in_texts(body_texts(b'{"body": {"messages": []}}').items) is None


def test_a_purpose_is_a_short_word() -> None:
    assert purpose({b"x-antiphon-purpose": b" Billing "}) == "billing"
    for wrong in (b"x" * 65, "für".encode()):
        with pytest.raises(BadRequest, match="x-antiphon-purpose"):
            purpose({b"x-antiphon-purpose": wrong})


def test_the_highest_class_counts() -> None:
    assert highest() == "public"
    assert highest("internal", None, "restricted", "public") == "restricted"
