"""Mistakes in recipes and signals: patterns, seats, functions, embedders, models that are asked."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from pathlib import Path as Files
from typing import cast
from zoneinfo import ZoneInfo

import msgspec

from antiphon.config.check_keywords import check_keywords
from antiphon.config.check_recipe_keys import check_recipe_keys
from antiphon.config.known import tiers_of
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import ConfigError, Problem
from antiphon.recipes.python import load as load_recipe
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.settings_auto import AutoSettings
from antiphon.routing.gain_file import read as read_gain
from antiphon.routing.selector import Selector
from antiphon.signals.own import NoFunction, load
from antiphon.wire.yaml_node import Path

TIER = "tier/"
SEATS = frozenset(
    {"seat", "members", "raters", "judge", "final", "critic", "draft", "verifier", "agree_with", "fallback"}
)
"""Keys of patterns that name who sits there."""


def check_recipes(settings: Settings, written: Written) -> Iterator[Problem]:
    """Patterns, keys without effect, and who sits where."""
    names = (
        *written.names("models"),
        *(f"{TIER}{one}" for one in sorted(tiers_of(settings))),
        *written.names("routes"),
    )
    for name, recipe in settings.recipes.items():
        at: Path = ("recipes", name)
        if not written.sound(at):
            continue
        mistakes = recipe.check()
        for path, wrong, remedy in mistakes:
            yield written.problem((*at, *_parts(path)), wrong, remedy)
        if not mistakes:
            idle = list(check_recipe_keys(recipe, at, written))
            yield from idle
            if written.sound(("models",), ("routes",)):
                told = {problem.path for problem in idle}
                yield from (one for one in _nobody(recipe, at, written, names) if one.path not in told)
                yield from _files(recipe, at, written)


def _nobody(recipe: RecipeSettings, at: Path, written: Written, names: tuple[str, ...]) -> Iterator[Problem]:
    """Seats that nobody sits in."""
    for path, seat in _seats(msgspec.to_builtins(recipe.chosen), (*at, recipe.pattern)):
        if seat not in names:
            wrong = f"there is no model, tier or route {seat} to sit in it"
            yield written.problem(path, wrong, choose(seat, names, "models"))


def _files(recipe: RecipeSettings, at: Path, written: Written) -> Iterator[Problem]:
    """What a recipe reads that can't be used."""
    if recipe.auto is not None and recipe.auto.file:
        yield from _gain(recipe.auto, (*at, "auto", "file"), written)
    if recipe.python is not None:
        try:
            load_recipe(recipe.python.call)
        except ValueError as error:
            remedy = "name an `async def` of (request, calls, envelope)"
            yield written.problem((*at, "python", "call"), str(error), remedy)


def _seats(settings: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Who sits where in a pattern, and where that is written."""
    if isinstance(settings, dict):
        for key, value in cast("dict[str, object]", settings).items():
            if key in SEATS and isinstance(value, str):
                yield from [((*path, key), value)] if value else []
            elif key in SEATS and isinstance(value, list):
                seats = cast("list[str]", value)
                yield from (((*path, key, place), seat) for place, seat in enumerate(seats))
            else:
                yield from _seats(value, (*path, key))
    elif isinstance(settings, list):
        for place, item in enumerate(cast("list[object]", settings)):
            yield from _seats(item, (*path, place))


def _parts(path: str) -> Iterator[str | int]:
    """A path in words, such as `workflow.steps[1].prompt`, in parts."""
    for part in path.split(".") if path else ():
        name, *places = part.replace("]", "").split("[")
        yield name
        yield from (int(place) for place in places)


def _gain(auto: AutoSettings, path: Path, written: Written) -> Iterator[Problem]:
    """What is wrong with a model of expected gain: it can't be read, or knows nobody who may be asked."""
    try:
        known = read_gain(FilePath(auto.file), "").seats()
    except ConfigError as error:
        for one in error.problems:
            yield written.problem(path, f"{one.file} {one.wrong}", one.remedy)
        return
    if frozenset(known).isdisjoint(auto.members or written.names("models")):
        wrong = f"it knows none of the members: it has {', '.join(known)}"
        yield written.problem(path, wrong, "train it on outcomes that call them as they are called here")


def check_signals(settings: Settings, written: Written) -> Iterator[Problem]:
    """Facts that an operator declares."""
    signals, at = settings.signals, ("signals",)
    if not written.sound(at):
        return
    for path, wrong, remedy in signals.check():
        yield written.problem((*at, *path.split(".")), wrong, remedy)
    yield from check_keywords(signals, written)
    try:
        ZoneInfo(signals.time_zone)
    except (KeyError, ValueError, OSError):
        remedy = "write a name of the IANA database, such as Europe/Berlin"
        yield written.problem((*at, "time_zone"), f"there is no time zone {signals.time_zone!r}", remedy)
    for name, function in signals.functions.items():
        try:
            load(function.call)
        except NoFunction as error:
            yield written.problem((*at, "functions", name, "call"), error.why, error.remedy)
    yield from _named(settings, written)


def _named(settings: Settings, written: Written) -> Iterator[Problem]:
    """Embedders and models that signals name."""
    signals, at = settings.signals, ("signals",)
    named: dict[Path, str] = {
        ("examples", name, "embedder"): one.embedder for name, one in signals.examples.items() if one.embedder
    }
    if signals.embedder:
        named["embedder",] = signals.embedder
    known = tuple(settings.embedders)
    for path, embedder in named.items():
        if embedder not in known and written.sound(("embedders",)):
            wrong = f"there is no embedder {embedder!r}"
            yield written.problem((*at, *path), wrong, choose(embedder, known, "embedders"))
        elif embedder in known and settings.embedders[embedder].endpoint is not None and written.sound(("embedders",)):
            wrong = f"{embedder!r} is an endpoint: the text of each request would leave this machine, unpaid"
            yield written.problem((*at, *path), wrong, "name an embedder that is `local`")
    asked = (*written.names("models"), *written.names("routes"))
    for name, question in signals.models.items():
        if question.model not in asked and written.sound(("models",), ("routes",)):
            wrong = f"there is no model {question.model}"
            yield written.problem((*at, "models", name, "model"), wrong, choose(question.model, asked, "models"))


def check_selectors(settings: Settings, written: Written) -> Iterator[Problem]:
    """Files of learned selectors, the vectors that they take, and whom they know."""
    models, embedders = written.names("models"), tuple(settings.embedders)
    for name, one in settings.selectors.items():
        at: Path = ("selectors", name)
        if not written.sound(at, ("models",), ("embedders",)):
            continue
        if one.embedder is not None and one.embedder not in embedders:
            wrong = f"there is no embedder {one.embedder!r}"
            yield written.problem((*at, "embedder"), wrong, choose(one.embedder, embedders, "embedders"))
        for called, model in one.names.items():
            if model not in models:
                wrong = f"there is no model {model} for {called}"
                yield written.problem((*at, "names", called), wrong, choose(model, models, "models"))
        try:
            found = Selector.load(Files(one.file), f"selectors.{name}.file")
        except ConfigError as error:
            yield from (written.problem((*at, "file"), it.wrong, it.remedy) for it in error.problems)
            continue
        known = {one.names.get(it, it) for it in found.models}
        if known.isdisjoint(models):
            wrong = f"it knows none of the models here: it has {', '.join(found.models[:12])}"
            yield written.problem(
                (*at, "file"), wrong, "map its names by `names`, or train it on the models that are here"
            )
