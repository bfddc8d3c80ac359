"""Where records are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

JOURNAL_BYTES = 16_777_216
"""About a second of a busy worker's records."""


class KeepSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers of the Responses API leave to be kept; always encrypted with the local key."""

    days: Annotated[
        float,
        Meta(
            ge=0,
            le=36500,
            description="Days that responses and conversations are kept from their last use on. Default 30; 0 keeps nothing.",
        ),
    ] = 30.0
    max_response_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=67_108_864,
            description="Most bytes of a response and its input that are kept; a larger one is answered with `store: false`. Default 8388608.",
        ),
    ] = 8_388_608
    max_conversation_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=268_435_456,
            description="Most bytes of a conversation, or of the responses that one goes on from; above it the caller is told. Default 16777216.",
        ),
    ] = 16_777_216
    max_conversation_items: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Most items of a conversation. Default 10000."),
    ] = 10_000


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
    keep: Annotated[KeepSettings, Meta(description="What callers of the Responses API leave to be kept.")] = (
        KeepSettings()
    )
