import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.identity import ANONYMOUS, Keys
from antiphon.control.settings import KeySettings
from antiphon.core.principal import Principal
from antiphon.core.secret import Secret

TEXTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=12)


def key(text: str, name: str = "k", **fields: object) -> KeySettings:
    return KeySettings(name=name, key=Secret(text), **fields)


@given(st.lists(TEXTS, min_size=1, max_size=4, unique=True), TEXTS)
def test_a_key_is_known_by_its_whole_text(texts: list[str], other: str) -> None:
    keys = Keys([key(text, f"k{number}") for number, text in enumerate(texts)])

    for number, text in enumerate(texts):
        found = keys.principal(text.encode())
        assert found is not None
        assert found.key == f"k{number}"
        for wrong in (text[:-1], text + "x", text.swapcase(), f" {text}", ""):
            assert wrong in texts or keys.principal(wrong.encode()) is None
    assert (keys.principal(other.encode()) is not None) == (other in texts)


def test_a_principal_is_what_its_key_says() -> None:
    one = key(
        "sk-12345678",
        "ci",
        tenant="acme",
        team="infra",
        user="bot",
        tags=["a"],
        models=["fast*"],
        admin=True,
        priority="low",
    )

    assert Keys([one]).principal(b"sk-12345678") == Principal(
        tenant="acme", key="ci", team="infra", user="bot", tags=("a",), models=("fast*",), admin=True, priority="low"
    )


def test_a_keys_requests_wait_in_the_middle_lane_unless_told() -> None:
    found = Keys([key("sk-12345678")]).principal(b"sk-12345678")

    assert found is not None
    assert found.priority == "normal" == ANONYMOUS.priority


@pytest.mark.parametrize("credential", [None, b"", b"anything"])
def test_where_no_key_is_set_everyone_is_anonymous(credential: bytes | None) -> None:
    assert Keys([]).principal(credential) is ANONYMOUS


@pytest.mark.parametrize("credential", [None, b"", b"anonymous", b"\xff\xfe"])
def test_where_a_key_is_set_nobody_is_anonymous(credential: bytes | None) -> None:
    assert Keys([key("sk-12345678")]).principal(credential) is None


def test_of_a_key_only_its_digest_is_kept() -> None:
    keys = Keys([key("sk-12345678")])

    kept = repr(vars(keys))

    assert "sk-12345678" not in kept
    assert [len(digest) for digest in keys._principals] == [32]
