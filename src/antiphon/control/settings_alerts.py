"""Who is told when a budget runs low."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.secret import Secret


class WebhookSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program of yours that takes alerts by POST, one JSON object each."""

    url: Annotated[
        Secret,
        Meta(
            description="Where alerts are posted, https:// or http://; best as ${env:NAME}, since it may hold a token."
        ),
    ]
    secret: Annotated[
        Secret | None,
        Meta(
            description="Signs each alert: the header `x-antiphon-signature` is `t=SECONDS,v1=` and the HMAC-SHA256 of `SECONDS.BODY` in hexadecimal. Default: unsigned."
        ),
    ] = None
    timeout_s: Annotated[float, Meta(gt=0, le=60, description="Seconds that one try may take. Default 5.")] = 5.0
    tries: Annotated[
        int,
        Meta(
            ge=1,
            le=10,
            description="Times that an alert is tried, at growing gaps; then it is only in the log. Default 4.",
        ),
    ] = 4


class AlertSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every alert is a line in the log too."""

    webhook: Annotated[WebhookSettings | None, Meta(description="A program that is told. Default: none.")] = None
