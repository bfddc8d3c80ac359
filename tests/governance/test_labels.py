"""What a request says of its own class and purpose."""

import pytest

from antiphon.core.data_class import highest
from antiphon.core.error import BadRequest
from antiphon.governance.labels import in_metadata, labelled, purpose


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


def test_a_purpose_is_a_short_word() -> None:
    assert purpose({b"x-antiphon-purpose": b" Billing "}) == "billing"
    for wrong in (b"x" * 65, "für".encode()):
        with pytest.raises(BadRequest, match="x-antiphon-purpose"):
            purpose({b"x-antiphon-purpose": wrong})


def test_the_highest_class_counts() -> None:
    assert highest() == "public"
    assert highest("internal", None, "restricted", "public") == "restricted"
