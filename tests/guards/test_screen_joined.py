"""Guards that look at all texts at once find in each what they find in it alone, and never across two."""

import pytest
from guarded import ASKED
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.guards.make import make
from antiphon.guards.port import Guard, Text
from antiphon.guards.screen_find import JOINS, Lookup
from antiphon.guards.settings import GuardSettings
from antiphon.guards.settings_pii import PiiSettings
from antiphon.guards.settings_secrets import SecretsSettings

GUARDS = make({"pii": GuardSettings(pii=PiiSettings()), "secrets": GuardSettings(secrets=SecretsSettings())})
BITS = st.sampled_from(
    [
        *(
            "ann.smith@mail.org",
            "ann.smith",
            "@mail.org",
            "4111 1111 1111 1111",
            "4111 1111",
            "1111 1111",
            "DE89370400440532013000",
        ),
        *("+49 30 901820", "+49 30", "212-555-0142", "192.168.7.41", "AKIAIOSFODNN7EXAMPLE", "ghp_", "x" * 36),
        *(
            "ghp_016C7j3kLmN4pQrStUvWxYz0123456789AbC",
            "api_key",
            " = ",
            '"',
            "-----BEGIN RSA PRIVATE KEY-----",
            "\n",
            " ",
        ),
        *("SSN ", "078-05-1120", "password: ", "hunter2hunter2", "call ", "IBAN ", "the card is ", ". ", "ok"),
    ]
)
TEXTS = st.lists(st.lists(BITS, max_size=5).map("".join), min_size=2, max_size=6)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda one: one.kind)
@given(said=TEXTS)
@settings(max_examples=150, deadline=None)
def test_what_is_found_in_a_text_alone_is_found_among_others(guard: Guard, said: list[str]) -> None:
    assert guard.kind in JOINS
    texts = [Text(f"t[{at}]", "user", text) for at, text in enumerate(said)]

    together = Lookup(texts, ASKED, "request").finds(guard)
    alone = [(at, match) for at, one in enumerate(texts) for match in guard.detector.find(one.text)]

    missed = [
        (at, match)
        for at, match in alone
        if not any(at == other and one.start <= match.start and match.end <= one.end for other, one in together)
    ]
    assert not missed
    assert all(0 <= match.start < match.end <= len(said[at]) for at, match in together)
