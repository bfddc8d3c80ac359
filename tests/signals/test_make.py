"""How the bundled tables are made."""

import json
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import pytest

from antiphon.signals.linear import Linear
from antiphon.signals.make import main
from antiphon.signals.make_data import Seeds, filled, split
from antiphon.signals.make_language import SCRIPTS, make_language
from antiphon.signals.make_learned import Example, cooling, fit, fit_share, interval, packed, reliability

SEEDS = Path(__file__).parent.parent.parent / "bench" / "tools" / "signals"
NAMES = ("even", "odd")


def examples(many: int, seed: int) -> list[Example]:
    """Nine times of ten the word tells the class."""
    random = Random(seed)
    found: list[Example] = []
    for _ in range(many):
        label = random.choice(NAMES)
        told = label if random.random() < 0.9 else NAMES[1 - NAMES.index(label)]
        found.append(Example((told, f"noise-{random.randrange(20)}"), label))
    return found


def test_what_tells_the_class_is_learned_and_kept() -> None:
    fitted = fit(examples(600, 1), NAMES, most=4)
    assert len(fitted.tokens) == 4
    assert {"even", "odd"} <= set(fitted.tokens)
    share, _ = reliability(fitted.chances(examples(300, 2)), [NAMES.index(one.label) for one in examples(300, 2)])
    assert share == pytest.approx(0.9, abs=0.05)


def test_a_packed_model_says_what_the_fitted_one_did() -> None:
    fitted = fit(examples(600, 1), NAMES, most=10)
    cooled = cooling(fitted, examples(300, 2))
    model = Linear(packed(fitted, source="a test", cooled=cooled))
    for example in examples(50, 3):
        (wanted,) = fitted.chances([example], cooled)
        _, found = model.chances(example.tokens)
        assert found == pytest.approx(list(wanted), abs=0.03)


def test_cooled_chances_are_as_often_right_as_they_say() -> None:
    fitted = fit(examples(600, 1), NAMES, most=10)
    hot = msgspec.structs.replace(fitted, weights=fitted.weights * 10)
    labels = [NAMES.index(one.label) for one in examples(1000, 4)]
    _, before = reliability(hot.chances(examples(1000, 4)), labels)
    _, after = reliability(hot.chances(examples(1000, 4), cooling(hot, examples(300, 2))), labels)
    assert after < before / 2


def test_shares_are_fitted() -> None:
    rows = [{"x": at / 2000} for at in range(2001)]
    bias, weights = fit_share(rows, [float(1 / (1 + np.exp(1 - 3 * row["x"]))) for row in rows])
    assert bias == pytest.approx(-1, abs=0.2)
    assert weights["x"] == pytest.approx(3, abs=0.4)


def test_an_interval_is_wilson_s() -> None:
    assert interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_languages_are_told_by_their_profiles(tmp_path: Path) -> None:
    grams = {"en": " the ing", "de": " der ung", "fr": " les eau"}
    for names in SCRIPTS.values():
        for name in names:
            text = grams.get(name, "xyz")
            freq = {text[at : at + size]: 50 for size in (1, 2, 3) for at in range(len(text) - size + 1)}
            (tmp_path / name).write_text(json.dumps({"freq": freq}))
    made = make_language(tmp_path, "a test", {})
    latin = Linear(made["latin"])
    assert latin.best([" t", "th", "the"])[0] == "en"
    assert latin.best([" d", "de", "der"])[0] == "de"


def test_templates_are_filled_with_what_their_slots_have() -> None:
    slots = {"name": ["Anna"], "name2": ["Bob"]}
    texts = {filled('{name} and {name2}: {"a": {b}}', slots, Random(seed)) for seed in range(50)}
    assert texts == {'Anna and Bob: {"a": {b}}', 'anna and bob: {"a": {b}}'}


def test_the_seeds_name_each_task_and_nothing_that_is_tested_on_is_learned_from() -> None:
    seeds = Seeds(SEEDS, SEEDS)
    held_out = seeds.prompts("held-out")
    assert {task for task, _ in held_out} == {task for task, _ in seeds.tasks()}
    learned_from = {text for _, text in [*seeds.tasks(), *seeds.lexicon(), *seeds.prompts("developed-on")]}
    assert learned_from.isdisjoint(text for _, text in held_out)
    assert all("{" not in text or '"' in text or "code" in text for _, text in seeds.tasks() if "{name" in text)


def test_every_fifth_row_is_left_out() -> None:
    rows = list(range(12))
    assert split(rows) == ([1, 2, 3, 4, 6, 7, 8, 9, 11], [0, 5, 10])  # type: ignore[arg-type]


def test_arguments_that_say_nothing_are_told_what_could_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == 2
    assert "python -m antiphon.signals.make" in capsys.readouterr().err
