"""Who may do what in the control plane: roles, and what each may."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

from msgspec import Struct

Permission = Literal[
    "read",
    "content",
    "keys",
    "money",
    "policy.write",
    "policy.publish",
    "approve",
    "audit",
    "erase",
    "roles",
    "agents",
]
"""`read`: receipts, spend, health, objects, without content. `content`: what was said, and what tokens stand for.
`keys`, `money`: keys and service accounts, budgets and limits. `policy.write` drafts policies, `policy.publish` puts them
in force. `approve` settles approvals. `audit`: the audit log, its proofs and exports. `erase`: erasure, holds, rotation of
keys at rest. `roles`: who has which role. `agents`: documents of agents, and ending, pausing and switching off what runs."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
Role = Literal["owner", "admin", "policy_author", "approver", "auditor", "team_lead", "member"]
ROLES: tuple[Role, ...] = get_args(Role)

MAY: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        "owner": frozenset(PERMISSIONS),
        "admin": frozenset(("read", "keys", "money", "policy.publish", "approve", "roles", "agents")),
        "policy_author": frozenset(("read", "policy.write")),
        "approver": frozenset(("read", "approve")),
        "auditor": frozenset(("read", "content", "audit")),
        "team_lead": frozenset(("read", "keys", "money")),
        "member": frozenset(("read",)),
    }
)
"""`team_lead` and `member` see and change what is their own team's alone, all others what is of their tenant."""
OF_THEIR_TEAM: frozenset[str] = frozenset(("team_lead", "member"))
NOWHERE = "\0"
"""No team is called so: the scope of a role of a team, held by somebody who is in none."""


class Scope(Struct, frozen=True, gc=False):
    """A part of what the control plane looks after."""

    tenant: str | None = None
    """None: all."""
    team: str | None = None
    """None: all of the tenant."""

    def holds(self, other: "Scope") -> bool:
        """Whether all of the other one is within this one."""
        if self.tenant is None:
            return True
        return self.tenant == other.tenant and (self.team is None or self.team == other.team)


EVERYWHERE = Scope()


class Grant(Struct, frozen=True, gc=False):
    """A role, and where it holds."""

    role: str
    scope: Scope


def granted(role: str, tenant: str | None, team: str) -> Grant:
    """A role as somebody of this tenant and team has it; tenant None: over all tenants."""
    bound = role in OF_THEIR_TEAM and tenant is not None
    return Grant(role, Scope(tenant, (team or NOWHERE) if bound else None))


def may(roles: Iterable[str], permission: Permission) -> bool:
    """Whether one of these roles has a permission."""
    return any(permission in MAY.get(role, ()) for role in roles)
