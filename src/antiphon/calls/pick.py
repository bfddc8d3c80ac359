"""Who gets the next attempt of a call."""

from collections.abc import Mapping

from antiphon.calls.attempt import Spot
from antiphon.calls.balance import choose
from antiphon.calls.breaker import BreakerState
from antiphon.calls.choice import NONE
from antiphon.calls.ejection import eject
from antiphon.calls.member import FULL, NO_ROOM
from antiphon.calls.prepared import Policy, Prepared, Rank
from antiphon.calls.sticky import stick

NOT_OURS = "waits for a probe"


def pick(
    prepared: Prepared,
    rank: int,
    *,
    seed: int,
    now_s: float,
    tried: Mapping[str, str] = NONE,
    key: int | None = None,
    strict: bool = True,
    reason: str = "",
) -> Spot | None:
    """Pick one of a rank's deployments; None when there is none to be had.

    Args:
        seed: Chance, or the route's turn.
        tried: Deployments that this request can't use, and why.
        key: What the request sticks by.
        strict: Leave alone who had better be left alone; else it is asked where nobody better is left.
    """
    ranked = prepared.ranks[rank]
    policy = prepared.policy
    barred: Mapping[str, str] = NONE
    forced: frozenset[str] = frozenset()
    own = policy.calls.probes.enabled
    for member in ranked.members.values():
        if not member.ready(now_s) or member.name in tried or (own and not member.breaker.closed):
            barred, forced = _barred(ranked, policy, now_s, tried, strict=strict)
            break
    if key is not None and policy.sticky is not None:
        choice = stick(ranked.group, key, policy.sticky.load_bound, barred)
    else:
        choice = choose(ranked.group, policy.balance, seed, now_s, barred)
    chosen = choice.chosen
    if chosen is None:
        return None
    name = chosen.deployment
    return Spot(ranked.members[name], ranked.targets[name], rank, reason=reason, choice=choice, forced=name in forced)


def usable(prepared: Prepared, rank: int, *, now_s: float, tried: Mapping[str, str]) -> int:
    """How many of a rank could take an attempt now."""
    members = prepared.ranks[rank].members.values()
    return sum(1 for member in members if member.name not in tried and member.ready(now_s))


def _barred(
    rank: Rank, policy: Policy, now_s: float, tried: Mapping[str, str], *, strict: bool
) -> tuple[dict[str, str], frozenset[str]]:
    """Who can't be used now, each with its reason, and who is used although its breaker is open."""
    barred, forced = _left_alone(rank, policy, now_s, strict=strict)
    passing: dict[str, str] = {}
    for name, member in rank.members.items():
        if name in tried:
            barred[name] = tried[name]
        elif name not in barred and (why := member.trouble(now_s)):
            passing[name] = why
    if strict or len(barred) + len(passing) < len(rank.members):
        return {**barred, **passing}, forced
    # Nobody else is left. What passes is waited for, or asked all the same; what can't be is not.
    for name, why in passing.items():
        if why != FULL and why != NO_ROOM and not rank.members[name].askable(now_s):  # noqa: PLR1714
            barred[name] = why
    forced |= passing.keys() - barred.keys()
    if len(barred) == len(rank.members):  # who holds the pool up for ejection can't be asked
        left = [name for name in barred if name not in tried and rank.members[name].askable(now_s)]
        best = min(left, key=lambda name: rank.members[name].breaker.state(now_s).retry_at_s or 0.0, default=None)
        if best is not None:
            del barred[best]
            forced |= {best}
    return barred, forced


def _waits(state: BreakerState) -> bool:
    """Whether a breaker lets a probe through."""
    return state.state == "half_open" and not state.probing


def _left_alone(rank: Rank, policy: Policy, now_s: float, *, strict: bool) -> tuple[dict[str, str], frozenset[str]]:
    """Whose breaker says no, and whom the pool can't do without although it does."""
    states = [member.breaker.state(now_s) for member in rank.members.values()]
    if all(state.state == "closed" for state in states):
        return {}, frozenset()
    pool = eject(states, policy.calls.ejection)
    barred = {one.name: f"left alone: {one.reason}" for one in pool.ejected}
    probes = pool.probes
    if policy.calls.probes.enabled:
        barred.update(dict.fromkeys(probes, NOT_OURS))
        probes = ()
    if strict and not pool.members and not probes:
        own = policy.calls.probes.enabled
        return {one.name: f"left alone: {one.reason}" for one in states if own or not _waits(one)}, frozenset()
    return barred, frozenset(pool.forced)
