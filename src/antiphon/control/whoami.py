"""Who somebody is to the control plane, for themselves."""

from msgspec import Struct

from antiphon.control.roles import MAY, PERMISSIONS
from antiphon.control.who import Who


class GrantShown(Struct, frozen=True, kw_only=True):
    """A role, and where it holds."""

    role: str
    tenant: str | None
    """None: in all of them."""
    team: str | None
    """None: in all of the tenant."""
    may: list[str]


class WhoShown(Struct, frozen=True, kw_only=True):
    """What records call somebody, whom they belong to, and what they may."""

    by: str
    tenant: str | None
    user: str
    team: str
    department: str
    employment: str
    grants: list[GrantShown]


def told(who: Who) -> WhoShown:
    own = who.principal
    return WhoShown(
        by=who.by,
        tenant=None if own is None else own.tenant,
        user="" if own is None else own.user,
        team="" if own is None else own.team,
        department="" if own is None else own.department,
        employment="" if own is None else own.employment,
        grants=[
            GrantShown(
                role=one.role,
                tenant=one.scope.tenant,
                team=one.scope.team,
                may=[permission for permission in PERMISSIONS if permission in MAY.get(one.role, ())],
            )
            for one in who.grants
        ],
    )
