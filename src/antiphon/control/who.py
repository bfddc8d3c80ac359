"""Who asks the control plane, and what of it is theirs to see and to change."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from antiphon.control.roles import EVERYWHERE, MAY, Grant, Permission, Scope, granted
from antiphon.core.error import NotAllowed
from antiphon.core.principal import Principal


class Who(Struct, frozen=True, kw_only=True):
    """Somebody, with the roles that they have and where each of them holds."""

    by: str
    """What records call them: `key/NAME`, `account/NAME`, `token/ISSUER/USER`, `certificate/RULE/NAME`, `bootstrap`, `cli`."""
    grants: tuple[Grant, ...] = ()
    principal: Principal | None = None
    """None: the first admin key, or whoever may write the store."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(grant.role for grant in self.grants))

    def scopes(self, permission: Permission) -> Iterator[Scope]:
        """Where they have a permission."""
        return (grant.scope for grant in self.grants if permission in MAY.get(grant.role, ()))

    def may(self, permission: Permission, scope: Scope | None = None) -> bool:
        """Whether they have a permission in all of a scope; None: anywhere."""
        return any(scope is None or one.holds(scope) for one in self.scopes(permission))

    def need(self, permission: Permission, scope: Scope | None = None) -> None:
        """Raises: NotAllowed, where they lack it."""
        if self.may(permission, scope):
            return
        has = ", ".join(self.roles) or "no role"
        where = "" if scope is None or not self.may(permission) else f" in {told(scope)}"
        raise NotAllowed(
            f"this needs the permission `{permission}`{where}, and {self.by} has {has}", code="role_not_allowed"
        )

    def sees(self, principal: Principal | None, permission: Permission = "read") -> bool:
        """Whether what this principal did is theirs to see. What nobody known did is for those who see all."""
        scope = EVERYWHERE if principal is None else Scope(principal.tenant, principal.team)
        return self.may(permission, scope)


def told(scope: Scope) -> str:
    """A scope in words."""
    if scope.tenant is None:
        return "all tenants"
    return f"the tenant {scope.tenant}" if scope.team is None else f"the team {scope.team!r} of {scope.tenant}"


def grants_of(principal: Principal, more: Iterable[Grant] = ()) -> tuple[Grant, ...]:
    """Roles that a principal has by itself, and those that it is given besides. An admin key is an owner of all tenants."""
    first = (Grant("owner", EVERYWHERE),) if principal.admin else ()
    own = (granted(role, principal.tenant, principal.team) for role in principal.roles)
    return tuple(dict.fromkeys((*first, *own, *more)))


def by_of(principal: Principal) -> str:
    """What records call a principal. The name of a key has no slash; what comes by other ways says which."""
    return principal.key if "/" in principal.key else f"key/{principal.key}"


def who_is(principal: Principal, more: Iterable[Grant] = ()) -> Who:
    """A principal, as the control plane knows it."""
    return Who(by=by_of(principal), grants=grants_of(principal, more), principal=principal)


FIRST = Who(by="bootstrap", grants=(Grant("owner", EVERYWHERE),))
"""Whoever has the first admin key."""
COMMAND = Who(by="cli", grants=(Grant("owner", EVERYWHERE),))
"""Whoever may write the store's files, or knows its password."""
