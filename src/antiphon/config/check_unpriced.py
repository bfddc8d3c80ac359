"""Models that a hard budget of money lets nobody call, since they have no price."""

from collections.abc import Mapping
from datetime import date

from antiphon.config.resolve import named, off_providers
from antiphon.config.settings import Settings
from antiphon.config.unpriced import without_price
from antiphon.core.budget import Scope
from antiphon.metering.matching import fits
from antiphon.metering.settings import BudgetSettings
from antiphon.providers.profile import Profile

REMEDY = "give each a `price`, or write `unpriced: allow` at the budget"


def refused(settings: Settings, profiles: Mapping[str, Profile], day: date) -> dict[str, list[str]]:
    """Models by the name of each budget that refuses all calls to them.

    A budget that is for some callers counts as one for all. Models whose providers are off are not among them.
    """
    hard = [
        one for one in settings.budgets if one.usd is not None and one.at_cap == "refuse" and one.unpriced == "refuse"
    ]
    if not hard:
        return {}
    off = off_providers(settings, profiles)
    scopes = {
        name: _scopes(name, settings)
        for name in without_price(settings, day)
        if settings.models[name].provider not in off
    }
    found = {one.name: [name for name, values in scopes.items() if _covers(one, values)] for one in hard}
    return {budget: names for budget, names in found.items() if names}


def said(names: list[str]) -> str:
    """What such a budget does."""
    return f"refuses calls to models without a price: {', '.join(names)}"


def _scopes(name: str, settings: Settings) -> dict[Scope, tuple[str, ...]]:
    """What the use of a model is counted by, as far as it doesn't depend on the caller."""
    model = settings.models[name]
    routes = tuple(route for route, one in settings.routes.items() if name in named(one, settings.models))
    return {
        "deployment": (name,),
        "provider": (model.provider,),
        "tier": (model.tier,) if model.tier else (),
        "route": (*routes, name) if model.listed else routes,
        "model": (*routes, name) if model.listed else routes,
    }


def _covers(budget: BudgetSettings, values: Mapping[Scope, tuple[str, ...]]) -> bool:
    """Whether calls may fall under it."""
    only = {scope: tuple(budget.only.get(scope, ("*",))) for scope in (*(budget.on or ()), *budget.only)}
    return all(any(fits(only[scope], one) for one in values[scope]) for scope in values if scope in only)
