"""Outlier ejection: which members of a pool are asked, when some of them are left alone.

A breaker looks at one deployment. A pool needs more: to leave out most of it would bury the rest under its
traffic, and to leave out all of it would answer nothing. So at most a share is ejected, and the soundest of those
that their breakers would leave alone are let through all the same; the receipt says so.

Source: Envoy, `outlier_detection.max_ejection_percent` and the panic threshold (50 %), v1.39.
"""

from collections.abc import Sequence

from msgspec import Struct

from antiphon.calls.breaker import BreakerState
from antiphon.calls.settings_failure import EjectionSettings


class Ejected(Struct, frozen=True, kw_only=True):
    """A member that isn't asked now."""

    name: str
    retry_at_s: float
    """Steady seconds when its breaker lets a probe through."""
    reason: str


class Pool(Struct, frozen=True, kw_only=True):
    """Who may be asked, in the order that the members were given in."""

    members: tuple[str, ...]
    """Closed: any attempt may go there."""
    probes: tuple[str, ...]
    """Half open and waiting for a probe: one attempt may go there, with `Breaker.admit`."""
    forced: tuple[str, ...]
    """Not closed, and let through all the same, with `Breaker.force`."""
    ejected: tuple[Ejected, ...]


def eject(states: Sequence[BreakerState], settings: EjectionSettings) -> Pool:
    """Tell who of a pool may be asked.

    A pool whose breakers all allow needs none of this: all its members are usable.

    Args:
        states: Of all members, at one moment; one at least, each of another name.
    Raises: ValueError for an empty pool.
    """
    if not states:
        raise ValueError("a pool has one member at least")
    out = sorted((one for one in states if one.state != "closed"), key=_soundness)
    # 1e-9: 0.29 x 100 is 28.999999999999996.
    most = min(int(settings.max_ejected_fraction * len(states) + 1e-9), len(states) - 1)
    forced = {one.name for one in out[: max(len(out) - most, 0)]}
    probes = {one.name for one in out if one.name not in forced and one.state == "half_open" and not one.probing}
    return Pool(
        members=tuple(one.name for one in states if one.state == "closed"),
        probes=tuple(one.name for one in states if one.name in probes),
        forced=tuple(one.name for one in states if one.name in forced),
        ejected=tuple(
            Ejected(name=one.name, retry_at_s=one.retry_at_s or 0.0, reason=one.reason)
            for one in states
            if one.state != "closed" and one.name not in forced and one.name not in probes
        ),
    )


def _soundness(state: BreakerState) -> tuple[float, float, str]:
    """Who is nearest to being back comes first; its name makes ties the same for all."""
    return state.retry_at_s or 0.0, state.failure_fraction, state.name
