import math

from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.score import DAY_S, Forgetting, Score, Tally, interval, latest, qualities

DAY_NS = int(DAY_S * 1e9)
NOW_NS = 10**18


def score(
    value: float = 1.0, *, at_ns: int = NOW_NS, by: str = "alice", task: str = "math", tenant: str = "t"
) -> Score:
    return Score(
        receipt="r", tenant=tenant, deployment="d", route="auto", task=task, source="feedback", score=value, at_ns=at_ns,
        by=by,
    )  # fmt: skip


def tally(
    source: str = "feedback", *, count: float = 4, total: float = 3, days_ago: float = 0, task: str = ""
) -> Tally:
    return Tally(
        deployment="d", route="auto", task=task, source=source, at_ns=NOW_NS - int(days_ago * DAY_NS), count=count,
        total=total,
    )  # type: ignore[arg-type]  # fmt: skip


def test_wilsons_interval_is_that_of_its_paper() -> None:
    """Source of the numbers: Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    for right, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = interval(right / of, of)
        assert math.isclose(found[0], low, abs_tol=5e-5)
        assert math.isclose(found[1], high, abs_tol=5e-5)
    assert math.isclose(interval(1.0, 29)[1], 1.0)
    assert interval(0.5, 0) == (0.0, 1.0)


@given(st.floats(0, 1), st.floats(1e-9, 1e9))
def test_an_interval_holds_its_mean_and_lies_between_0_and_1(mean: float, count: float) -> None:
    low, high = interval(mean, count)

    assert 0 <= low <= mean + 1e-9
    assert mean - 1e-9 <= high <= 1


def test_half_of_a_score_is_left_after_its_half_life_and_more_of_it_means_a_wider_interval() -> None:
    forgetting = Forgetting(half_life_s=7 * DAY_S)

    (fresh,) = qualities([tally()], NOW_NS, forgetting)
    (old,) = qualities([tally(days_ago=7)], NOW_NS, forgetting)

    assert (fresh.count, fresh.mean) == (4, 0.75)
    assert (round(old.count, 9), round(old.mean, 9)) == (2, 0.75)
    assert old.low < fresh.low < 0.75 < fresh.high < old.high
    assert forgetting.kept(-DAY_NS) == 1, "what is of the future is fresh"


def test_sources_count_by_their_weights_and_one_of_weight_0_not_at_all() -> None:
    half = Forgetting(weights={"judge": 0.5, "contract": 0})

    (found,) = qualities([tally(), tally("judge", total=0), tally("contract", total=0)], NOW_NS, half)

    assert (found.count, found.mean) == (6, 0.5)
    assert qualities([tally("contract")], NOW_NS, half) == []


def test_all_tasks_stand_before_each_class() -> None:
    found = qualities([tally(task="math"), tally(), tally(task="code")], NOW_NS, Forgetting())

    assert [one.task for one in found] == ["", "code", "math"]


def test_a_score_counts_for_its_tenant_and_for_all_in_its_class_and_over_all() -> None:
    assert {name[:4] for name in score().names} == {
        (tenant, "d", "auto", task) for tenant in ("t", "") for task in ("math", "")
    }
    assert len(score(task="").names) == 2
    assert len(score(task="", tenant="").names) == 1


def test_of_several_of_one_id_the_last_counts_and_of_two_of_one_time_the_first() -> None:
    first, second, other = score(0.1, at_ns=5), score(0.9, at_ns=5), score(0.5, by="bob")

    assert latest([first, second, other]) == {first.id: first, other.id: other}
    assert latest([score(0.3, at_ns=9), first])[first.id].score == 0.3
