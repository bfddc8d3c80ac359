"""The page on calls says what the code does."""

from typing import get_args

import pytest
from pages.page import ROOT, Page
from pages.source import module, texts

from antiphon.calls import deadline
from antiphon.calls.answer import MOST_HELD_BYTES
from antiphon.calls.following import REPEATS
from antiphon.calls.retry import TABLE, Failure, Meaning, Place
from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_balance import Strategy
from antiphon.gateway.stream import MOST_KEPT_BYTES

PAGE = Page(ROOT / "docs" / "explanation" / "calls.md")
HOW_TO = Page(ROOT / "docs" / "how-to" / "survive-bad-upstreams.md")
ROWS = {row[0].strip("`"): row[2:] for row in PAGE.rows("Failures")}
BREAKER = {"bad": "a failure", "good": "an answer", "unknown": "nothing"}


def said(meaning: Meaning) -> list[str]:
    """A row of the table as the page writes it."""
    return [
        ", ".join(f"`{place}`" for place in meaning.next) or "nowhere",
        "yes" if meaning.waits else "no",
        "nothing" if meaning.mark == "nothing" else f"`{meaning.mark}`",
        BREAKER[meaning.health],
        "yes" if meaning.budgeted else "no",
    ]


def test_every_failure_has_its_row_in_the_table_s_order() -> None:
    assert list(ROWS) == list(TABLE) == list(get_args(Failure))


@pytest.mark.parametrize("failure", TABLE)
def test_a_row_says_what_the_table_does(failure: Failure) -> None:
    assert ROWS[failure] == said(TABLE[failure])


def test_every_place_has_its_row() -> None:
    assert [row[0].strip("`") for row in PAGE.rows("One owner of retries")] == list(get_args(Place))


def test_every_header_that_bounds_a_request_has_its_row() -> None:
    headers = (deadline.OURS, deadline.GEMINI, deadline.NODE, deadline.PYTHON)
    assert [row[0].strip("`") for row in PAGE.rows("Deadlines")] == [header.decode() for header in headers]


def test_every_strategy_has_its_row() -> None:
    assert [row[0].strip("`") for row in HOW_TO.rows("Balancing")] == list(get_args(Strategy))


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    assert f"{RouteSettings().attempts} unless" in PAGE.text
    assert REPEATS == 2
    assert "one deployment gets two attempts at most" in PAGE.text
    assert f"{MOST_HELD_BYTES // 1024} KiB" in PAGE.text
    assert f"{MOST_KEPT_BYTES // 1024**2} MiB" in PAGE.text


def test_the_drawing_of_the_breaker_is_that_of_its_module() -> None:
    [drawn] = [text for text in texts(module("calls/breaker.py")) if "half_open" in text and "──>" in text]
    lines = [line for line in drawn.splitlines() if "─" in line or "│" in line]
    assert [line for line in lines if line not in PAGE.text] == []
