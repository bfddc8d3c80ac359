"""What policy says of a request."""

from msgspec import Struct

from antiphon.core.data_class import DataClass


class Obligations(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What has to be done where something is allowed. Of several policies' the strictest holds."""

    mask: tuple[str, ...] = ()
    """Kinds of findings to mask beside what guards do, such as `email`; `*`: all."""
    guards: tuple[str, ...] = ()
    """Guards that have to run beside those of the route."""
    log: str = ""
    """`none`, `metadata` or `content`: the most that may be kept of what was said; empty: as configured."""
    retention_days: int | None = None
    """Content is kept no longer; None: as configured."""
    approve: str = ""
    """Role that has to approve first; empty: nobody."""
    approvals: int = 1
    """How many people."""
    disclose: bool = False
    """The answer says that a machine made it."""
    recipes: tuple[str, ...] | None = None
    """The only recipes that may run; None: any."""
    max_tier: str = ""
    """No deployment of a higher tier."""


NO_OBLIGATIONS = Obligations()


class Verdict(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Allowed or not, by which rules, and which deployments are left out."""

    allowed: bool
    reasons: tuple[str, ...] = ()
    """Ids of the rules that decided."""
    excluded: tuple[str, ...] = ()
    """Deployments that it forbids."""
    why: tuple[str, ...] = ()
    """For each of `excluded`, in that order, the ids of the rules that forbid it, with commas between."""
    data_class: DataClass | None = None
    """Of the request; None: nothing asks for it."""
    private: bool = False
    """Only what is private may see it: deployments, embedders, caches' embedders, remote guards."""
    obligations: Obligations = NO_OBLIGATIONS
    shadow: tuple[str, ...] = ()
    """Ids of shadowed policies that would have decided otherwise, and what: `ID: deny`."""
    policy: str = ""
    """Version of the policies; empty: there are none."""
