"""The console's pages."""

from typing import Annotated

from msgspec import Meta, Struct


class ConsoleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The console's pages, at `/console/` of the admin API's listener. They need `admin`."""

    title: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=60,
            description="What pages are headed by, such as the name of an environment. Default Antiphon.",
        ),
    ] = "Antiphon"
    session_s: Annotated[
        int,
        Meta(
            ge=60,
            le=604_800,
            description="Seconds that a sign-in lasts; it ends before when its key is revoked or expires. Default 28800, eight hours.",
        ),
    ] = 28_800
    refresh_s: Annotated[
        int,
        Meta(
            ge=1,
            le=300,
            description="Seconds between two looks of a page that shows what happens now. Default 2.",
        ),
    ] = 2
    page_rows: Annotated[int, Meta(ge=10, le=200, description="Receipts on one page. Default 50.")] = 50
