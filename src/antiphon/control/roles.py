"""Who may do what in the control plane: roles, and what each may."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, get_args

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
]
"""`read`: receipts, spend, health, objects, without content. `content`: what was said, and what tokens stand for.
`keys`, `money`: keys and service accounts, budgets and limits. `policy.write` drafts policies, `policy.publish` puts them
in force. `approve` settles approvals. `audit`: the audit log, its proofs and exports. `erase`: erasure, holds, rotation of
keys at rest. `roles`: who has which role."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
Role = Literal["owner", "admin", "policy_author", "approver", "auditor", "team_lead", "member"]
ROLES: tuple[Role, ...] = get_args(Role)

MAY: Mapping[str, frozenset[Permission]] = MappingProxyType({
    "owner": frozenset(PERMISSIONS),
    "admin": frozenset(("read", "keys", "money", "policy.publish", "approve", "roles")),
    "policy_author": frozenset(("read", "policy.write")),
    "approver": frozenset(("read", "approve")),
    "auditor": frozenset(("read", "content", "audit")),
    "team_lead": frozenset(("read", "keys", "money")),
    "member": frozenset(("read",)),
})
"""`team_lead` and `member` see and change what is their own team's alone, all others what is of their tenant."""
OF_THEIR_TEAM: frozenset[str] = frozenset(("team_lead", "member"))


def may(roles: Iterable[str], permission: Permission) -> bool:
    """Whether one of these roles has a permission."""
    return any(permission in MAY.get(role, ()) for role in roles)
