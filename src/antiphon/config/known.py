"""Of which routes it is known who answers, so that a check may judge them."""

from antiphon.config.descent import descend
from antiphon.config.fallbacks import KINDS, every_name, leads
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.plan import FallbackKind
from antiphon.routing.settings import RouteSettings


def known(settings: Settings, written: Written) -> frozenset[str]:
    """Routes of which all that they lead to, fallbacks included, could be read, exists and goes in no loop."""
    if not written.sound(("models",), ("providers",)):
        return frozenset()
    clear = frozenset(
        name
        for name, route in settings.routes.items()
        if written.sound(("routes", name)) and _names_exist(route, settings)
    )
    return clear.intersection(*(_down_to(clear, settings, kind) for kind in KINDS))


def tiers_of(settings: Settings) -> tuple[str, ...]:
    """Every tier that a model has, in order of the alphabet."""
    return tuple(sorted({model.tier for model in settings.models.values() if model.tier}))


def _names_exist(route: RouteSettings, settings: Settings) -> bool:
    return (
        settings.models.keys() >= set(route.models)
        and set(tiers_of(settings)) >= set(route.tiers)
        and settings.models.keys() | settings.routes.keys() >= every_name(route)
    )


def _down_to(clear: frozenset[str], settings: Settings, kind: FallbackKind) -> frozenset[str]:
    """Those of the clear routes that lead to clear ones only."""
    graph = leads(settings, kind)
    out: set[str] = set()
    for name in descend(graph).order:
        if name in clear and out.issuperset(graph[name]):
            out.add(name)
    return frozenset(out)
