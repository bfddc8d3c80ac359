import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.instants import duration_ns, instant, said

NS = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("2026-12-31T00:00:00Z", 1_798_675_200),
        ("1969-12-31T23:59:59Z", -1),
    ],
)
def test_a_point_in_time_is_read(text: str, at_s: float) -> None:
    assert instant(text) == int(at_s * NS)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-12-31T00:00:00", "2026-13-01T00:00:00Z", "1e9", "2026-12-31"])
def test_what_is_no_point_in_time_is_none(text: str) -> None:
    assert instant(text) is None


@given(st.integers(0, 4_000_000_000))
def test_what_is_said_is_read_as_it_was(at_s: int) -> None:
    assert instant(said(at_s * NS)) == at_s * NS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("3650d", 315_360_000)],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert duration_ns(text) == seconds * NS


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1.5h", "1 d", "3651d", "1w", "9999999999s", "٣h"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert duration_ns(text) is None
