"""A request that says too much is refused by name, or goes on without its oldest turns."""

from typing import Any

import pytest
from msgspec.structs import replace
from operations import asked

from antiphon.calls.context import fitted
from antiphon.calls.settings_context import ContextSettings
from antiphon.core.error import BadRequest
from antiphon.core.request import Lineage, Request
from antiphon.wire.codecs import CODECS

TURNS: list[dict[str, Any]] = [
    {"role": "user", "content": "word " * 400},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "And now?"},
]


def request(turns: list[dict[str, Any]], step: str = "") -> Request:
    made = asked(CODECS["openai_chat"], {"model": "m", "messages": turns}, model="m")
    return replace(made, lineage=Lineage(step=step))


def test_no_cap_changes_nothing() -> None:
    made = request(TURNS)
    assert fitted(made, ContextSettings()) == (made, ())


def test_a_short_request_stays_as_it_is() -> None:
    made = request(TURNS[2:])
    assert fitted(made, ContextSettings(most_tokens=100)) == (made, ())


def test_a_long_one_is_refused_with_its_length_and_the_cap() -> None:
    with pytest.raises(BadRequest, match=r"about \d+ tokens long, and this model takes 100;") as caught:
        fitted(request(TURNS), ContextSettings(most_tokens=100))
    assert caught.value.said_code == "context_cap_exceeded"


def test_or_compacted_and_the_loss_is_told() -> None:
    less, (loss,) = fitted(request(TURNS), ContextSettings(most_tokens=100, over="compact"))
    assert loss.field == "messages[0..1]"
    assert less.body.size_bytes < 200


def test_what_cant_be_compacted_is_refused() -> None:
    with pytest.raises(BadRequest, match="leave older messages out"):
        fitted(request(TURNS[:1]), ContextSettings(most_tokens=100, over="compact"))


def test_a_step_has_its_own_cap() -> None:
    settings = ContextSettings(most_tokens=100_000, steps={"summarise": 50})
    assert fitted(request(TURNS, "answer"), settings)[1] == ()
    with pytest.raises(BadRequest, match="for the step 'summarise'"):
        fitted(request(TURNS, "summarise"), settings)
