from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.routing.split import Draw, branch


def shares(percents: list[float], count: int = 20_000) -> list[float]:
    found = Counter(branch(percents, Draw(seed=seed).percent("request", "route/split")) for seed in range(count))
    return [found[at] / count * 100 for at in range(len(percents))]


def test_parts_get_their_percentage() -> None:
    assert shares([5.0, 20.0]) == pytest.approx(
        [5.0, 20.0], abs=1.0
    )  # four standard deviations of 20,000 draws at 20 %


def test_whole_traffic_is_somebodys() -> None:
    assert sum(shares([50.0, 50.0], 1_000)) == 100


def test_a_request_falls_in_the_part_that_its_number_is_in() -> None:
    assert [branch([5.0, 10.0], drawn) for drawn in (0.0, 4.999, 5.0, 14.999, 15.0, 99.9)] == [0, 0, 1, 1, None, None]


@given(st.integers(), st.text(), st.text())
def test_a_draw_is_the_same_again_and_below_a_hundred(seed: int, session: str, user: str) -> None:
    draw = Draw(seed=seed, session=session, user=user)

    for by in ("request", "session", "user"):
        found = draw.percent(by, "salt")
        assert found == draw.percent(by, "salt")
        assert 0 <= found < 100


@given(st.integers(), st.integers(), st.text(min_size=1))
def test_a_session_is_drawn_once_whatever_the_seed(one: int, other: int, session: str) -> None:
    assert Draw(seed=one, session=session).percent("session", "s") == Draw(seed=other, session=session).percent(
        "session", "s"
    )
    assert Draw(seed=one, user=session).percent("user", "s") == Draw(seed=other, user=session).percent("user", "s")


def test_a_request_without_a_session_is_drawn_by_itself() -> None:
    found = {Draw(seed=seed).percent("session", "s") for seed in range(100)}

    assert len(found) == 100


def test_draws_for_different_ends_have_nothing_to_do_with_each_other() -> None:
    pairs = [
        (Draw(seed=seed).percent("request", "a") < 50, Draw(seed=seed).percent("request", "b") < 50)
        for seed in range(4_000)
    ]

    assert sum(one == other for one, other in pairs) / 4_000 == pytest.approx(0.5, abs=0.04)


def test_whoever_is_in_the_first_part_stays_in_it_when_it_grows() -> None:
    drawn = [Draw(seed=seed).percent("request", "s") for seed in range(1_000)]
    small, large = ({at for at, one in enumerate(drawn) if branch([percent], one) == 0} for percent in (5.0, 10.0))

    assert small < large
