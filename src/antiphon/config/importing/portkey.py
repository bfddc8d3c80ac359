"""A Portkey gateway config: a tree of strategies and targets. Source of its meaning: Portkey-AI/gateway 1.15.2,
`src/types/requestBody.ts` and `src/handlers/handlerUtils.ts`.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from antiphon.config.importing.draft import Draft, Imported, Plain, drafted, fitting, free
from antiphon.config.importing.portkey_targets import INHERITED, deployment
from antiphon.config.importing.source import Section

MAIN = "default"
HOOKS = "guards are another matter than routing: write them by hand"
REASONS: Mapping[str, str] = {
    **dict.fromkeys(
        ("before_request_hooks", "after_request_hooks", "input_guardrails", "output_guardrails", "guardrails"), HOOKS
    ),
    "input_mutators": HOOKS,
    "output_mutators": HOOKS,
    "forward_headers": "headers that each dialect knows go on; others do not",
    "metadata": "write it at keys: `tenant`, `team`, `user`, `tags`",
    "trace_id": "send `traceparent`",
    "id": "not needed",
    "version": "not needed",
}
MOST_ATTEMPTS = 20


def convert(file: Path) -> Imported:
    """Read one and write ours: the tree's root is the public name `default`. Raises: ConfigError."""
    return drafted("portkey", file, _carry)


def _carry(source: Section, draft: Draft) -> None:
    root = source.section("config") if "config" in source else source
    _Tree(draft).node(root, MAIN, {})
    if root is not source:
        source.rest(dict.fromkeys(("name", "slug", "id", "status", "workspace_id"), "not needed"))


class _Tree:
    """Writes a route for every node that has a strategy, and a deployment for every target."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def node(self, node: Section, name: str, above: Plain) -> str:
        """One node. Returns: the name of its route; empty: nothing of it could be carried."""
        settings = _inherited(node, above)
        strategy = node.section("strategy")
        mode = strategy.text("mode") or ("single" if "targets" not in node else "loadbalance")
        children = node.sections("targets")
        match mode:
            case "fallback" if children:
                made = self._fallback(children, name, settings)
                strategy.leave("on_status_codes", "one table says what each failure leads to, see the page on calls")
            case "conditional" if children:
                made = self._conditional(strategy, children, name, settings)
            case "single" | "loadbalance" if children:
                made = self._balanced(children if mode == "loadbalance" else children[:1], name, settings)
                for one in children[1:] if mode == "single" else []:
                    one.tell(one.path, "the strategy is `single`: only the first target is asked")
            case _:
                made = self._single(node, name, settings)
        strategy.rest()
        node.rest(REASONS)
        return made

    def _route(self, name: str, models: list[str], settings: Plain, fallbacks: list[str]) -> str:
        """Write it, if it leads anywhere."""
        leads = list(dict.fromkeys(models))
        further = [one for one in dict.fromkeys(fallbacks) if one and one != name]
        if not leads:
            return ""
        route: Plain = {"models": leads}
        if further:
            route["fallbacks"] = {"any": further}
        if "attempts" in settings:
            route["attempts"] = min(settings["attempts"] + len(further), MOST_ATTEMPTS)
        if "cache" in settings:
            route["cache"] = dict(settings["cache"])
        self._draft.routes[name] = route
        return name

    def _single(self, node: Section, name: str, settings: Plain) -> str:
        made = deployment(node, settings, self._draft)
        return self._route(name, [made] if made else [], settings, [])

    def _name(self, child: Section, name: str, at: int) -> str:
        return free(fitting(child.text("name")) or f"{name}-{at}", self._draft.routes)

    def _balanced(self, children: list[Section], name: str, settings: Plain) -> str:
        """Shares by weight. A target that has a strategy of its own gives its first deployment, and the rest take over."""
        models: list[str] = []
        fallbacks: list[str] = []
        for at, child in enumerate(children, 1):
            weight = child.number("weight")
            if "strategy" in child or "targets" in child:
                inner = self.node(child, self._name(child, name, at), settings)
                own = self._draft.routes.get(inner, {})
                child.tell(
                    child.path, f"it became the route {inner or '(none)'}; a share of one is a share of its models"
                )
                models += own.get("models", [])
                fallbacks += own.get("fallbacks", {}).get("any", [])
            else:
                made = self._leaf(child, settings)
                if made:
                    self._weigh(made, weight)
                    models.append(made)
        return self._route(name, models, settings, [one for one in fallbacks if one not in models])

    def _weigh(self, model: str, weight: float | None) -> None:
        if weight is not None:
            self._draft.models[model]["weight"] = int(weight) if weight == int(weight) else weight

    def _leaf(self, child: Section, settings: Plain) -> str:
        made = deployment(child, _inherited(child, settings), self._draft)
        if made:
            child.rest(REASONS)
        return made

    def _fallback(self, children: list[Section], name: str, settings: Plain) -> str:
        """The first target answers, the others take over in turn."""
        first: list[str] = []
        chain: list[str] = []
        for at, child in enumerate(children, 1):
            if "strategy" in child or "targets" in child:
                inner = self.node(child, self._name(child, name, at), settings)
                own = self._draft.routes.get(inner, {})
                if not first:
                    first, chain = list(own.get("models", [])), [*own.get("fallbacks", {}).get("any", [])]
                elif inner:
                    chain.append(inner)
            else:
                child.leave("weight", "those that take over have an order, not shares")
                made = self._leaf(child, settings)
                if made and not first:
                    first = [made]
                elif made:
                    chain.append(made)
        return self._route(name, first, settings, [one for one in chain if one not in first])

    def _conditional(self, strategy: Section, children: list[Section], name: str, settings: Plain) -> str:
        """Each target is a public name of its own: who asks says which it is."""
        made: dict[str, str] = {}
        for at, child in enumerate(children, 1):
            said = child.text("name")
            inner = self.node(child, self._name(child, name, at), settings)
            made[said] = inner
        for condition in strategy.sections("conditions"):
            then = condition.text("then")
            target = made.get(then) or "(none)"
            condition.value("query")
            condition.tell(condition.path, f"no rule chooses by requests here: callers ask for the model {target}")
            condition.rest()
        usual = made.get(strategy.text("default")) or next((one for one in made.values() if one), "")
        if usual and name not in self._draft.routes:
            self._draft.routes[name] = deepcopy(self._draft.routes[usual])
        return name if usual else ""


def _inherited(node: Section, above: Plain) -> Plain:
    """What holds for a node: what it says itself goes before what stands above it."""
    settings = {**above, "override": {**above.get("override", {}), **_table(node, "override_params")}}
    retry = node.section("retry")
    attempts = retry.number("attempts")
    if attempts is not None:
        settings["attempts"] = max(1 + int(attempts), 1)
    retry.leave("on_status_codes", "one table says what each failure leads to, see the page on calls")
    retry.leave("use_retry_after_header", "not needed: it is always followed, up to `calls.retry.patience_s`")
    retry.rest()
    cache = node.section("cache")
    mode, age_s = cache.text("mode"), cache.number("max_age")
    if mode:
        settings["cache"] = {"enabled": True, "any_temperature": True, **({"ttl_s": age_s} if age_s else {})}
        if mode == "semantic":
            cache.tell(
                cache.at("mode"), "answers to the same words are kept; for others see `routes.<name>.cache.semantic`"
            )
    cache.rest()
    timeout_ms = node.number("request_timeout")
    if timeout_ms is not None and timeout_ms > 0:
        settings["timeout_s"] = min(timeout_ms / 1000, 86_400)
    for key in INHERITED:
        if key in node:
            settings[key] = node.text(key)
    node.leave("cb_config", "breakers hold for all deployments: see `calls.breaker`")
    return settings


def _table(node: Section, key: str) -> Plain:
    table = node.section(key)
    return {name: (table.value(name), table.at(name)) for name in table}
