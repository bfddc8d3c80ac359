"""Mistakes among deployments."""

from collections.abc import Iterator

from antiphon.config.check_prices import check_price
from antiphon.config.check_timeouts import within_total
from antiphon.config.resolve import LAB_PROFILE, profile_name
from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.providers.catalogue.catalogue import Catalogue
from antiphon.providers.settings import ModelSettings
from antiphon.wire.yaml_node import Path


def check_models(settings: Settings, written: Written) -> Iterator[Problem]:
    """Providers and lab models that don't exist, deadlines, limits and prices that can't be, names taken twice."""
    catalogue = Catalogue()
    for name, model in settings.models.items():
        path: Path = ("models", name)
        yield from _provider(name, model, settings, path, written)
        yield from (problem for _, problem in within_total(model.timeouts, (*path, "timeouts"), written))
        yield from _limits(model, (*path, "limits"), written)
        yield from check_price(name, model, settings, catalogue, written)
        if name in written.names("routes") and model.listed and written.sound((*path, "listed")):
            wrong = "a route has the same name, so callers could not ask for this model by it"
            yield written.problem(path, wrong, "rename one of them, or write `listed: false` here")


def _provider(name: str, model: ModelSettings, settings: Settings, path: Path, written: Written) -> Iterator[Problem]:
    known = written.names("providers")
    if model.provider not in known:
        where = (*path, "provider")
        yield written.problem(
            where, f"there is no provider {model.provider}", choose(model.provider, known, "providers")
        )
        return
    provider = settings.providers.get(model.provider)
    if provider is None or provider.lab is None or profile_name(settings, model.provider) != LAB_PROFILE:
        return
    labs = ("providers", model.provider, "lab", "models")
    upstream = model.model or name
    if upstream not in provider.lab.models and written.sound(labs, (*path, "model")):
        where = (*path, "model") if model.model else path
        wrong = f"the provider {model.provider} has no lab model {upstream}"
        yield written.problem(where, wrong, choose(upstream, tuple(provider.lab.models), "lab models"))


def _limits(model: ModelSettings, path: Path, written: Written) -> Iterator[Problem]:
    context, output = model.limits.context_tokens, model.limits.output_tokens
    if context is not None and output is not None and output > context:
        wrong = f"{output} is more than context_tokens, {context}"
        yield written.problem((*path, "output_tokens"), wrong, "write at most the context window")
