"""From what was decided of each group of deployments to the verdict on a call."""

from collections.abc import Iterable, Sequence
from itertools import chain

from msgspec import Struct

from antiphon.core.data_class import RANKS, DataClass
from antiphon.core.principal import Principal
from antiphon.core.verdict import Obligations, Verdict
from antiphon.policy.combine import BY_DEFAULT, Found
from antiphon.policy.entities import tier_rank
from antiphon.policy.fleet import Fleet
from antiphon.policy.rule import Rule
from antiphon.policy.settings import Otherwise
from antiphon.policy.strict import strictest
from antiphon.policy.verdict import KEY_MODELS

PRIVATE = "data_class.private"
"""Why a deployment outside the own network is left out."""
CLEARANCE = "key.clearance"
"""Why a request is refused whose class is above what its caller may send."""


class Terms(Struct, frozen=True, kw_only=True):
    """What holds beside the policies."""

    default: Otherwise = "allow"
    tiers: tuple[str, ...] = ("fast", "balanced", "premium")
    private_from: DataClass | None = "confidential"
    cache_entries: int = 10_000


def confined(data_class: DataClass, terms: Terms) -> bool:
    """Whether only what is private may see a class."""
    return terms.private_from is not None and RANKS[data_class] >= RANKS[terms.private_from]


def below(principal: Principal, data_class: DataClass) -> bool:
    """Whether a class is above what a principal may send."""
    return principal.clearance is not None and RANKS[data_class] > RANKS[principal.clearance]


def judged(fleet: Fleet, each: Sequence[Found], data_class: DataClass, terms: Terms, version: str) -> Verdict:
    """The verdict on a call that may go to any of a fleet's deployments.

    Args:
        each: What was decided of each of the fleet's groups.
    """
    out = _left_out(fleet, each, data_class, terms)
    left = _left(fleet, each, out)
    rules = _rules(left)
    obligations = strictest((rule.obligations for rule in rules), terms.tiers)
    if obligations.max_tier:
        out = {**_above(fleet, rules, terms), **out}
        left = _left(fleet, each, out)
    shadow = tuple(dict.fromkeys(chain.from_iterable(one.shadow for one in each)))
    if not left:
        return _refused(fleet, each, out, data_class, terms, version, shadow)
    reasons = tuple(dict.fromkeys(chain.from_iterable(one.reasons for one in left)))
    return Verdict(
        allowed=True,
        reasons=reasons if version else (KEY_MODELS,),
        excluded=tuple(name for name in fleet.deployments if name in out),
        why=tuple(",".join(out[name]) for name in fleet.deployments if name in out),
        data_class=data_class,
        private=confined(data_class, terms),
        obligations=obligations,
        shadow=shadow,
        policy=version,
    )


def _left_out(fleet: Fleet, each: Sequence[Found], data_class: DataClass, terms: Terms) -> dict[str, tuple[str, ...]]:
    """Deployments that are left out, and why."""
    out = {
        name: one.reasons
        for group, one in zip(fleet.groups, each, strict=True)
        if not one.allowed
        for name in group.names
    }
    if confined(data_class, terms):
        out |= {name: (PRIVATE, *out.get(name, ())) for name in fleet.public}
    return out


def _left(fleet: Fleet, each: Sequence[Found], out: dict[str, tuple[str, ...]]) -> list[Found]:
    """What was decided of the groups of which somebody is left."""
    pairs = zip(fleet.groups, each, strict=True)
    return [one for group, one in pairs if any(name not in out for name in group.names)]


def _rules(each: Iterable[Found]) -> list[Rule]:
    return list({id(rule): rule for one in each for rule in one.rules}.values())


def _above(fleet: Fleet, rules: Sequence[Rule], terms: Terms) -> dict[str, tuple[str, ...]]:
    """Deployments of a higher tier than policies oblige to, and those policies."""
    most = [(rule.id, tier_rank(rule.obligations.max_tier, terms.tiers)) for rule in rules if rule.obligations.max_tier]
    found = {name: tuple(one for one, top in most if rank > top) for name, rank in fleet.ranks.items()}
    return {name: why for name, why in found.items() if why}


def _refused(
    fleet: Fleet,
    each: Sequence[Found],
    out: dict[str, tuple[str, ...]],
    data_class: DataClass,
    terms: Terms,
    version: str,
    shadow: tuple[str, ...],
) -> Verdict:
    """Nobody is left."""
    reasons = tuple(dict.fromkeys(chain.from_iterable(out.values()))) or (f"{BY_DEFAULT}{terms.default}",)
    told = strictest((rule.obligations for rule in _rules(each)), terms.tiers)
    return Verdict(
        allowed=not fleet.deployments and terms.default == "allow",
        reasons=reasons,
        excluded=tuple(fleet.deployments),
        why=tuple(",".join(out[name]) for name in fleet.deployments),
        data_class=data_class,
        private=confined(data_class, terms),
        obligations=Obligations(log=told.log, retention_days=told.retention_days),
        shadow=shadow,
        policy=version,
    )
