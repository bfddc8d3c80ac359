"""What a person has to say yes to."""

from typing import Literal

from msgspec import Struct

ApprovalState = Literal["waiting", "approved", "modified", "rejected", "expired", "cancelled"]


class Vote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one person said."""

    by: str
    """`key/NAME`, `user/SUBJECT`, `bootstrap`."""
    at_ns: int
    state: ApprovalState
    """`approved`, `modified` or `rejected`."""
    note: str = ""
    user: str = ""
    """The person behind `by`, where that is known; counts once, whatever key they come with."""


class Wish(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be approved."""

    tenant: str
    by: str
    """Who wants it, such as `key/NAME`; who may not approve it themselves."""
    action: str
    """What would be done, in a word: `call_model`, `use_tool`, `publish_policy`."""
    resource: str
    """What it would be done to: a model, a tool, a bundle."""
    shown: bytes
    """The exact action as JSON, masked as the request is; what is approved is this and nothing else."""
    digest: str
    """SHA-256 of `shown`, 64 hexadecimal digits."""
    reasons: tuple[str, ...] = ()
    """Ids of the policies, or names of the guards, that ask."""
    receipt: str = ""
    user: str = ""
    """The person behind `by`, where that is known: who may not approve it by another key either."""
    needed: int = 1
    """So many people have to approve; each counts once."""
    approvers: str = "approver"
    """The role that may say so."""
    expires_ns: int = 0
    """When it lapses: UTC, ns since the epoch."""
    escalates_ns: int = 0
    """From then on it is put before `escalate_to` too; 0: never."""
    escalate_to: str = ""
    """A role."""


class Approval(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A wish, and what became of it."""

    id: str
    at_ns: int
    wish: Wish
    state: ApprovalState = "waiting"
    votes: tuple[Vote, ...] = ()
    escalated: bool = False
    instead: bytes = b""
    """What was approved in place of `wish.shown`, where it was modified: JSON."""
    settled_ns: int = 0
    used: bool = False
    """What it allows has been done; it allows nothing more."""
