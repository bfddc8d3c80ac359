from hypothesis import given
from hypothesis import strategies as st

from antiphon.calls.limit import Limit
from antiphon.calls.settings_flow import LimitSettings


def hours(limit: Limit, seconds: int, *, first_token_s: float, full: bool = True, now_s: float = 0.0) -> float:
    """Ten answers a second, each with the limit used up, or nearly nothing of it."""
    for tenth in range(seconds * 10):
        limit.learn("ok", first_token_s, running=limit.value if full else 1, now_s=now_s + tenth / 10)
    return now_s + seconds


def test_a_limit_that_is_used_and_meets_no_sign_of_overload_grows_by_one_an_answer() -> None:
    limit = Limit(LimitSettings(start=10))

    hours(limit, 3, first_token_s=0.2)

    assert limit.value == 40


def test_a_limit_that_is_not_used_stays() -> None:
    limit = Limit(LimitSettings(start=10))

    hours(limit, 3600, first_token_s=0.2, full=False)

    assert limit.value == 10


def test_a_refusal_cuts_the_limit_once_a_window() -> None:
    limit = Limit(LimitSettings(start=100, cut=0.75))

    for _ in range(50):
        limit.learn("overload", None, running=100, now_s=5.0)
    assert limit.value == 75
    limit.learn("overload", None, running=75, now_s=6.0)
    assert limit.value == 56


def test_a_storm_of_refusals_leaves_one_and_an_hour_of_health_mends_it() -> None:
    limit = Limit(LimitSettings(start=100, max=200))

    for second in range(60):
        limit.learn("overload", None, running=limit.value, now_s=float(second))
    assert limit.value == 1
    hours(limit, 3600, first_token_s=0.2, now_s=60)

    assert limit.value == 200


def test_latency_that_grows_lowers_the_limit_before_anything_fails() -> None:
    limit = Limit(LimitSettings(start=50, max=100))
    now_s = hours(limit, 600, first_token_s=0.2)
    assert limit.value == 100

    hours(limit, 30, first_token_s=2.0, now_s=now_s)

    assert limit.value < 30


def test_latency_within_the_tolerance_changes_nothing() -> None:
    limit = Limit(LimitSettings(start=100, max=100, tolerance=2))
    now_s = hours(limit, 600, first_token_s=0.2)

    hours(limit, 60, first_token_s=0.35, now_s=now_s)

    assert limit.value == 100


def test_an_upstream_that_is_well_again_gets_its_limit_back() -> None:
    limit = Limit(LimitSettings(start=50, max=100))
    now_s = hours(limit, 600, first_token_s=0.2)
    now_s = hours(limit, 300, first_token_s=3.0, now_s=now_s)

    hours(limit, 300, first_token_s=0.2, now_s=now_s)

    assert limit.value == 100


def test_a_refusal_that_is_the_callers_to_mend_says_nothing_of_load() -> None:
    limit = Limit(LimitSettings(start=10))

    for second in range(100):
        limit.learn("none", None, running=10, now_s=float(second))

    assert limit.value == 10


def test_a_deployments_own_concurrency_goes_before_the_most() -> None:
    limit = Limit(LimitSettings(start=64), most=8)
    assert limit.value == 8

    hours(limit, 600, first_token_s=0.2)

    assert limit.value == 8


def test_impossible_limits_are_mistakes_with_a_remedy() -> None:
    assert LimitSettings().check() == []
    assert LimitSettings(start=10, min=20).check()[0][0] == "start"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "overload", "none"]),
            st.none() | st.floats(0, 1000),
            st.integers(0, 2000),
            st.floats(0, 5),
        ),
        max_size=200,
    ),
    st.integers(1, 5),
    st.none() | st.integers(1, 50),
)
def test_a_limit_never_leaves_its_bounds(
    story: list[tuple[str, float | None, int, float]], least: int, most: int | None
) -> None:
    limit, now_s = Limit(LimitSettings(start=20, min=least, max=40), most=most), 0.0
    for sign, first_token_s, running, later_s in story:
        now_s += later_s
        limit.learn(sign, first_token_s, running=running, now_s=now_s)  # pyright: ignore[reportArgumentType]
        assert max(1, min(least, limit.most)) <= limit.value <= limit.most
