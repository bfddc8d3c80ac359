"""What becomes of one feature between one caller and one upstream."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from msgspec import Struct

from antiphon.core.error import AntiphonError, BadRequest
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect
from antiphon.providers.target import Target
from matrix import trip
from matrix.feature import Feature, Sought, Word
from matrix.match import Told

BASES: dict[Dialect, dict[str, Any]] = {
    "openai_chat": {"messages": [{"role": "user", "content": "Hello there"}]},
    "openai_responses": {"input": "Hello there", "store": False},
    "anthropic_messages": {"max_tokens": 4000, "messages": [{"role": "user", "content": "Hello there"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]},
    "openai_completions": {"prompt": "Hello there"},
    "openai_embeddings": {"input": ["Hello there"]},
    "gemini_embeddings": {"requests": [{"model": "models/public", "content": {"parts": [{"text": "Hello there"}]}}]},
    "cohere_embeddings": {"texts": ["Hello there"], "input_type": "search_document"},
}
"""The plainest request of each dialect. What a row loses, it loses beside this."""


class Cell(Struct, frozen=True, kw_only=True):
    """A verdict, and what was told of it."""

    word: Word
    why: tuple[str, ...] = ()
    wrong: str = ""
    """The codecs have a defect here, or the table doesn't look closely enough."""


NOTHING = Cell(word="-")


@cache
def reached(upstream: Dialect) -> Target:
    return trip.at_upstream(upstream)


@cache
def usual(client: Dialect, upstream: Dialect, stream: bool) -> frozenset[str]:
    """Fields that the plainest request loses by itself, in the request and in the answer."""
    sent = trip.send(client, reached(upstream), BASES[client], stream=stream)
    came = trip.deliver(sent, trip.lab_answer(sent), stream=stream)
    return frozenset(loss.field for loss in (*sent.losses, *came.losses))


def judge(feature: Feature, client: Dialect, upstream: Dialect, *, stream: bool) -> Cell:
    """Ask, and look at what arrived."""
    if client not in feature.asks or (feature.told and feature.fails is None and upstream not in feature.answers):
        return NOTHING
    answer = feature.answers.get(upstream)
    if stream and answer is not None and not answer.events:
        return NOTHING
    body = {**BASES[client], **feature.asks[client], **(feature.asks_streamed.get(client, {}) if stream else {})}
    try:
        sent = trip.send(client, reached(upstream), body, stream=stream)
    except BadRequest as error:
        return _refused(error)
    if feature.fails is not None:
        return _cell(_seen(feature.shows[client], trip.fail(sent, feature.fails).value, ()), ())
    try:
        said = trip.canned(upstream, answer, stream=stream) if answer else trip.lab_answer(sent)
    except AntiphonError as error:
        return Cell(word="lost", wrong=f"the upstream refuses it: {error.message}")
    try:
        came = trip.deliver(sent, said, stream=stream)
    except AntiphonError as error:
        return Cell(word="lost", wrong=f"the answer can't be read: {error.message}")
    known = usual(client, upstream, stream)
    told = (*sent.losses, *came.losses)
    losses = tuple(loss for loss in told if loss.field not in known)
    shown = feature.streams if stream else feature.shows
    seen = [] if feature.told else [_seen(feature.arrives.get(upstream, ()), sent.body, losses)]
    if shown:
        seen.append(_seen(shown.get(client, ()), came.value, losses))
    arrived = all(seen) and bool(seen)
    return _cell(arrived, losses if arrived or losses else told)


def _refused(error: BadRequest) -> Cell:
    wrong = "" if error.param else f"the refusal names no field: {error.message}"
    return Cell(word="refused", why=(f"`{error.param}`: {error.message}",), wrong=wrong)


def _seen(sought: Sought, body: Any, losses: Iterable[Loss]) -> bool:
    wanted = sought if isinstance(sought, tuple) else (sought,)
    return any(_told(one, losses) if isinstance(one, Told) else one.found(body) for one in wanted)


def _told(told: Told, losses: Iterable[Loss]) -> bool:
    return any(loss.adapted and told.effect in f"{loss.why}; {loss.effect}" for loss in losses)


def _cell(arrived: bool, losses: tuple[Loss, ...]) -> Cell:
    why = tuple(f"`{loss.field}`: {loss.why}; {loss.effect}" for loss in losses)
    if arrived:
        return Cell(word="adapted" if losses else "exact", why=why)
    if not losses:
        return Cell(word="lost", wrong="nothing arrived, and no loss was told")
    wrong = "told as adapted, but nothing of it was found" if all(loss.adapted for loss in losses) else ""
    return Cell(word="lost", why=why, wrong=wrong)
