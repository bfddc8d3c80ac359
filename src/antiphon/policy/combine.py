"""From the policies that hold for a resource to what they decide of it."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from antiphon.core.verdict import NO_OBLIGATIONS, Obligations
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
    obligations: tuple[Obligations, ...] = ()
    """Of the policies that hold."""
    shadow: tuple[str, ...] = ()


def found(held: Held, rules: Sequence[Rule], in_force: frozenset[int] | None, otherwise: Otherwise) -> Found:
    """Decide: what failed denies, then a forbid does, then a permit allows, then the default holds.

    Args:
        rules: Those that the engine was made of.
        in_force: Places of those that are for this caller; None: all.
    """
    if held.broken:
        return Found(allowed=False, reasons=REQUEST_FAILED)
    holds = _those(held.holds, rules, in_force)
    failed = _those(held.failed, rules, in_force)
    live = [rule for rule in holds if rule.mode == "enforce"]
    decided = _decided(live, [rule for rule in failed if rule.mode == "enforce"], otherwise)
    noted = tuple(_noted([rule for rule in (*failed, *holds) if rule.mode == "shadow"], failed, decided))
    return decided if not noted else Found(
        allowed=decided.allowed, reasons=decided.reasons, obligations=decided.obligations, shadow=noted
    )


def _those(places: tuple[int, ...], rules: Sequence[Rule], in_force: frozenset[int] | None) -> list[Rule]:
    return [rules[at] for at in places if in_force is None or at in in_force]


def _decided(live: list[Rule], failed: list[Rule], otherwise: Otherwise) -> Found:
    if failed:
        return Found(allowed=False, reasons=tuple(f"error:{rule.id}" for rule in failed))
    forbids = [rule for rule in live if rule.effect == "forbid" and not rule.asks]
    if forbids:
        return Found(allowed=False, reasons=_ids(forbids), obligations=_obliged(forbids))
    permits = [rule for rule in live if rule.effect == "permit"]
    asks = [rule for rule in live if rule.asks]
    if not permits and otherwise == "deny":
        return Found(allowed=False, reasons=(f"{BY_DEFAULT}deny",))
    reasons = _ids((*permits, *asks)) or (f"{BY_DEFAULT}allow",)
    return Found(allowed=True, reasons=reasons, obligations=_obliged((*permits, *asks)))


def _ids(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.id for rule in rules))


def _obliged(rules: Iterable[Rule]) -> tuple[Obligations, ...]:
    return tuple(rule.obligations for rule in rules if rule.obligations != NO_OBLIGATIONS)


def _noted(shadowed: list[Rule], failed: list[Rule], decided: Found) -> Iterable[str]:
    """What shadowed policies would have decided otherwise: `ID: deny` and so on."""
    by_default = decided.reasons == (f"{BY_DEFAULT}deny",)
    for rule in shadowed:
        if rule in failed:
            yield f"{rule.id}: error"
        elif rule.effect == "forbid":
            if decided.allowed:
                yield f"{rule.id}: {'approve' if rule.asks else 'deny'}"
        elif by_default:
            yield f"{rule.id}: allow"
        elif decided.allowed and rule.obligations != NO_OBLIGATIONS and rule.obligations not in decided.obligations:
            yield f"{rule.id}: oblige"
