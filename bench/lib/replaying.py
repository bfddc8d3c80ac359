"""One split of recorded outcomes: a model of expected gain is tuned on its learning part, and everything is played on the rest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.evaluation.fit_gain import Example
from antiphon.evaluation.gain_examples import examples
from antiphon.evaluation.outcomes import Outcome, of_models, read
from antiphon.evaluation.replay_recipes import Prompt, Replayed, most_given, prompts, replay
from antiphon.evaluation.tune_gain import Played, play, tune
from antiphon.recipes.extract import key_of
from antiphon.recipes.port import Seated
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.recipes.settings_cascade import CascadeSettings, StageSettings
from antiphon.recipes.settings_panel import PanelSettings
from antiphon.recipes.settings_vote import VoteSettings
from antiphon.routing.gain import Gain, Rung, begin
from antiphon.routing.gain_course import Course

from .recorded import TWELVE, in_test

ROOM = 0.88
"""Of the best single model's cost: what the dearer operating point may cost in learning, so that it stays under 0.9 in test."""
THRIFT = {"zeroeval": 0.36, "mmlupro": 0.405}
"""The same for the cheaper one, so that it stays under 0.40 and 0.45."""
TIMED = 300


@dataclass
class Way:
    """One way of answering, on the tested prompts of one split, in their order."""

    right: list[float]
    cost: list[int]
    calls: list[int]
    chance: list[float] = field(default_factory=list[float])


@dataclass
class Split:
    """What came of one split."""

    name: str
    seed: int
    ids: list[str]
    best: str
    kept: tuple[str, ...]
    rungs: list[Way]
    chosen: dict[str, int]
    """Which rung learning chose, by what it was chosen for."""
    ways: dict[str, Way]
    same: int
    """Requests that the recipe `auto` decided as the model alone does."""
    took_us: list[float]
    """CPU time of all decisions of one request."""
    tuned_s: float


@dataclass
class Data:
    """Outcomes of the twelve models."""

    name: str
    prompts: list[Prompt]
    examples: dict[str, Example]


def load(folder: Path, name: str) -> Data:
    """Prompts for which all twelve models have a score and a cost."""
    models = TWELVE[name]
    found: list[Outcome] = list(of_models(read(folder / f"{name}.jsonl.gz"), models))
    whole = [one for one in prompts(found) if _whole(one, models)]
    ids = {one.id for one in whole}
    return Data(name, whole, examples(one for one in found if one.prompt_id in ids))


def _whole(prompt: Prompt, models: tuple[str, ...]) -> bool:
    outcomes = [prompt.outcomes.get(model) for model in models]
    return all(one is not None and one.cost_nano_usd is not None for one in outcomes)


def run(data: Data, seed: int) -> Split:
    """Tune and play one split."""
    models = TWELVE[data.name]
    learned = [data.examples[one.id] for one in data.prompts if not in_test(seed, one.id)]
    tested = [one for one in data.prompts if in_test(seed, one.id)]
    began_s = time.perf_counter()
    gain = tune(learned, models, seed=seed)
    tuned_s = time.perf_counter() - began_s
    held = [data.examples[one.id] for one in tested]
    begun = [begin(gain, one.text) for one in held]
    rungs = [
        _way([play(gain, one, rung.worth_nano_usd, begun=at) for one, at in zip(held, begun, strict=True)])
        for rung in gain.trained.rungs
    ]
    chosen = {"as good": _as_good(gain), "better": _within(gain, ROOM), "thrifty": _within(gain, THRIFT[data.name])}
    ways, same = asyncio.run(_recipes(data, gain, learned, tested, chosen["better"]))
    return Split(
        name=data.name,
        seed=seed,
        ids=[one.id for one in tested],
        best=gain.trained.best_seat,
        kept=gain.seats(),
        rungs=rungs,
        chosen=chosen,
        ways=ways | _singles(tested, models, gain.trained.best_seat),
        same=same,
        took_us=[_took_us(gain, data.examples[one.id], gain.trained.rungs[chosen["better"]]) for one in tested[:TIMED]],
        tuned_s=tuned_s,
    )


def _way(played: list[Played]) -> Way:
    return Way(
        [one.right for one in played],
        [one.cost_nano_usd for one in played],
        [one.calls for one in played],
        [one.chance for one in played],
    )


def _as_good(gain: Gain) -> int:
    """The rung of the model's own worth: the least at which learning was as good as the best single model."""
    return next(at for at, one in enumerate(gain.trained.rungs) if one.worth_nano_usd == gain.worth_nano_usd)


def _within(gain: Gain, share: float) -> int:
    """The rung that was best in learning, of those that cost no more than a share of the best single model's cost."""
    most = share * gain.trained.best_cost_nano_usd
    fits = [at for at, one in enumerate(gain.trained.rungs) if one.cost_nano_usd <= most]
    return max(fits, key=lambda at: gain.trained.rungs[at].right, default=0)


def _took_us(gain: Gain, example: Example, rung: Rung) -> float:
    """CPU microseconds of every decision on one request, its text included."""
    began_ns, course = time.thread_time_ns(), Course(gain, example.text, gain.seats(), {})
    while ranked := course.next(rung.worth_nano_usd, 6):
        seat = ranked[0].seat
        course.asked(seat)
        course.heard(seat, example.outcomes[seat].key, example.outcomes[seat].output_tokens)
    course.chosen()
    return (time.thread_time_ns() - began_ns) / 1000


def _singles(tested: list[Prompt], models: tuple[str, ...], best: str) -> dict[str, Way]:
    """The best single model, every other one, and the oracle: the cheapest right answer, else the cheapest."""
    ways = {
        model: Way(
            [one.outcomes[model].score for one in tested],
            [one.outcomes[model].cost_nano_usd or 0 for one in tested],
            [1] * len(tested),
        )
        for model in models
    }
    picks = [
        min(models, key=lambda model, one=one: (-one.outcomes[model].score, one.outcomes[model].cost_nano_usd or 0))
        for one in tested
    ]
    oracle = Way(
        [one.outcomes[pick].score for one, pick in zip(tested, picks, strict=True)],
        [one.outcomes[pick].cost_nano_usd or 0 for one, pick in zip(tested, picks, strict=True)],
        [1] * len(tested),
    )
    return {"best single": ways[best], "oracle": oracle, **{f"single {model}": way for model, way in ways.items()}}


async def _recipes(
    data: Data, gain: Gain, learned: list[Example], tested: list[Prompt], rung: int
) -> tuple[dict[str, Way], int]:
    """Recipes as they are configured, over recorded calls; and how often `auto` gave what the model alone gave."""
    worth_nano_usd = gain.trained.rungs[rung].worth_nano_usd
    seats = _seats(learned, TWELVE[data.name])
    ways: dict[str, Way] = {}
    same = 0
    for name, recipe in _configured(seats, gain, worth_nano_usd).items():
        scripts = {"judge": _judged, "final": most_given(key_of)} if recipe.panel is not None else None
        own = gain if recipe.auto is not None and recipe.auto.file else None
        found = [await replay(recipe, one, seats, gain=own, scripts=scripts) for one in tested]
        ways[name] = _replayed(found)
        if own is not None:
            alone = [play(gain, data.examples[one.id], worth_nano_usd) for one in tested]
            same = sum((one.asked, one.gave) == (two.seats, two.gave) for one, two in zip(found, alone, strict=True))
    return ways, same


def _judged(*_: object) -> str:
    return '{"agreement": ["Most of them agree."], "contradiction": [], "unique": [], "blind_spots": [], "best": "A"}'


def _replayed(found: list[Replayed]) -> Way:
    return Way(
        [one.score for one in found],
        [one.cost_nano_usd for one in found],
        [len(one.asked) for one in found],
        [one.chance for one in found if one.chance is not None],
    )


def _seats(learned: list[Example], models: tuple[str, ...]) -> list[Seated]:
    """What is known of each model after learning."""
    count = len(learned)
    return [
        Seated(
            seat=model,
            cost_nano_usd=sum(one.outcomes[model].cost_nano_usd or 0 for one in learned) // count,
            quality=sum(one.outcomes[model].right for one in learned) / count,
        )
        for model in models
    ]


def _configured(seats: list[Seated], gain: Gain, worth_nano_usd: int) -> dict[str, RecipeSettings]:
    """Recipes by name. Strong and cheap: by what learning saw."""
    strong = [one.seat for one in sorted(seats, key=lambda one: -(one.quality or 0))[:3]]
    kept = sorted((one for one in seats if one.seat in gain.seats()), key=lambda one: one.cost_nano_usd or 0)
    cheap = [one.seat for one in kept[:3]]
    return {
        "auto by expected gain": RecipeSettings(auto=AutoSettings(file="gain.json", worth_usd=worth_nano_usd / 1e9)),
        "auto by the rule": RecipeSettings(auto=AutoSettings(members=[*cheap[:2], strong[0]])),
        "cascade, two cheap agree": RecipeSettings(
            cascade=CascadeSettings(
                stages=[StageSettings(seat=cheap[0]), StageSettings(seat=strong[0])],
                by=["agreement"],
                agree_with=cheap[1],
                samples=2,
            )
        ),
        "vote of three cheap": RecipeSettings(vote=VoteSettings(members=cheap, early_stop=False)),
        "vote of three strong": RecipeSettings(vote=VoteSettings(members=strong, early_stop=False)),
        "panel of three cheap, scripted judge": RecipeSettings(
            panel=PanelSettings(members=cheap, judge=strong[0], unanimous=True)
        ),
    }
