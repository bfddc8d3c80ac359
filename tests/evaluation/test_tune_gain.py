from pathlib import Path

import msgspec
import numpy as np
import pytest
from gained import CHEAP, OTHER, SEATS, STRONG, made, tuned

from antiphon.core.error import ConfigError
from antiphon.evaluation.fit_gain import Example, Outcome, Table, fit
from antiphon.evaluation.fit_gain_tables import apart
from antiphon.evaluation.measures import calibration_error
from antiphon.evaluation.tune_gain import Played, calibrate, play, tune, worth_asking
from antiphon.routing.gain_file import read, write

HELD = made(800, 2)


def score(worth_nano_usd: float) -> tuple[float, float, float]:
    """Share of right answers, cost and calls on examples that the model never saw."""
    played = [play(tuned(), one, worth_nano_usd) for one in HELD]
    return tuple(
        float(np.mean(column)) for column in zip(*((p.right, p.cost_nano_usd, p.calls) for p in played), strict=True)
    )


def single(seat: str) -> tuple[float, float]:
    outcomes = [one.outcomes[seat] for one in HELD]
    return float(np.mean([one.right for one in outcomes])), float(np.mean([one.cost_nano_usd for one in outcomes]))


def test_it_is_better_than_the_best_seat_for_less_than_it_costs() -> None:
    best_right, best_cost = single(STRONG)

    right, cost, _ = score(tuned().worth_nano_usd * 2)

    assert right > best_right + 0.05
    assert cost < best_cost


def test_its_own_worth_is_the_least_at_which_it_was_as_good_as_the_best_seat() -> None:
    trained, worth = tuned().trained, tuned().worth_nano_usd

    assert trained.best_seat == STRONG
    assert all(one.right < trained.best_right for one in trained.rungs if one.worth_nano_usd < worth)
    assert next(one for one in trained.rungs if one.worth_nano_usd == worth).right >= trained.best_right


def test_more_worth_buys_more_right_answers_for_more() -> None:
    rungs = tuned().trained.rungs
    (low, cheap, _), (high, dear, _) = score(rungs[0].worth_nano_usd), score(rungs[-1].worth_nano_usd)

    assert high > low
    assert dear > cheap


def test_the_words_of_a_request_tell_who_is_asked_first() -> None:
    worth = tuned().trained.rungs[4].worth_nano_usd

    first = {kind: play(tuned(), example(kind), worth).seats[0] for kind in ("easy", "odd", "hard")}

    assert first["easy"] in {CHEAP, OTHER}
    assert first["odd"] == CHEAP


def example(kind: str) -> Example:
    return next(one for one in HELD if one.text.startswith({"easy": "add", "odd": "rhyme", "hard": "prove"}[kind]))


def test_a_chance_is_as_often_right_as_it_says() -> None:
    """Over the worths that it was calibrated on, together; at a single one it may be further off."""
    worths = [one.worth_nano_usd for one in tuned().trained.rungs[3:]]
    played = [play(tuned(), one, worth) for worth in worths for one in HELD]

    error = calibration_error(np.array([one.chance for one in played]), np.array([one.right for one in played]))

    assert error < 0.05


def test_the_same_examples_and_seed_give_the_same_model() -> None:
    few = made(120, 3)

    assert msgspec.json.encode(tune(few, SEATS, seed=5)) == msgspec.json.encode(tune(few, SEATS, seed=5))


def test_what_was_not_recorded_is_left_out_and_is_no_failure() -> None:
    halved = [
        Example(text=one.text, outcomes={seat: one.outcomes[seat] for seat in (SEATS if at % 2 else SEATS[:2])})
        for at, one in enumerate(made(400, 4))
    ]

    rates = {one.seat: sum(one.right) / len(one.right) for one in fit(Table(halved, SEATS)).members}

    assert rates[STRONG] > rates[OTHER]


def test_a_seat_without_any_outcome_is_named() -> None:
    with pytest.raises(ValueError, match="'nobody'"):
        tune(made(30, 1), (*SEATS, "nobody"))


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="2 examples are too few"):
        tune(made(2, 1), SEATS)


def test_a_seat_that_a_cheaper_one_clearly_beats_is_not_worth_asking() -> None:
    examples = [
        Example(
            text="x",
            outcomes={
                "good": Outcome(right=float(at % 5 > 0), key="k", cost_nano_usd=10),
                "bad": Outcome(right=float(at % 5 > 2), key="k", cost_nano_usd=20),
                "dear": Outcome(right=1.0, key="k", cost_nano_usd=99),
            },
        )
        for at in range(50)
    ]

    assert worth_asking(examples, ("good", "bad", "dear")) == ("good", "dear")


def test_a_calibration_never_falls() -> None:
    chance = np.random.default_rng(1)
    played = [
        Played(right=float(chance.random() < said**2), cost_nano_usd=0, calls=1, chance=said, seats=(), gave="")
        for said in chance.random(2000).tolist()
    ]

    line, _, error = calibrate(played)

    assert sorted(line.right) == list(line.right)
    assert line.of(0.5) == pytest.approx(0.25, abs=0.08)
    assert error < 0.03


def test_wrong_answers_that_meet_are_told_from_those_that_never_do() -> None:
    wrong, one_class = np.zeros((200, 4)), np.ones((200, 1))
    meet = np.zeros((200, 4), dtype=int)
    differ = np.tile(np.arange(4), (200, 1))

    assert apart(wrong, meet, one_class) < (1.0,) < apart(wrong, differ, one_class)


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    write(tuned(), tmp_path / "gain.json")

    assert read(tmp_path / "gain.json", "file") == tuned()


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        (b'"slope"', b'"slopes"', None),
        (b'"length_weight":0.5', b'"length_weight":0.6', "was changed after it was written"),
        (b"antiphon-gain/1", b"antiphon-gain/9", "has the format 'antiphon-gain/9'"),
        (b"{", b"[", "is no model of expected gain"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(
    tmp_path: Path, old: bytes, new: bytes, wrong: str | None
) -> None:
    path = tmp_path / "gain.json"
    write(tuned(), path)
    path.write_bytes(path.read_bytes().replace(old, new, 1))

    if wrong is None:
        assert read(path, "file") == tuned()
        return
    with pytest.raises(ConfigError, match=wrong):
        read(path, "file")


def test_a_missing_file_is_told_with_its_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="route train --cascades"):
        read(tmp_path / "none.json", "recipes.x.auto.file")
