"""How people are asked."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.secret import Secret

Mistake = tuple[str, str, str]
"""Path below, what is wrong, what to write."""
MOST_S = 2_592_000.0
"""30 days."""


class NotifySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is told that somebody is asked, and what became of it."""

    url: Annotated[
        Secret,
        Meta(description="Where it is posted, https:// or http://; best as ${env:NAME}, since it may hold a token."),
    ]
    form: Annotated[
        Literal["json", "slack"],
        Meta(
            description="`json`: an object of the approval; `slack`: a message with blocks, as incoming webhooks of Slack, Mattermost and others take it. Default json."
        ),
    ] = "json"
    secret: Annotated[
        Secret | None,
        Meta(
            description="Signs each message: the header `x-antiphon-signature` is `t=SECONDS,v1=` and the HMAC-SHA256 of `SECONDS.BODY` in hexadecimal. Default: unsigned."
        ),
    ] = None
    shown: Annotated[
        bool,
        Meta(
            description="The exact action is in the message, masked as everywhere; without it the message only leads to where it is shown. Default false."
        ),
    ] = False
    timeout_s: Annotated[float, Meta(gt=0, le=60, description="Seconds that one try may take. Default 5.")] = 5.0
    tries: Annotated[
        int,
        Meta(
            ge=1,
            le=10,
            description="Times that a message is tried, at growing gaps; then it is noted as not sent. Default 5.",
        ),
    ] = 5


class ApprovalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How people are asked."""

    expires_s: Annotated[
        float,
        Meta(
            ge=1,
            le=MOST_S,
            description="Seconds after which what nobody answered has lapsed, up to 30 days. Default 86400.",
        ),
    ] = 86_400.0
    wait_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds that a call waits for people before it is answered 202 with a ticket; never longer than its deadline. Default 0: at once.",
        ),
    ] = 0.0
    retry_after_s: Annotated[
        float,
        Meta(ge=1, le=3600, description="When a caller with a ticket is told to come back, in seconds. Default 10."),
    ] = 10.0
    needed: Annotated[
        int,
        Meta(
            ge=1,
            le=5,
            description="People who have to approve, where neither a policy nor a guard says more. Default 1.",
        ),
    ] = 1
    approvers: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="Role that may approve, where no policy names one. Default approver.",
        ),
    ] = "approver"
    escalate_s: Annotated[
        float,
        Meta(
            ge=0,
            le=MOST_S,
            description="Seconds after which `escalate_to` may approve too, and is told. Default 0: never.",
        ),
    ] = 0.0
    escalate_to: Annotated[
        str, Meta(max_length=64, description="Role that may approve from then on. Default admin.")
    ] = "admin"
    most_waiting: Annotated[
        int,
        Meta(
            ge=1,
            le=1_000_000,
            description="Approvals of one tenant that may wait at once; more are refused (429). Default 1000.",
        ),
    ] = 1000
    most_shown_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=16_777_216,
            description="Most bytes of an action that is put before people; a larger one is refused (413), since nobody could read it. Default 1048576.",
        ),
    ] = 1_048_576
    days: Annotated[
        float,
        Meta(ge=0, le=36500, description="Days that settled approvals are kept. Default 365; 0 keeps them for ever."),
    ] = 365.0
    link: Annotated[
        str,
        Meta(
            description="Page where approvals are answered, with `{id}` for the approval's id; messages lead there. Default: none."
        ),
    ] = ""
    notify: Annotated[
        list[NotifySettings],
        Meta(max_length=8, description="Who is told. Default: nobody; see the admin API, CLI and console."),
    ] = []

    def check(self) -> list[Mistake]:
        """Mistakes that the single values don't show."""
        if self.escalate_s and self.escalate_s >= self.expires_s:
            wrong = f"{self.escalate_s:g} s is not before approvals lapse, {self.expires_s:g} s"
            return [("escalate_s", wrong, "write less than `expires_s`, or 0")]
        if self.link and "{id}" not in self.link:
            return [("link", "does not say which approval", "write {id} into it")]
        return []
