from hashlib import sha256

import pytest
from fakes.clock import StoppedClock
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.identity import ANONYMOUS, Keys
from antiphon.control.keys import Known
from antiphon.control.settings import KeySettings
from antiphon.core.error import NotAuthenticated
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
    assert [len(digest) for digest in keys._known] == [32]


# --- keys that end


NS = 1_000_000_000


def owned(text: str, name: str = "api", **more: object) -> dict[bytes, Known]:
    digest = sha256(text.encode()).digest()
    return {digest: Known(digest=digest, principal=Principal(tenant="acme", key=name), **more)}


def test_a_key_of_the_configuration_expires_when_it_says_so() -> None:
    clock = StoppedClock()
    keys = Keys([key("sk-12345678", expires="1970-01-01T00:00:10Z")], now_ns=clock.now_ns)

    clock.at_ns = 10 * NS - 1
    assert keys.principal(b"sk-12345678") is not None
    clock.at_ns = 10 * NS
    assert keys.principal(b"sk-12345678") is None
    assert keys.refusal(b"sk-12345678").said_code == "key_expired"


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ({"until_ns": 0, "revoked": True}, "key_revoked", "was revoked"),
        ({"until_ns": NS}, "key_expired", "expired at 1970-01-01T00:00:01Z"),
        ({"until_ns": NS, "replaced": True}, "key_expired", "was replaced"),
    ],
    ids=["revoked", "expired", "replaced"],
)
def test_a_key_that_has_ended_is_told_why_and_by_name(more: dict[str, object], code: str, word: str) -> None:
    keys = Keys([], owned("ak-text-0001", **more))

    error = keys.refusal(b"ak-text-0001")

    assert keys.principal(b"ak-text-0001") is None
    assert (error.said_code, error.said_status) == (code, 401)
    assert word in error.message
    assert "api" in error.message
    assert "ak-text" not in error.message


def test_while_any_key_is_known_nobody_is_anonymous_a_revoked_one_too() -> None:
    keys = Keys([], owned("ak-text-0001", until_ns=0, revoked=True))
    assert keys.principal(None) is None
    keys.take({})
    assert keys.principal(None) is ANONYMOUS


def test_where_keys_are_managed_nobody_is_anonymous_even_without_any() -> None:
    keys = Keys([], managed=True)
    assert keys.principal(None) is None
    assert keys.refusal(None).said_code == "invalid_api_key"


def test_the_configuration_s_key_goes_before_one_of_the_api_with_the_same_text() -> None:
    keys = Keys([key("sk-12345678", "file")], owned("sk-12345678", "api"))
    found = keys.principal(b"sk-12345678")
    assert found is not None
    assert found.key == "file"


# --- how a caller stands later


ADA = Principal(tenant="acme", key="api")


def test_a_caller_stands_as_its_key_says_at_present() -> None:
    keys = Keys([key("sk-12345678", tenant="acme")], owned("sk-old"))
    assert keys.standing(ADA) == ADA

    narrow = Principal(tenant="acme", key="api", models=("fast",))
    keys.take({b"x": Known(digest=b"x", principal=narrow)})

    assert keys.standing(ADA) == narrow


@pytest.mark.parametrize(
    ("present", "code", "word"),
    [
        ({}, "invalid_api_key", "known here no more"),
        (owned("sk-old", until_ns=0, revoked=True), "key_revoked", "was revoked"),
        (owned("sk-old", until_ns=1), "key_expired", "expired"),
        ({b"x": Known(digest=b"x", principal=Principal(tenant="globex", key="api"))}, "key_revoked", "somebody else's"),
        (
            {b"x": Known(digest=b"x", principal=Principal(tenant="acme", key="api", user="eve"))},
            "key_revoked",
            "somebody else's",
        ),
    ],
)
def test_a_caller_that_may_call_no_more_is_told_why(present: dict[bytes, Known], code: str, word: str) -> None:
    keys = Keys([key("sk-12345678")], present, now_ns=StoppedClock(NS).now_ns)
    with pytest.raises(NotAuthenticated, match=word) as caught:
        keys.standing(ADA)
    assert caught.value.said_code == code


def test_a_key_with_a_new_text_stands_while_the_old_one_ends() -> None:
    table = {**owned("sk-old", until_ns=1, replaced=True), **owned("sk-new")}
    assert Keys([], table, now_ns=StoppedClock(NS).now_ns).standing(ADA) == ADA


def test_where_everyone_was_anonymous_nobody_is_once_a_key_is_known() -> None:
    keys = Keys([])
    assert keys.standing(ANONYMOUS) is ANONYMOUS
    keys.take(owned("sk-first"))
    with pytest.raises(NotAuthenticated):
        keys.standing(ANONYMOUS)
