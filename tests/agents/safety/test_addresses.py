"""Addresses within text, and values as a whole within text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.agents.safety.addresses import addresses, bare, occurs, plain


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Write to a.b@example.org.", "a.b@example.org"),
        ("see https://evil.example/x?d=1, please", "https://evil.example/x?d=1"),
        ("visit www.shop.co.uk!", "www.shop.co.uk"),
        ("our page is shop.io/now", "shop.io/now"),
        ("pay GB29 NWBK 6016 1331 9268 19 today", "GB29 NWBK 6016 1331 9268 19"),
        ("pay GB29NWBK60161331926819", "GB29NWBK60161331926819"),
        ("account 123456789012", "123456789012"),
        ("call +44 20 7946 0958", "+44 20 7946 0958"),
        ("host 10.0.0.7:8080/admin", "10.0.0.7:8080/admin"),
        ("ev\u200bil.com is hidden", "evil.com"),
    ],
)
def test_addresses_are_found(text: str, found: str) -> None:
    assert found in addresses(text)


@pytest.mark.parametrize(
    "text", ["Read notes.txt and main.py.", "On 2024-05-15 at 10:30, 12.50 EUR", "e.g. this, i.e. that", "Bob and Anna"]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert addresses(text) == ()


@pytest.mark.parametrize(
    ("value", "text", "there"),
    [
        ("evil.co", "go to evil.com", False),
        ("bank.com", "go to my-bank.com", False),
        ("a.com", "go to a.com.evil.net", False),
        ("a.com", "write x@a.com", False),
        ("a.com", "go to https://a.com/page.", True),
        ("a.com/page?d=secret", "go to a.com/page", False),
        ("12", "pay 1200", False),
        ("12", "pay 12.50", False),
        ("bob", "ask bob: now", True),
        ("bob", "ask bobby", False),
        ("rep_7", "take rep_77", False),
    ],
)
def test_a_value_occurs_as_a_whole_or_not_at_all(value: str, text: str, there: bool) -> None:
    assert occurs(bare(value), plain(text)) is there


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_a_value_set_apart_by_spaces_always_occurs(before: str, value: str, after: str) -> None:
    assert occurs(plain(value), plain(f"{before} {value} {after}"))
