"""What a configuration amounts to: where each name leads, and which providers are on."""

from collections.abc import Mapping

from msgspec import Struct, to_builtins

from antiphon.calls.settings import RouteSettings
from antiphon.cli.terminal import bold
from antiphon.cli.text import indented, table
from antiphon.config.fallbacks import KINDS, Pools, fallbacks
from antiphon.config.load import Loaded
from antiphon.config.resolve import LAB_PROFILE, off_providers, profile_name, resolve
from antiphon.config.settings import Settings
from antiphon.core.plan import Candidate, FallbackKind
from antiphon.providers.profiles import PROFILES

AFTER: dict[FallbackKind, str] = {
    "any": "after any failure",
    "context_window": "when the request is too long",
    "content_policy": "when the content is refused",
}


class Provider(Struct, frozen=True, kw_only=True):
    """An account, and whether it is called."""

    name: str
    on: bool
    why: str


def providers(settings: Settings) -> list[Provider]:
    """Every provider, in the order of the file."""
    off = off_providers(settings, PROFILES)
    return [Provider(name=name, on=name not in off, why=_why(settings, name, off)) for name in settings.providers]


def _why(settings: Settings, name: str, off: frozenset[str]) -> str:
    if name in off:
        return f"it needs a key: set providers.{name}.key"
    if profile_name(settings, name) == LAB_PROFILE:
        return "simulated, run by the gateway"
    if not any(model.provider == name for model in settings.models.values()):
        return "no model uses it"
    provider = settings.providers[name]
    if provider.keys:
        return f"{len(provider.keys)} keys are set"
    return "a key is set" if provider.key else "it needs no key"


def page(loaded: Loaded) -> list[str]:
    """The summary for people."""
    settings = loaded.settings
    routes = resolve(settings, PROFILES)
    lines = [f"{loaded.file} is right, revision {loaded.revision.id}"]
    if routes:
        pools = fallbacks(settings, PROFILES)
        rows = [
            row
            for name, candidates in routes.items()
            for row in [*_route(name, candidates), *_further(settings.routes[name], pools[name])]
        ]
        lines += ["", bold("Routes"), *indented(table(rows))]
    if settings.providers:
        rows = [(one.name, "on" if one.on else "off", one.why) for one in providers(settings)]
        lines += ["", bold("Providers"), *indented(table(rows))]
    return lines


def _route(name: str, candidates: tuple[Candidate, ...]) -> list[tuple[str, str]]:
    by_reason: dict[str, list[str]] = {}
    for candidate in candidates:
        by_reason.setdefault(candidate.lost, []).append(candidate.deployment)
    rows = [(name, ", ".join(by_reason.pop("", [])))]
    return rows + [("", f"not, for {reason}: {', '.join(names)}") for reason, names in by_reason.items()]


def _further(route: RouteSettings, pools: Mapping[FallbackKind, Pools]) -> list[tuple[str, str]]:
    """Who takes over, and what else is switched on."""
    rows = [("", f"{AFTER[kind]}: {_in_turn(pools[kind])}") for kind in KINDS if pools[kind]]
    last = route.last_resort
    said = (
        ("hedged", route.hedge.enabled),
        ("identical requests share a call", route.coalesce.enabled),
        ("streams that break are continued", route.on_cut == "continue"),
        ("last resort: a text", bool(last.respond)),
        (f"handed off to {last.hand_off}", bool(last.hand_off)),
    )
    on = ", ".join(what for what, is_on in said if is_on)
    return [*rows, ("", on)] if on else rows


def _in_turn(pools: Pools) -> str:
    """Those that stand equal together: `big, then small or other`."""
    return ", then ".join(" or ".join(pool) for pool in pools)


def document_of(loaded: Loaded) -> dict[str, object]:
    """The same for programs; what is switched on, `antiphon config show --json` tells."""
    routes, pools = resolve(loaded.settings, PROFILES), fallbacks(loaded.settings, PROFILES)
    return {
        "file": loaded.file,
        "revision": loaded.revision.id,
        "routes": [
            {
                "name": name,
                "candidates": [{"deployment": one.deployment, "lost": one.lost} for one in candidates],
                "fallbacks": pools[name],
            }
            for name, candidates in routes.items()
        ],
        "providers": [to_builtins(one) for one in providers(loaded.settings)],
    }
