"""Who asks the control plane, and what of it they may see."""

from msgspec import Struct

from antiphon.control import roles
from antiphon.control.roles import Permission
from antiphon.core.error import NotAllowed
from antiphon.core.principal import Principal


class Sight(Struct, frozen=True, kw_only=True):
    """Somebody who signed in, and the part of all records that is theirs to see."""

    by: str
    """`key/NAME`, `user/SUBJECT` or `bootstrap`: what records of changes call them."""
    roles: tuple[str, ...]
    tenant: str | None = None
    """The only one whose records they see; None: all."""
    team: str | None = None
    """The only team of that tenant; None: all."""

    def may(self, permission: Permission) -> bool:
        return roles.may(self.roles, permission)

    def need(self, permission: Permission) -> None:
        """Raises: NotAllowed, where they lack it."""
        if not self.may(permission):
            raise NotAllowed(
                f"this needs the permission `{permission}`; {self.by} has the roles: {', '.join(self.roles) or 'none'}",
                code="role_not_allowed",
            )

    def sees(self, principal: Principal | None) -> bool:
        """Whether what this principal did is theirs to see. What nobody known did is for those who see all."""
        if self.tenant is None:
            return True
        if principal is None or principal.tenant != self.tenant:
            return False
        return self.team is None or principal.team == self.team


FIRST = Sight(by="bootstrap", roles=("owner",))
"""Whoever has the first admin key."""


def sight_of(principal: Principal, by: str) -> Sight:
    """What a principal sees. An admin key is an owner of all tenants."""
    if principal.admin:
        return Sight(by=by, roles=("owner", *principal.roles))
    own_team = not any(role in roles.MAY and role not in roles.OF_THEIR_TEAM for role in principal.roles)
    return Sight(by=by, roles=principal.roles, tenant=principal.tenant, team=principal.team if own_team else None)
