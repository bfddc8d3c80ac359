import pytest
from gained import member, model
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.routing.gain import Belief, Calibration, Gain, begin, observe
from antiphon.routing.gain_ahead import Ahead, _Look, _State
from antiphon.routing.gain_course import Course
from antiphon.routing.gain_text import BUCKETS, MARKS, buckets

MEMBERS = (
    member("cheap", 0.95, 0.4, cost_nano_usd=1_000),
    member("other", 0.9, 0.45, cost_nano_usd=2_000),
    member("strong", 0.98, 0.8, cost_nano_usd=50_000),
)
MODEL = model(*MEMBERS)
COSTS = {one.seat: one.cost_nano_usd for one in MEMBERS}
SEATS = tuple(COSTS)
heard = st.lists(st.tuples(st.sampled_from(range(3)), st.sampled_from(("a", "b", "c", None))), max_size=5)


def after(*said: tuple[int, str | None]) -> Belief:
    """What is believed after these answers."""
    belief, keys = begin(MODEL, ""), list[str]()
    for place, key in said:
        if key is not None and key not in keys:
            keys.append(key)
        belief = observe(MODEL, belief, MEMBERS[place], None if key is None else keys.index(key), None)
    return belief


def test_before_any_answer_none_is_right() -> None:
    assert begin(MODEL, "anything").best() == (-1, 0.0)


def test_an_answer_is_believed_as_its_seat_deserves() -> None:
    right = (0.95 + 0.4) / 2

    assert after((0, "a")).best()[1] == pytest.approx(
        right / (right + (1 - right) * 0.9)
    )  # 1 wrong one in 10 is silent


def test_agreement_makes_sure_and_disagreement_unsure() -> None:
    alone, agreed, apart = after((0, "a")), after((0, "a"), (1, "a")), after((0, "a"), (1, "b"))

    assert agreed.best()[1] > alone.best()[1] > apart.best()[1]


def test_of_two_that_contradict_each_other_the_stronger_is_believed() -> None:
    assert after((0, "a"), (2, "b")).best()[0] == 1


def test_two_that_agree_are_believed_over_one() -> None:
    table, chance = after((0, "a"), (1, "b"), (1, "b")).best()

    assert table == 1
    assert chance > 0.5


def test_an_answer_that_can_not_be_compared_says_that_the_request_is_hard() -> None:
    """A right answer can always be compared, so this seat was wrong: others are believed less."""
    assert after((0, None), (1, "a")).best()[1] < after((1, "a")).best()[1]


@given(heard)
def test_chances_add_up_to_one_whatever_was_answered(said: list[tuple[int, str | None]]) -> None:
    belief = after(*said)

    assert sum(belief.chances()) == pytest.approx(1.0)
    assert sum(belief.tables) == sum(key is not None for _, key in said)


@given(heard, st.sampled_from(range(3)))
@settings(max_examples=60)
def test_what_may_come_of_a_call_adds_up_to_what_is_believed(said: list[tuple[int, str | None]], place: int) -> None:
    """Looking ahead neither makes nor loses chance: over all outcomes each class and answer keeps its mass."""
    belief = after(*said)
    state = _State(MODEL, belief.masses, belief.tables)

    came = _Look(MODEL, MEMBERS[place], COSTS[SEATS[place]]).outcomes(state)

    total = sum(sum(map(sum, masses)) for masses, _ in came)
    assert total == pytest.approx(1.0)
    assert {len(masses) - len(tables) for masses, tables in came} == {1}


@given(heard, st.sampled_from(range(3)))
@settings(max_examples=60)
def test_the_expected_gain_is_the_mean_over_what_may_come_of_it(said: list[tuple[int, str | None]], place: int) -> None:
    belief = after(*said)
    state = _State(MODEL, belief.masses, belief.tables)
    look = _Look(MODEL, MEMBERS[place], COSTS[SEATS[place]])

    best = [max((sum(row) for row in masses[:-1]), default=0.0) for masses, _ in look.outcomes(state)]

    assert look.gain(state) == pytest.approx(sum(best) - state.best)
    assert look.gain(state) >= -1e-12


def test_a_call_that_costs_more_than_a_right_answer_is_worth_is_not_made() -> None:
    ahead = Ahead(MODEL, COSTS)

    assert ahead.next(after((0, "a")), SEATS[1:], 100.0) is None


def test_more_worth_asks_for_more() -> None:
    """Three alike that contradict each other: where it matters, a second is asked and a third breaks the tie."""
    alike = model(*(member(seat, 0.9, 0.5, cost_nano_usd=1_000) for seat in SEATS))

    def calls(worth: float) -> int:
        course, made = Course(alike, "", SEATS, {}), 0
        while found := course.next(worth, 3):
            course.asked(found[0].seat)
            course.heard(found[0].seat, f"answer {made}", None)
            made += 1
        return made

    assert [calls(worth) for worth in (1_000, 1e9)] == [1, 3]


def test_without_a_call_that_is_worth_it_the_cheapest_is_asked_once() -> None:
    course = Course(MODEL, "", SEATS, {})

    assert [one.seat for one in course.next(1.0, 3)] == ["cheap"]


def test_what_is_known_of_this_request_s_cost_counts_instead_of_the_model_s() -> None:
    cheap_now = Course(MODEL, "", SEATS, {"strong": 500})

    assert cheap_now.next(1e5, 3)[0].seat == "strong"


def test_with_no_price_at_all_calls_count() -> None:
    free = model(*(member(one.seat, *one.right, cost_nano_usd=0) for one in MEMBERS))

    assert Course(free, "", SEATS, {}, call_nano_usd=10**9).next(1e6, 3)[0].gain == 0.0
    assert Course(free, "", SEATS, {}, call_nano_usd=10).next(1e6, 3)[0].gain > 0.0


def test_no_more_calls_than_are_allowed_are_proposed() -> None:
    assert len(Course(MODEL, "", SEATS, {}).next(1e9, 2)) == 2


def test_the_best_seat_that_gave_the_chosen_answer_speaks() -> None:
    course = Course(MODEL, "", SEATS, {})
    for seat in ("cheap", "strong"):
        course.asked(seat)
        course.heard(seat, "same", None)

    chosen = course.chosen()

    assert chosen is not None
    assert (chosen.seat, chosen.agreed) == ("strong", 2)


def test_nobody_heard_nothing_chosen() -> None:
    assert Course(MODEL, "", SEATS, {}).chosen() is None


@pytest.mark.parametrize(("said", "right"), [(0.0, 0.1), (0.25, 0.2), (0.5, 0.3), (0.75, 0.6), (1.0, 0.9)])
def test_a_calibration_is_read_between_its_points(said: float, right: float) -> None:
    line = Calibration(said=(0.0, 0.5, 1.0), right=(0.1, 0.3, 0.9))

    assert line.of(said) == pytest.approx(right)


def test_a_text_s_words_tell_its_class() -> None:
    at = buckets("theorem")[0]
    words = tuple((0.0, 3.0) if place == at else (0.0, 0.0) for place in range(BUCKETS))
    knows = Gain(
        members=MEMBERS,
        bias=(0.0, 0.0),
        words=words,
        form_marks=((0.0, 0.0),) * len(MARKS),
        apart=(2.0, 2.0),
        length_weight=0.0,
    )

    assert knows.classes("Theorem")[1] > 0.9
    assert knows.classes("lemma") == (0.5, 0.5)
