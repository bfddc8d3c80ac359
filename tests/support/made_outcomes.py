"""Outcomes whose truth is known: sums are easy for all, poems for one model, code for another."""

import random
from array import array

import numpy as np

from antiphon.evaluation.grid import Grid, grid
from antiphon.evaluation.outcomes import Outcome

MODELS = ("cheap", "poet", "coder")
COSTS_NANO_USD = {"cheap": 10_000, "poet": 100_000, "coder": 90_000}
TRUTH = {
    "sum": {"cheap": 0.9, "poet": 0.9, "coder": 0.9},
    "poem": {"cheap": 0.2, "poet": 0.9, "coder": 0.3},
    "code": {"cheap": 0.3, "poet": 0.5, "coder": 0.95},
}
"""Chance that a model answers rightly, by the kind of prompt."""
WORDS = {
    "sum": "add plus total how many apples cost pay change number",
    "poem": "write verse rhyme moon river love stanza song night",
    "code": "def return list loop python function bug import class",
}
COMMON = ["please", "the", "a", "of", "this", "with", "and", "for", "me", "now", "then", "here", "today"]


def prompt(kind: str, chance: random.Random) -> str:
    words = chance.choices(WORDS[kind].split(), k=8) + chance.choices(COMMON, k=8)
    chance.shuffle(words)
    return f"{' '.join(words)} {chance.randrange(1000)}"


def made(count: int, seed: int = 0, truth: dict[str, dict[str, float]] = TRUTH) -> list[Outcome]:
    """Outcomes of each model on so many prompts."""
    chance = random.Random(seed)
    out = []
    for at in range(count):
        kind = chance.choice(list(truth))
        text = prompt(kind, chance)
        for model in MODELS:
            tokens = 20 * (1 + (kind == "poem") * 9) + chance.randrange(10)
            out.append(
                Outcome(
                    prompt_id=f"{seed}-{at}",
                    prompt=text,
                    model=model,
                    score=float(chance.random() < truth[kind][model]),
                    cost_nano_usd=COSTS_NANO_USD[model],
                    input_tokens=30,
                    output_tokens=tokens,
                    task=kind,
                )
            )
    return out


def table(count: int, seed: int = 0, truth: dict[str, dict[str, float]] = TRUTH) -> Grid:
    return grid(made(count, seed, truth), MODELS)


def vector(kind: str, chance: random.Random, size: int = 16) -> "array[float]":
    """An embedding that tells the kind."""
    found = np.array([chance.gauss(0, 0.15) for _ in range(size)])
    found[list(TRUTH).index(kind)] += 1
    return array("f", (found / np.sqrt((found**2).sum())).tolist())
