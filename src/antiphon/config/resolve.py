"""Which deployments stand behind each route, and why others that it names do not.

A lab deployment leaves a route as soon as a real one is in it: simulated answers are for trying
things out, and nobody should get one by chance from a gateway that has real models.
"""

from collections.abc import Iterable, Mapping

from antiphon.config.settings import Settings
from antiphon.core.plan import Candidate
from antiphon.providers.profile import Profile
from antiphon.providers.settings import ModelSettings
from antiphon.routing.settings import RouteSettings

LAB_PROFILE = "lab"
NO_KEY = "no key"
NO_WEIGHT = "weight 0"
LAB = "lab"


def resolve(settings: Settings, profiles: Mapping[str, Profile]) -> dict[str, tuple[Candidate, ...]]:
    """Candidates of each route: first those it names, then those of its tiers, each in the order of the file.

    Returns: By route; a candidate's `lost` is empty, or `no key` (its provider is off), `weight 0`,
        or `lab` (a real deployment takes its place). Names that don't exist are left out.
    """
    lost, simulated = losses(settings, profiles), labs(settings)
    return {
        name: tuple(_candidates(named(route, settings.models), lost, simulated))
        for name, route in settings.routes.items()
    }


def offered(settings: Settings, profiles: Mapping[str, Profile]) -> list[str]:
    """Every name that can be asked for: the routes, then the listed models whose providers are on."""
    off = off_providers(settings, profiles)
    listed = (name for name, model in settings.models.items() if model.listed and model.provider not in off)
    return list(dict.fromkeys([*settings.routes, *listed]))


def off_providers(settings: Settings, profiles: Mapping[str, Profile]) -> frozenset[str]:
    """Providers that need a key and have none. That is no mistake: they are off until a key is there."""
    return frozenset(
        name
        for name, provider in settings.providers.items()
        if not (provider.key or provider.keys or provider.auth)
        and (profile := profiles.get(profile_name(settings, name))) is not None
        and profile.needs_key
    )


def profile_name(settings: Settings, provider: str) -> str:
    """Row of the profile table that a provider is described by."""
    return settings.providers[provider].profile or provider


def named(route: RouteSettings, models: Mapping[str, ModelSettings]) -> list[str]:
    """Models that a route names or takes by tier, each once."""
    by_tier = (name for tier in route.tiers for name, model in models.items() if model.tier == tier)
    return list(dict.fromkeys([*(name for name in route.models if name in models), *by_tier]))


def losses(settings: Settings, profiles: Mapping[str, Profile]) -> dict[str, str]:
    """Why each deployment can answer for no route: `no key` or `weight 0`; empty when it can."""
    off = off_providers(settings, profiles)
    return {
        name: NO_KEY if model.provider in off else "" if model.weight > 0 else NO_WEIGHT
        for name, model in settings.models.items()
    }


def labs(settings: Settings) -> frozenset[str]:
    """Deployments that are simulated."""
    simulated = {name for name in settings.providers if profile_name(settings, name) == LAB_PROFILE}
    return frozenset(name for name, model in settings.models.items() if model.provider in simulated)


def _candidates(names: list[str], lost: Mapping[str, str], simulated: frozenset[str]) -> Iterable[Candidate]:
    real = any(not lost[name] and name not in simulated for name in names)
    for name in names:
        by_rule = LAB if real and name in simulated else ""
        yield Candidate(deployment=name, lost=lost[name] or by_rule)
