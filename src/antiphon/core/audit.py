"""What is written down for auditors: who did what, to what, when. Never what was said."""

from collections.abc import Mapping

from msgspec import Struct

Said = str | int | bool | None | tuple[str, ...]
"""What a detail may be: integers below 2^53, texts of at most a few hundred characters."""

NOBODY = ""
"""Tenant of what is no tenant's, such as a failed login."""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened, once. Names and digests only: no prompt, no answer, no secret, no personal data."""

    tenant: str
    """Whose chain it stands in; empty: that of the gateway itself."""
    kind: str
    """`receipt`, `admin.change`, `content.view`, `token.reveal`, `approval.WHAT`, `policy.WHAT`, `erasure`,
    `hold.WHAT`, `login.WHAT`, `vault.WHAT`, `audit.WHAT`.
    """
    by: str
    """`key/NAME`, `user/SUBJECT`, `account/NAME`, `bootstrap`, `cli`, or `gateway`."""
    at_ns: int
    """UTC, ns since the epoch."""
    about: str = ""
    """What it was done to: the id of a receipt, the name of an object."""
    detail: Mapping[str, Said] = {}
    """More, by names in ASCII."""
