"""What routes say without effect: switches left out, places where nobody is, sections with nothing in them."""

from collections.abc import Iterator
from difflib import get_close_matches

from antiphon.calls.settings import RouteSettings
from antiphon.calls.settings_cache import CacheSettings
from antiphon.calls.settings_flow import CoalesceSettings, HedgeSettings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.providers.settings import ModelSettings
from antiphon.wire.yaml_node import Path


def check_idle(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    """Sections that are written and do nothing."""
    yield from _switch("hedge", route.hedge, path, written)
    yield from _switch("coalesce", route.coalesce, path, written)
    yield from _switch("cache", route.cache, path, written)
    yield from _last_resort(route, path, written)


def check_places(
    route: RouteSettings, answering: list[ModelSettings], path: Path, written: Written
) -> Iterator[Problem]:
    """A region or a zone to prefer where none of the route's deployments, fallbacks included, is.

    Args:
        answering: All that the route could ever lead to.
    """
    balance = route.balance
    for what, asked in (("region", balance.region), ("zone", balance.zone)):
        places: set[str] = {getattr(model, what) for model in answering}
        if asked and asked not in places:
            wrong = f"no deployment of the route or its fallbacks is in the {what} {asked}"
            near = get_close_matches(asked, places, n=1)
            guess = f"did you mean `{near[0]}`? else " if near else ""
            remedy = f"{guess}write `{what}: {asked}` at one of their models, or leave this out"
            yield written.problem((*path, "balance", what), wrong, remedy)


def _switch(
    name: str, section: HedgeSettings | CoalesceSettings | CacheSettings, path: Path, written: Written
) -> Iterator[Problem]:
    """An explicit `enabled: false` keeps the rest for later."""
    at = (*path, name)
    others = [key for key in section.__struct_fields__ if key != "enabled" and written.has((*at, key))]
    if others and not written.has((*at, "enabled")) and written.sound(at):
        wrong = "has no effect while `enabled` is not set"
        yield written.problem(at, wrong, "write `enabled: true` in it, or leave it out")


def _last_resort(route: RouteSettings, path: Path, written: Written) -> Iterator[Problem]:
    """A key of it that is written, if empty, is as explicit as `enabled: false`."""
    at = (*path, "last_resort")
    empty = not any(written.has((*at, key)) for key in route.last_resort.__struct_fields__)
    if written.has(at) and empty and written.sound(at):
        wrong = "has nothing in it, so nothing is done"
        yield written.problem(at, wrong, "write `respond` or `hand_off` in it, or leave it out")
