"""What of all records somebody sees on one page: that of a tenant, of a team, or all."""

from msgspec import Struct

from antiphon.control import who as known
from antiphon.control.roles import Permission, Scope
from antiphon.control.who import Who
from antiphon.core.principal import Principal

NO_TENANT = "\0"
"""No tenant is called so."""


class Sight(Struct, frozen=True, kw_only=True):
    """Somebody, and the widest scope that they may read: who may read several sees the others by the admin API."""

    who: Who
    tenant: str | None = None
    """The only one whose records they see; None: all."""
    team: str | None = None
    """The only team of that tenant; None: all."""

    @property
    def by(self) -> str:
        """What records call them."""
        return self.who.by

    @property
    def roles(self) -> tuple[str, ...]:
        return self.who.roles

    def may(self, permission: Permission, principal: Principal | None = None) -> bool:
        """Whether they have a permission for what a principal did; None: anywhere."""
        return self.who.may(permission) if principal is None else self.who.sees(principal, permission)

    def need(self, permission: Permission) -> None:
        """Raises: NotAllowed, where they have it nowhere."""
        self.who.need(permission)

    def sees(self, principal: Principal | None) -> bool:
        """Whether what this principal did is theirs to see. What nobody known did is for those who see all."""
        if self.tenant is not None and (principal is None or principal.tenant != self.tenant):
            return False
        return (self.team is None or (principal is not None and principal.team == self.team)) and self.who.sees(
            principal
        )


def sight_of(who: Who) -> Sight:
    """What somebody sees at once."""
    scopes = sorted(who.scopes("read"), key=lambda one: (one.tenant is not None, one.team is not None))
    widest = scopes[0] if scopes else Scope(NO_TENANT)
    return Sight(who=who, tenant=widest.tenant, team=widest.team)


FIRST = sight_of(known.FIRST)
"""Whoever has the first admin key."""
