"""The record that stands up to an auditor."""

from typing import Annotated

from msgspec import Meta, Struct


class AuditSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record that stands up to an auditor."""

    receipts: Annotated[
        bool | None,
        Meta(
            description="Chain a digest of every receipt, beside what people did: about 14 µs of the shipper's CPU for each. Default null: where the admin API, guards or policy files are configured."
        ),
    ] = None
    name: Annotated[
        str,
        Meta(
            pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$",
            description="Name that checkpoints are signed by, best a domain and a path that are yours, as `example.com/antiphon`. Default antiphon.",
        ),
    ] = "antiphon"
    key_file: Annotated[
        str | None,
        Meta(
            description="File of the keys that sign checkpoints, made when missing; relative to the configuration file. Default null: audit.key in the data directory."
        ),
    ] = None
    checkpoints: Annotated[
        str | None,
        Meta(
            description="Directory, or s3://BUCKET/PREFIX, that checkpoints go to: best one that whoever writes the database can't write over. A directory is relative to the configuration file. Default null: they lie in the database alone."
        ),
    ] = None
    checkpoint_every_s: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds between checkpoints of a chain that has grown. Default 60.",
        ),
    ] = 60.0
