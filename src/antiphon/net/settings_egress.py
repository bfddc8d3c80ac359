"""Where connections may go."""

from typing import Annotated

from msgspec import Meta, Struct

Networks = list[Annotated[str, Meta(min_length=1, max_length=64)]]
"""Networks, such as `10.0.0.0/8`, or single addresses."""


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where connections may go."""

    allow: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=255)]] | None,
        Meta(
            description="The only hosts that may be asked, such as `api.openai.com`, `*.openai.azure.com` for all below it, or `host:8443` for one port. This machine, written as `localhost` or as an address of it, needs no place here. Default null: every host that this file names."
        ),
    ] = None
    networks: Annotated[
        Networks,
        Meta(
            description="Networks inside that names may lead to, such as `10.0.0.0/8`, for all that is asked. An address that is written as such in a URL needs none. Addresses of metadata services have to stand here alone, as `169.254.169.254/32`. Default: none; names lead to public addresses, or nowhere."
        ),
    ] = []
