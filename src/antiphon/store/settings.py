"""Where records are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

JOURNAL_BYTES = 16_777_216
"""About a second of a busy worker's records."""


class StorageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The directory of the journal, the database and the local key."""

    dir: Annotated[
        str,
        Meta(
            min_length=1,
            description="Directory, made when missing; relative to the configuration file. Default ./antiphon-data.",
        ),
    ] = "./antiphon-data"
    capture: Annotated[
        Literal["none", "content"],
        Meta(
            description="`content` keeps requests and answers beside receipts, encrypted with the local key. Default none: a digest only."
        ),
    ] = "none"
    capture_most_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="Most bytes of a request, and of an answer, that are captured. Default 1048576.",
        ),
    ] = 1_048_576
    fsync: Annotated[
        bool,
        Meta(
            description="Wait for the disk at every journal record: survives power loss, costs a disk write a request. Default false."
        ),
    ] = False
    journal_bytes: Annotated[
        int,
        Meta(
            ge=65_536,
            le=1_073_741_824,
            description="Room of a worker's journal, taken on the disk at once. What the database has gives its room back; a journal that fills up is followed by another as long as the disk has room. Default 16777216.",
        ),
    ] = JOURNAL_BYTES
    ship_interval_s: Annotated[
        float,
        Meta(ge=0.01, le=60, description="Seconds between batches from the journal to the database. Default 0.5."),
    ] = 0.5
