"""Mistakes among routes."""

import re
from collections.abc import Iterator, Mapping

from antiphon.config.known import tiers_of
from antiphon.config.resolve import NO_KEY, NO_WEIGHT, resolve
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.core.plan import Candidate
from antiphon.providers.profile import Profile
from antiphon.routing.settings import RouteSettings
from antiphon.wire.yaml_node import Path

VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)")


def check_routes(settings: Settings, written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    """Names that don't exist, and routes that lead nowhere."""
    resolved = resolve(settings, profiles)
    for name, route in settings.routes.items():
        path: Path = ("routes", name)
        wrong = [*_names(route, settings, path, written)]
        yield from wrong
        if not wrong and written.sound(path, ("models",), ("providers",)):
            yield from _live(resolved[name], settings, path, written)


def _names(route: RouteSettings, settings: Settings, path: Path, written: Written) -> Iterator[Problem]:
    if not route.models and not route.tiers and written.sound((*path, "models"), (*path, "tiers")):
        yield written.problem(path, "leads to no model", "write `models:` or `tiers:`")
    known = written.names("models")
    seen: set[str] = set()
    for at, model in zip(written.kept((*path, "models")), route.models, strict=True):
        where = (*path, "models", at)
        if model in seen:
            yield written.problem(where, f"{model} stands in this list twice", "leave one of them out")
        elif model not in known:
            yield written.problem(where, f"there is no model {model}", choose(model, known, "models"))
        seen.add(model)
    tiers = tiers_of(settings)
    for at, tier in zip(written.kept((*path, "tiers")), route.tiers, strict=True):
        if tier not in tiers and written.sound(("models",)):
            where = (*path, "tiers", at)
            yield written.problem(where, f"no model has the tier {tier}", choose(tier, tiers, "tiers"))
    prompts = written.names("prompts")
    if route.prompt is not None and route.prompt not in prompts:
        where = (*path, "prompt")
        yield written.problem(where, f"there is no prompt {route.prompt}", choose(route.prompt, prompts, "prompts"))


def _live(candidates: tuple[Candidate, ...], settings: Settings, path: Path, written: Written) -> Iterator[Problem]:
    if any(not candidate.lost for candidate in candidates):
        return
    why = ", ".join(f"{candidate.deployment} ({candidate.lost})" for candidate in candidates)
    yield written.problem(path, f"no model is left that could answer: {why}", _remedy(candidates, settings, written))


def _remedy(candidates: tuple[Candidate, ...], settings: Settings, written: Written) -> str:
    off = {settings.models[candidate.deployment].provider for candidate in candidates if candidate.lost == NO_KEY}
    said = [_switch(provider, written) for provider in sorted(off)]
    said += ["give one of them a weight above 0"] if any(one.lost == NO_WEIGHT for one in candidates) else []
    return ", or ".join(said)


def _switch(provider: str, written: Written) -> str:
    """What switches a provider on."""
    variables = VARIABLE.findall(written.said(("providers", provider, "key")))
    return f"set {' and '.join(variables)}" if variables else f"give the provider {provider} a `key`"
