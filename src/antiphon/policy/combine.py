"""From the policies that hold for a resource to what they decide of it."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from antiphon.core.verdict import NO_OBLIGATIONS
from antiphon.policy.engine import Held
from antiphon.policy.rule import Rule
from antiphon.policy.settings import Otherwise

BY_DEFAULT = "default."
REQUEST_FAILED = ("error:request",)


class Found(Struct, frozen=True, kw_only=True):
    """What was decided of one resource."""

    allowed: bool
    reasons: tuple[str, ...]
    """Ids of the policies that decided, or `default.allow`, `default.deny`, `error:ID`."""
    rules: tuple[Rule, ...] = ()
    """Those that decided."""
    shadow: tuple[str, ...] = ()


def found(held: Held, rules: Sequence[Rule], otherwise: Otherwise) -> Found:
    """Decide: what failed denies, then a forbid does, then a permit allows, then the default holds.

    Args:
        rules: Those that the engine was made of.
    """
    if held.broken:
        return Found(allowed=False, reasons=REQUEST_FAILED)
    holds = [rules[at] for at in held.holds]
    failed = [rules[at] for at in held.failed]
    live = [rule for rule in holds if rule.mode == "enforce"]
    decided = _decided(live, [rule for rule in failed if rule.mode == "enforce"], otherwise)
    noted = tuple(_noted([rule for rule in (*failed, *holds) if rule.mode == "shadow"], failed, decided))
    return (
        decided
        if not noted
        else Found(allowed=decided.allowed, reasons=decided.reasons, rules=decided.rules, shadow=noted)
    )


def _decided(live: list[Rule], failed: list[Rule], otherwise: Otherwise) -> Found:
    if failed:
        return Found(allowed=False, reasons=tuple(f"error:{rule.id}" for rule in failed))
    forbids = [rule for rule in live if rule.effect == "forbid" and not rule.asks]
    if forbids:
        return Found(allowed=False, reasons=_ids(forbids), rules=tuple(forbids))
    permits = [rule for rule in live if rule.effect == "permit"]
    asks = [rule for rule in live if rule.asks]
    if not permits and otherwise == "deny":
        return Found(allowed=False, reasons=(f"{BY_DEFAULT}deny",))
    reasons = _ids((*permits, *asks)) or (f"{BY_DEFAULT}allow",)
    return Found(allowed=True, reasons=reasons, rules=(*permits, *asks))


def _ids(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.id for rule in rules))


def _noted(shadowed: list[Rule], failed: list[Rule], decided: Found) -> Iterable[str]:
    """What shadowed policies would have decided otherwise: `ID: deny` and so on."""
    obliged = [rule.obligations for rule in decided.rules]
    by_default = decided.reasons == (f"{BY_DEFAULT}deny",)
    for rule in shadowed:
        if rule in failed:
            yield f"{rule.id}: error"
        elif rule.effect == "forbid":
            if decided.allowed:
                yield f"{rule.id}: {'approve' if rule.asks else 'deny'}"
        elif by_default:
            yield f"{rule.id}: allow"
        elif decided.allowed and rule.obligations != NO_OBLIGATIONS and rule.obligations not in obliged:
            yield f"{rule.id}: oblige"
