import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.quota import (
    ANTHROPIC_TOKENS,
    MAX_RESET_S,
    OPENAI_REQUESTS,
    OPENAI_TOKENS,
    UNSAID_RESET_S,
    Names,
    Quota,
    learn,
)

WALL_S = 1_736_951_040.0
"""2025-01-15T14:24:00Z"""


def told(names: Names, remaining: bytes, limit: bytes = b"", reset: bytes = b"", last: Quota | None = None):
    headers = {names.remaining: remaining, names.limit: limit, names.reset: reset}
    return learn({name: value for name, value in headers.items() if value}, names, last, 7, 100.0, WALL_S)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (b"1s", 1),
        (b"6m0s", 360),
        (b"20ms", 0.02),
        (b"7.66s", 7.66),
        (b"1m26.4s", 86.4),
        (b"1h2m3s", 3723),
        (b"23h59m59s", 86399),
        (b"99h0m0s", MAX_RESET_S),
        (b"550us", 0),
        (b"10", 10),
        (b"-3", 0),
        (b"2025-01-15T14:24:30Z", 30),
        (b"2025-01-15T15:25:00+01:00", 60),
        (b"2025-01-15T14:00:00Z", 0),
    ],
)
def test_a_reset_is_read_in_each_form_that_providers_use(reset: bytes, seconds: float) -> None:
    quota = told(OPENAI_TOKENS, b"1", b"2", reset)

    assert quota is not None
    assert quota.resets_s - 100 == pytest.approx(seconds)


@pytest.mark.parametrize("reset", [b"", b"soon", b"1x", b"nan", b"1e999", b"s", b"2025-01-15T14:24:30", b"T", b"1s2h"])
def test_a_reset_that_cannot_be_read_is_a_minute(reset: bytes) -> None:
    quota = told(OPENAI_REQUESTS, b"59", b"60", reset)

    assert quota == Quota(limit=60, remaining=59, learnt_s=100, resets_s=100 + UNSAID_RESET_S, sent=7)


@pytest.mark.parametrize("remaining", [b"", b"-1", b"many", b"1.5", b"9" * 16, b"1_0", b" 1"])
def test_what_remains_is_a_count_or_nothing_is_learnt(remaining: bytes) -> None:
    last = told(OPENAI_REQUESTS, b"59", b"60", b"1s")

    assert told(OPENAI_REQUESTS, remaining, b"60", b"1s", last) is last
    assert told(OPENAI_REQUESTS, remaining, b"60", b"1s") is None


def test_without_a_limit_the_most_that_was_left_stands_for_it() -> None:
    first = told(OPENAI_REQUESTS, b"19")
    second = told(OPENAI_REQUESTS, b"5", last=first)

    assert first is not None
    assert second is not None
    assert (first.limit, second.limit, second.remaining) == (19, 19, 5)
    assert told(OPENAI_REQUESTS, b"0") is None


def test_the_least_is_filled_up_until_the_reset() -> None:
    quota = told(ANTHROPIC_TOKENS, b"0", b"1000", b"2025-01-15T14:25:00Z")

    assert quota is not None
    assert [quota.fraction(0, at_s) for at_s in (100, 130, 160, 999)] == pytest.approx([0, 0.5, 1, 1])
    assert quota.fraction(250, 130) == pytest.approx(0.25)
    assert quota.fraction(10**9, 130) == 0


@given(
    st.dictionaries(
        st.sampled_from([OPENAI_REQUESTS.remaining, OPENAI_REQUESTS.limit, OPENAI_REQUESTS.reset]),
        st.binary(max_size=80),
    )
)
def test_no_header_breaks_it(headers: dict[bytes, bytes]) -> None:
    quota = learn(headers, OPENAI_REQUESTS, None, 0, 0.0, WALL_S)

    assert quota is None or 0 <= quota.fraction(0, 30.0) <= 1


@given(st.text("0123456789.hmsTZ:-+e", max_size=70))
def test_nothing_that_looks_like_a_time_breaks_it(reset: str) -> None:
    quota = told(OPENAI_REQUESTS, b"1", b"2", reset.encode())

    assert quota is not None
    assert 100 <= quota.resets_s <= 100 + MAX_RESET_S
