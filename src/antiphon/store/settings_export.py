"""Where days are exported to."""

from typing import Annotated

from msgspec import Meta, Struct


class ExportSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each day's receipts and ledger entries as Parquet files, for reports over long times."""

    to: Annotated[
        str,
        Meta(
            min_length=1,
            description="Directory, made when missing, relative to the configuration file; or `s3://BUCKET/PREFIX`, with `?region=` and `?endpoint_override=` where needed and credentials from where AWS's own tools look. Needs the extra `parquet`.",
        ),
    ]
    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=64,
            description="What this gateway's files are called, up to 64 characters; gateways with databases of their own that export to one place need different ones. Default gateway.",
        ),
    ] = "gateway"
    hour: Annotated[
        int,
        Meta(
            ge=1,
            le=23,
            description="Hour in UTC from which on the day before is exported, 1 to 23. Default 1.",
        ),
    ] = 1
