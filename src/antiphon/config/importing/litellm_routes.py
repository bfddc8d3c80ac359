"""How a LiteLLM proxy routes: strategies, retries, fallbacks and cooldowns become what routes and calls say here."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from msgspec import Struct

from antiphon.config.importing.draft import Draft, Plain, fitting
from antiphon.config.importing.litellm_models import Row
from antiphon.config.importing.source import Section

STRATEGY: Mapping[str, str] = {
    "simple-shuffle": "weighted",
    "least-busy": "least_in_flight",
    "latency-based-routing": "fastest",
    "cost-based-routing": "cheapest",
    "usage-based-routing": "headroom",
    "usage-based-routing-v2": "headroom",
}
KINDS: Mapping[str, str] = {
    "fallbacks": "any",
    "context_window_fallbacks": "context_window",
    "content_policy_fallbacks": "content_policy",
}
ONE_TABLE = "one table says what each failure leads to, see the page on calls"
SHARED = "what replicas share is set once, not for the router"
REASONS: Mapping[str, str] = {
    "retry_policy": ONE_TABLE,
    "model_group_retry_policy": ONE_TABLE,
    "allowed_fails_policy": ONE_TABLE,
    "retry_after": "waits are `calls.retry.base_s` to `cap_s`, and what the upstream's Retry-After says",
    "stream_timeout": "no deadline is for streams alone: `timeouts.first_byte_s` and `between_bytes_s` say it by phase",
    "enable_pre_call_checks": "not needed: what a deployment can't take is not sent to it, see `limits` and `capabilities`",
    "max_fallbacks": "`routes.<name>.attempts` bounds them",
    "enable_tag_filtering": "no tags stand at models: make a route for each group of callers",
    "provider_budget_config": "write a budget with `on: [provider]`",
    "debug_level": "see `telemetry.log_level`",
    "set_verbose": "see `telemetry.log_level`",
    "disable_cooldowns": "breakers always stand; `calls.breaker` sets when they open",
    "client_ttl": "not needed: connections are kept as long as they are sound",
    "cache_responses": "see `routes.<name>.cache`",
    **dict.fromkeys(("redis_host", "redis_port", "redis_password", "redis_url", "redis_db"), SHARED),
}
MOST_ATTEMPTS = 20
MOST_OPEN_S = 3600.0


class Routing(Struct, kw_only=True):
    """What routes are to say, as it is found in several sections; the first that says it counts."""

    retries: int | None = None
    timeout_s: float | None = None
    balance: Plain = {}
    sticky: Plain = {}
    cache: Plain = {}
    fallbacks: dict[str, dict[str, list[str]]] = {}
    """By kind and name."""
    usual: list[str] = []
    """For names that have none of their own."""
    aliases: dict[str, str] = {}


def read_router(router: Section, routing: Routing, draft: Draft) -> None:
    """`router_settings`, and what of them may stand in `litellm_settings` too."""
    strategy = router.text("routing_strategy")
    if strategy and strategy not in STRATEGY:
        router.tell(router.at("routing_strategy"), f"{strategy} has no counterpart: routes stay `weighted`")
    elif strategy and STRATEGY[strategy] != "weighted":
        routing.balance = {"strategy": STRATEGY[strategy]}
    arguments = router.section("routing_strategy_args")
    buffer = arguments.number("lowest_latency_buffer")
    if buffer is not None and routing.balance.get("strategy") == "fastest":
        routing.balance["fastest_within"] = min(max(buffer, 0.0), 10.0)
    arguments.rest()
    for check, path in router.items("optional_pre_call_checks"):
        if check == "prompt_caching":
            routing.sticky = {"by": "prefix"}
            if routing.balance:
                router.tell(path, f"it says where requests go, so `{routing.balance['strategy']}` was left out")
                routing.balance = {}
        elif check in ("session_affinity", "deployment_affinity", "responses_api_deployment_check"):
            routing.sticky = {"by": "session"}
        else:
            router.tell(path, f"{check} has no counterpart")
    _aliases(router, routing)
    read_failures(router, routing, draft)
    router.rest(REASONS)


def read_failures(section: Section, routing: Routing, draft: Draft) -> None:
    """Retries, deadlines, cooldowns and fallbacks."""
    retries = section.number("num_retries")
    if retries is not None and routing.retries is None:
        routing.retries = max(int(retries), 0)
    for key in ("timeout", "request_timeout"):
        seconds = section.number(key)
        if seconds is not None and routing.timeout_s is None and 0 < seconds <= 86_400:
            routing.timeout_s = seconds
        elif seconds is not None and routing.timeout_s != seconds:
            section.tell(section.at(key), "another deadline was read first, or it is out of bounds")
    _breaker(section, draft)
    for key, kind in KINDS.items():
        _fallbacks(section, key, kind, routing)
    for one, path in section.items("default_fallbacks"):
        if isinstance(one, str):
            routing.usual = [*routing.usual, one]
        else:
            section.tell(path, "a fallback is the name of a model")


def _breaker(section: Section, draft: Draft) -> None:
    """LiteLLM's cooldown: more failures than allowed, for so long."""
    fails, open_s = section.number("allowed_fails"), section.number("cooldown_time")
    breaker: Plain = draft.sections["calls"].setdefault("breaker", {})
    if fails is not None:
        breaker.setdefault("consecutive_failures", max(int(fails) + 1, 1))
    if open_s is not None:
        breaker.setdefault("open_s", min(max(open_s, 0.1), MOST_OPEN_S))
        if open_s > 60:
            breaker.setdefault("max_open_s", min(open_s, MOST_OPEN_S))
    if not breaker:
        del draft.sections["calls"]["breaker"]


def _aliases(router: Section, routing: Routing) -> None:
    table = router.section("model_group_alias")
    for alias in table:
        value = table.value(alias)
        if isinstance(value, dict):
            one = table.section(alias)
            routing.aliases[alias] = one.text("model")
            one.leave("hidden", "routes are always listed to keys that may ask for them")
            one.rest()
        else:
            routing.aliases[alias] = table.text(alias)


def _fallbacks(section: Section, key: str, kind: str, routing: Routing) -> None:
    """A list of tables, each of one name to those that take over for it."""
    of_kind = routing.fallbacks.setdefault(kind, {})
    for table in section.sections(key):
        for name in table:
            targets = [one for one, _ in table.items(name) if isinstance(one, str)]
            for one, path in table.items(name):
                if not isinstance(one, str):
                    table.tell(path, "a fallback is the name of a model; requests are not changed on the way")
            if name == "*" and kind == "any":
                routing.usual = [*routing.usual, *targets]
            else:
                of_kind.setdefault(name, targets)


def write_routes(groups: Mapping[str, list[Row]], routing: Routing, draft: Draft, source: Section) -> None:
    """A route for each public name, and for each other name of it."""
    for name, rows in groups.items():
        draft.routes[name] = {"models": [row.name for row in rows], **_common(routing)}
    for kind in KINDS.values():
        _lead(kind, routing, draft, source)
    for route in draft.routes.values():
        pools = cast("dict[str, list[str]]", route.get("fallbacks", {}))
        if routing.retries is not None:
            further = max((len(names) for names in pools.values()), default=0)
            route["attempts"] = min(1 + routing.retries + further, MOST_ATTEMPTS)
        if routing.cache:
            route["cache"] = dict(routing.cache)
    _alias(routing, draft, source)


def _alias(routing: Routing, draft: Draft, source: Section) -> None:
    """Another name leads where the first does."""
    for alias, name in routing.aliases.items():
        route, other = draft.routes.get(fitting(name)), fitting(alias)
        if route is None or not other or other in draft.routes:
            source.tell(
                f"router_settings.model_group_alias.{alias}", f"there is no model {name!r}, or it has that name"
            )
        else:
            draft.routes[other] = deepcopy(route)


def _common(routing: Routing) -> Plain:
    out: Plain = {}
    if routing.balance:
        out["balance"] = dict(routing.balance)
    if routing.sticky:
        out["sticky"] = dict(routing.sticky)
    if routing.timeout_s is not None:
        out["timeouts"] = {"total_s": routing.timeout_s}
    return out


def _lead(kind: str, routing: Routing, draft: Draft, source: Section) -> None:
    """Write the fallbacks of one kind. One that would close a loop of routes is written as the models of its route."""
    found = routing.fallbacks.get(kind, {})
    edges: dict[str, list[str]] = {}
    for name in draft.routes:
        original = next((one for one in found if fitting(one) == name), None)
        targets = found[original] if original is not None else routing.usual if kind == "any" else []
        names: list[str] = []
        for target in dict.fromkeys(fitting(one) for one in targets):
            if target == name:
                continue
            if target not in draft.routes:
                source.tell(f"({kind} fallbacks of {name})", f"there is no model {target} that could take over")
            elif set(draft.routes[target]["models"]) <= set(draft.routes[name]["models"]):
                source.tell(f"({kind} fallbacks of {name})", f"{target} leads to the same deployments")
            else:
                names += _acyclic(name, target, edges, draft)
        if names:
            cast("dict[str, Any]", draft.routes[name].setdefault("fallbacks", {}))[kind] = list(dict.fromkeys(names))
            edges[name] = names
    for name in found:
        if fitting(name) not in draft.routes:
            source.tell(f"({kind} fallbacks of {name})", "there is no such model that they could be for")


def _acyclic(name: str, target: str, edges: Mapping[str, list[str]], draft: Draft) -> list[str]:
    """The route, or its models where the route leads back."""
    reached, todo = set[str](), [target]
    while todo:
        one = todo.pop()
        if one == name:
            return list(draft.routes[target]["models"])
        if one not in reached:
            reached.add(one)
            todo += edges.get(one, [])
    return [target]
