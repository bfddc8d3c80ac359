"""Mistakes in guards: kinds, sides, actions, routes, patterns, files and functions."""

from collections.abc import Iterator

from antiphon.config.settings import Settings
from antiphon.config.written import Written, choose
from antiphon.core.error import Problem
from antiphon.governance.tool_calls import route_of
from antiphon.guards.mistakes import mistakes


def check_guards(settings: Settings, written: Written) -> Iterator[Problem]:
    """What is wrong with each guard, and the public names that it is for."""
    listed = [name for name, model in settings.models.items() if model.listed]
    names = tuple(dict.fromkeys((*written.names("routes"), *listed)))
    for name, guard in settings.guards.items():
        at = ("guards", name)
        if not written.sound(at):
            continue
        for path, wrong, remedy in mistakes(guard):
            yield written.problem((*at, *path), wrong, remedy)
        if written.sound(("routes",), ("models",)):
            for place, route in enumerate(guard.routes):
                if route not in names and not route.startswith(route_of("")):
                    yield written.problem(
                        (*at, "routes", place), f"there is no {route}", choose(route, names, "routes")
                    )
