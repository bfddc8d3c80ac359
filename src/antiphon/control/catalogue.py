"""The public model names that a key may ask for."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from antiphon.core.error import NotFound
from antiphon.core.principal import Principal
from antiphon.routing.route import Route


class Listed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of GET /v1/models: OpenAI's fields, and what else is known."""

    id: str
    object: str
    created: int
    owned_by: str
    description: str = ""
    tiers: tuple[str, ...] = ()
    context_window: int | None = None
    max_output_tokens: int | None = None


class Page(Struct, frozen=True, kw_only=True):
    """The answer of GET /v1/models."""

    object: str
    data: tuple[Listed, ...]


def models(routes: Mapping[str, Route], principal: Principal, created_s: int) -> Page:
    """All names that a principal may ask for, in alphabetical order."""
    return Page(object="list", data=tuple(_entries(routes.values(), principal, created_s)))


def model(routes: Mapping[str, Route], principal: Principal, created_s: int, name: str) -> Listed:
    """One of them. Raises: NotFound."""
    for entry in _entries([routes[name]] if name in routes else [], principal, created_s):
        return entry
    raise NotFound(
        f"there is no model {name!r}; GET /v1/models lists those there are", code="model_not_found", param="model"
    )


def _entries(routes: Iterable[Route], principal: Principal, created_s: int) -> Iterable[Listed]:
    for route in sorted(routes, key=lambda route: route.name):
        if not (principal.may_ask(route.name) and route.shown_to(principal.tenant)):
            continue
        windows = [deployment.context_tokens for deployment in route.deployments]
        outputs = [deployment.output_tokens for deployment in route.deployments]
        yield Listed(
            id=route.name,
            object="model",
            created=created_s,
            owned_by="antiphon",
            description=route.description,
            tiers=tuple(sorted({deployment.tier for deployment in route.deployments if deployment.tier})),
            context_window=_least(windows),
            max_output_tokens=_least(outputs),
        )


def _least(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None
