import gzip
import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.pricing.estimate import NEW, Estimator, Script, script

RECORDED = Path(os.environ.get("ANTIPHON_DATA", "")) / "routing" / "lineage.jsonl.gz"
"""Prompts with the input tokens that real models reported, one a line."""


def test_a_model_that_was_never_seen_is_estimated_by_its_script_with_a_wide_band() -> None:
    latin, cjk = (Estimator().estimate("new", 4200, one) for one in ("latin", "cjk"))

    assert latin.tokens == 1000
    assert latin.low < 500
    assert latin.high > 2000
    assert cjk.tokens > latin.tokens


def test_what_upstreams_report_narrows_the_band_around_the_truth() -> None:
    estimator = Estimator()
    chance = random.Random(7)
    for _ in range(200):
        size = chance.randint(500, 50_000)
        estimator.learn("m", size, round(size / 3.1 * chance.uniform(0.97, 1.03)))

    found = estimator.estimate("m", 31_000)

    assert found.tokens == pytest.approx(10_000, rel=0.02)
    assert found.low <= 10_000 <= found.high
    assert found.high - found.low < 1500


def test_a_model_that_changes_is_learned_anew() -> None:
    estimator = Estimator()
    for each in (4, 2):
        for _ in range(100):
            estimator.learn("m", 1000, 1000 // each)

    assert estimator.estimate("m", 1000).tokens == pytest.approx(500, rel=0.02)


def test_models_are_learned_apart_and_the_oldest_are_forgotten() -> None:
    estimator = Estimator(most=2)
    estimator.learn("a", 1000, 500)
    estimator.learn("b", 1000, 100)
    estimator.learn("a", 1000, 500)
    estimator.learn("c", 1000, 100)

    assert len(estimator) == 2
    assert estimator.estimate("a", 1000).tokens == 500
    assert estimator.estimate("b", 4200).tokens == 1000, "as one that was never seen"


@given(st.lists(st.tuples(st.integers(-5, 10**7), st.integers(-5, 10**7))), st.integers(0, 10**7))
def test_nothing_that_is_reported_makes_an_estimate_absurd(seen: list[tuple[int, int]], size: int) -> None:
    estimator = Estimator()
    for size_bytes, tokens in seen:
        estimator.learn("m", size_bytes, tokens)

    found = estimator.estimate("m", size)

    assert 0 <= found.low <= found.tokens <= found.high


def test_an_observation_of_nothing_teaches_nothing() -> None:
    assert NEW.after(0.0, 5) is NEW.after(5.0, 0) is NEW


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "latin"),
        ("The quick brown fox jumps over the lazy dog, and then it rests.", "latin"),
        ("def f(x: dict[str, int]) -> int:\n    return {k: v for (k, v) in x.items()}[0] == 1;", "code"),
        ("Où êtes-vous allés cet été ? Près de la forêt, où naît la rivière gelée.", "accented"),
        ("吾輩は猫である。名前はまだ無い。", "cjk"),
        ("동해 물과 백두산이 마르고 닳도록", "cjk"),
        ("Все счастливые семьи похожи друг на друга", "other"),
    ],
)
def test_a_script_is_told_by_its_bytes(text: str, kind: Script) -> None:
    assert script(text.encode()) == kind


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded outcomes: set ANTIPHON_DATA to their directory")
def test_recorded_token_counts_of_real_models_fall_within_the_band() -> None:
    rows = [json.loads(line) for line in gzip.decompress(RECORDED.read_bytes()).splitlines()]
    random.Random(1).shuffle(rows)
    within = total = 0
    errors: list[float] = []
    estimator = Estimator()
    for at, row in enumerate(rows):
        prompt = row["prompt"].encode()
        for model, (_, tokens, *_) in row["models"].items():
            if not tokens:
                continue
            if at >= len(rows) // 3:
                found = estimator.estimate(model, len(prompt), script(prompt))
                within += found.low <= tokens <= found.high
                total += 1
                errors.append(abs(found.tokens - tokens) / tokens)
            estimator.learn(model, len(prompt), tokens, script(prompt))

    assert total > 1000
    assert within / total > 0.95
    assert sorted(errors)[len(errors) // 2] < 0.05, "half of the estimates are off by less than five percent"
