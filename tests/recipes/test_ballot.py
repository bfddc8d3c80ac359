from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import answer_of

from antiphon.recipes.ballot import LEAST_WEIGHT, count, remembered, settled, weight_of
from antiphon.recipes.port import Answer

VOTES = st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4)), min_size=1, max_size=9)
WEIGHTS = (0.5, 1.0, 1.0, 2.0, 3.7)


def votes_of(votes: list[tuple[str, int]]) -> list[Answer]:
    return [answer_of(key, seat=str(seat), step=f"s-{at}") for at, (key, seat) in enumerate(votes)]


def key(text: str) -> str | None:
    return text if text != "z" else None


WEIGHED = {str(seat): weight for seat, weight in enumerate(WEIGHTS)}
ORDER = [f"s-{at}" for at in range(20)]


@given(VOTES, st.randoms(use_true_random=False))
def test_who_came_first_changes_nothing(votes: list[tuple[str, int]], random: object) -> None:
    answers = votes_of(votes)
    mixed = list(answers)
    random.shuffle(mixed)  # pyright: ignore[reportAttributeAccessIssue]

    assert count(mixed, key, WEIGHED, ORDER) == count(answers, key, WEIGHED, ORDER)


@given(VOTES, VOTES)
def test_what_is_settled_no_later_vote_changes(votes: list[tuple[str, int]], later: list[tuple[str, int]]) -> None:
    both = votes_of(votes + later)
    early = count(both[: len(votes)], key, WEIGHED, ORDER)
    left = sum(WEIGHTS[seat] for _, seat in later)

    if settled(early, left):
        assert count(both, key, WEIGHED, ORDER).groups[0].key == early.groups[0].key


@given(VOTES)
def test_all_weight_is_somewhere(votes: list[tuple[str, int]]) -> None:
    ballot = count(votes_of(votes), key, WEIGHED, ORDER)

    assert sum(group.weight for group in ballot.groups) == pytest.approx(
        sum(WEIGHTS[seat] for said, seat in votes if said != "z")
    )
    assert len(ballot.unread) == sum(said == "z" for said, _ in votes)
    assert ballot.share == 0 if not ballot.groups else 0 < ballot.share <= 1


def test_nothing_is_settled_by_no_votes() -> None:
    assert not settled(count([], key, {}, []), 0.0)


@pytest.mark.parametrize(
    ("quality", "options", "weight"),
    [
        (0.9, 2, log(9)),
        (0.5, 2, LEAST_WEIGHT),
        (0.5, 4, log(3)),
        (0.2, 4, LEAST_WEIGHT),
        (1.0, 2, log(99)),
        (0.9, None, log(81)),
    ],
)
def test_a_member_s_weight_is_its_log_odds(quality: float, options: int | None, weight: float) -> None:
    assert weight_of(quality, options) == pytest.approx(weight)


def test_each_text_is_read_once() -> None:
    seen: list[str] = []
    read = remembered(lambda text: seen.append(text) or text)

    assert [read("a"), read("b"), read("a")] == ["a", "b", "a"]
    assert seen == ["a", "b"]
