"""Obligations of several policies as one."""

from collections.abc import Iterable, Sequence

from antiphon.core.verdict import NO_OBLIGATIONS, Obligations
from antiphon.policy.annotations import LOGS

EITHER = "owner"
"""Who approves where policies ask for different roles: the role that has every permission."""


def strictest(each: Iterable[Obligations], tiers: Sequence[str]) -> Obligations:
    """What fulfils them all.

    Of kinds to mask and of guards: all; of logs and tiers the lowest; of days the fewest; of approvals the most, by
    `owner` where the roles differ; of recipes those that all allow.
    """
    made = list(dict.fromkeys(one for one in each if one != NO_OBLIGATIONS))
    if len(made) <= 1:
        return made[0] if made else NO_OBLIGATIONS
    days = [one.retention_days for one in made if one.retention_days is not None]
    roles = {one.approve for one in made if one.approve}
    return Obligations(
        mask=_all(one.mask for one in made),
        guards=_all(one.guards for one in made),
        log=min((one.log for one in made if one.log), key=LOGS.index, default=""),
        retention_days=min(days, default=None),
        approve=roles.pop() if len(roles) == 1 else EITHER if roles else "",
        approvals=max(one.approvals for one in made),
        disclose=any(one.disclose for one in made),
        recipes=_shared([one.recipes for one in made if one.recipes is not None]),
        max_tier=min((one.max_tier for one in made if one.max_tier), key=list(tiers).index, default=""),
    )


def _all(each: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    found = dict.fromkeys(one for some in each for one in some)
    return ("*",) if "*" in found else tuple(found)


def _shared(each: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    if not each:
        return None
    return tuple(one for one in each[0] if all(one in others for others in each[1:]))
