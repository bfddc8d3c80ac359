"""Mistakes among keys."""

from collections.abc import Iterator

from antiphon.config.check_headers import check_credential
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.control.budgets import why_not
from antiphon.control.instants import instant
from antiphon.control.limits import flaws
from antiphon.control.settings import MIN_KEY_LENGTH, CallerForm, KeySettings
from antiphon.core.data_class import RANKS
from antiphon.core.error import Problem
from antiphon.core.secret import Secret
from antiphon.wire.yaml_node import Path

OTHERS = ("agent/", "tool/")
"""What else a key may list: agents and tools, whose documents may come later."""


def check_keys(settings: Settings, written: Written) -> Iterator[Problem]:
    """Names and texts that are there twice, texts that are no keys, models and providers that don't exist."""
    names: set[str] = set()
    texts: dict[Secret, str] = {}
    for at, key in zip(written.kept(("keys",)), settings.keys, strict=True):
        path: Path = ("keys", at)
        if key.name in names:
            yield written.problem((*path, "name"), f"another key is called {key.name}", "give each its own name")
        names.add(key.name)
        yield from _text(key, texts, (*path, "key"), written)
        texts.setdefault(key.key, key.name)
        yield from check_form(key, settings, path, written)
        for below, flaw, remedy in flaws(key) if written.sound((*path, "limit")) else ():
            yield written.problem((*path, "limit", *([below] if below else [])), flaw, remedy)
        wrong = why_not(key) if written.sound((*path, "budget")) else ""
        if wrong:
            yield written.problem((*path, "budget"), wrong, "write one limit: `usd: 20`, `tokens: 1000000`")


def check_form(form: CallerForm, settings: Settings, path: Path, written: Written) -> Iterator[Problem]:
    """What can be wrong with whomever a credential stands for."""
    yield from _expires(form, (*path, "expires"), written)
    yield from _models(form, _public(settings, written), (*path, "models"), written)
    yield from _providers(form, tuple(written.names("providers")), (*path, "passthrough"), written)
    rank = RANKS.get(form.clearance or "", len(RANKS))
    if form.data_class is not None and RANKS[form.data_class] > rank:
        wrong = f"is below `data_class`, {form.data_class}: all that it sends would be above what it may send"
        yield written.problem((*path, "clearance"), wrong, f"write {form.data_class}, or a higher class")


def _text(key: KeySettings, texts: dict[Secret, str], path: Path, written: Written) -> Iterator[Problem]:
    text = key.key.reveal()
    if len(text) < MIN_KEY_LENGTH:
        yield written.problem(
            path, f"is shorter than {MIN_KEY_LENGTH} characters", "write a longer one, made by chance"
        )
    elif key.key in texts:
        yield written.problem(path, f"is the same as that of {texts[key.key]}", "give each its own key")
    yield from check_credential(text, path, written)


def _expires(key: CallerForm, path: Path, written: Written) -> Iterator[Problem]:
    if key.expires and instant(key.expires) is None:
        remedy = "write date, time and offset: 2026-12-31T00:00:00Z"
        yield written.problem(path, f"{key.expires!r} is no point in time", remedy)


def _models(key: CallerForm, public: tuple[str, ...], path: Path, written: Written) -> Iterator[Problem]:
    if not written.sound(path):
        return
    for at, pattern in enumerate(key.models):
        start = pattern.removesuffix("*")
        known = any(name.startswith(start) if pattern.endswith("*") else name == pattern for name in public)
        if pattern != "*" and not known and not pattern.startswith(OTHERS):
            remedy = choose(pattern, public, "models or routes")
            yield written.problem((*path, at), f"no model or route is called {pattern}", remedy)


def _providers(key: CallerForm, known: tuple[str, ...], path: Path, written: Written) -> Iterator[Problem]:
    if not written.sound(path):
        return
    for at, name in enumerate(key.passthrough):
        if name != "*" and name not in known:
            yield written.problem((*path, at), f"there is no provider {name}", choose(name, known, "providers"))


def _public(settings: Settings, written: Written) -> tuple[str, ...]:
    """Every name that callers may ask for, also of what could not be read."""
    models = (
        name
        for name in written.names("models")
        if name not in settings.models or settings.models[name].listed or not written.sound(("models", name, "listed"))
    )
    return (*written.names("routes"), *models)
