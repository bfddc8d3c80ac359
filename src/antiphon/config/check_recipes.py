"""Mistakes in recipes and signals: patterns, seats, functions, embedders, models that are asked."""

from collections.abc import Iterator
from pathlib import Path as FilePath
from pathlib import Path as Files
from zoneinfo import ZoneInfo

from antiphon.config.check_keywords import check_keywords
from antiphon.config.known import tiers_of
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import ConfigError, Problem
from antiphon.recipes.python import load as load_recipe
from antiphon.routing.gain_file import read as read_gain
from antiphon.routing.selector import Selector
from antiphon.signals.own import NoFunction, load
from antiphon.wire.yaml_node import Path

TIER = "tier/"


def check_recipes(settings: Settings, written: Written) -> Iterator[Problem]:
    """Patterns, and who sits where."""
    models, tiers = written.names("models"), tiers_of(settings)
    names = (*models, *(f"{TIER}{one}" for one in sorted(tiers)), *written.names("routes"))
    for name, recipe in settings.recipes.items():
        at: Path = ("recipes", name)
        if not written.sound(at):
            continue
        mistakes = recipe.check()
        for path, wrong, remedy in mistakes:
            yield written.problem((*at, *_parts(path)), wrong, remedy)
        if mistakes or not written.sound(("models",), ("routes",)):
            continue
        for seat in recipe.seats():
            if seat and seat not in names:
                yield written.problem(
                    at, f"there is no model, tier or route {seat} to sit in it", choose(seat, names, "models")
                )
        if recipe.auto is not None and recipe.auto.file:
            yield from _gain(name, recipe.auto.file, written)
        if recipe.python is not None:
            try:
                load_recipe(recipe.python.call)
            except ValueError as error:
                yield written.problem(
                    (*at, "python", "call"), str(error), "name an `async def` of (request, calls, envelope)"
                )


def _parts(path: str) -> Iterator[str | int]:
    """A path in words, such as `workflow.steps[1].prompt`, in parts."""
    for part in path.split(".") if path else ():
        name, *places = part.replace("]", "").split("[")
        yield name
        yield from (int(place) for place in places)


def _gain(name: str, file: str, written: Written) -> Iterator[Problem]:
    """What is wrong with a model of expected gain."""
    try:
        read_gain(FilePath(file), "")
    except ConfigError as error:
        for one in error.problems:
            yield written.problem(("recipes", name, "auto", "file"), f"{one.file} {one.wrong}", one.remedy)


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
