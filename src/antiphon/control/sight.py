"""Who asks the control plane, and what of it they may see."""

from msgspec import Struct

from antiphon.control import roles
from antiphon.control.roles import Permission
from antiphon.control.who import Who
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


def sight_of(who: Who) -> Sight:
    """What somebody sees at once: the widest scope that they may read, with the roles that they have in all of it."""
    scopes = sorted(who.scopes("read"), key=lambda one: (one.tenant is not None, one.team is not None))
    if not scopes:
        return Sight(by=who.by, roles=(), tenant="")
    widest = scopes[0]
    held = tuple(dict.fromkeys(grant.role for grant in who.grants if grant.scope.holds(widest)))
    return Sight(by=who.by, roles=held, tenant=widest.tenant, team=widest.team)
