"""Where records are kept."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.secret import Secret
from antiphon.store.settings_export import ExportSettings

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


class PostgresSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How Postgres is asked, where `storage.url` names one."""

    connections: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            description="Most connections of each worker for reading; one more is for budgets, and the shipper has one. Default 4.",
        ),
    ] = 4
    connect_timeout_s: Annotated[
        float,
        Meta(ge=2, le=60, description="Seconds for a new connection, in whole seconds. Default 3."),
    ] = 3.0
    statement_timeout_s: Annotated[
        float,
        Meta(
            ge=0.1,
            le=600,
            description="Seconds for each statement, the wait for a lock included. What takes longer fails and is tried again. Default 10.",
        ),
    ] = 10.0
    ca_file: Annotated[
        str | None,
        Meta(
            description="PEM file of authorities that the server is proven by, in place of the system's. Default: the system's."
        ),
    ] = None
    insecure: Annotated[
        bool,
        Meta(
            description="A server that is not this machine needs no TLS, or need not prove its name: anybody on the way may read and change what is said. Without it `sslmode` is `verify-full`, or as the address says `verify-ca`. Default false."
        ),
    ] = False


class RetentionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long records are kept."""

    receipts_days: Annotated[
        float,
        Meta(
            ge=0,
            le=36500,
            description="Days that receipts are kept, and captured content with them. In Postgres whole months go, once they are that old. With `storage.export` days that are not exported yet stay. Default 0: all are kept.",
        ),
    ] = 0.0
    content_days: Annotated[
        float,
        Meta(
            ge=0,
            le=36500,
            description="Days that captured content is kept; the receipts may stay longer. A policy's obligation may say fewer for a request. What a legal hold is on stays. Default 0: as long as the receipts.",
        ),
    ] = 0.0
    ledger_days: Annotated[
        float,
        Meta(
            ge=0,
            le=36500,
            description="Days that entries of the ledger are kept, and accounts after the end of their window. With `storage.export` days that are not exported yet stay. Default 0: all are kept.",
        ),
    ] = 0.0
    accounts_days: Annotated[
        float,
        Meta(
            ge=0,
            le=36500,
            description="Days that an account whose window does not end (`total`, or rolling) is kept after it was last asked for, as of a session, a run or an end user; one that comes back begins at 0. At least 31 more than `ledger_days`, which it needs. Default 0: all are kept.",
        ),
    ] = 0.0


class StorageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The directory of the journal, the database and the local key, or another database."""

    dir: Annotated[
        str,
        Meta(
            min_length=1,
            description="Directory, made when missing; relative to the configuration file. Default ./antiphon-data.",
        ),
    ] = "./antiphon-data"
    url: Annotated[
        Secret | None,
        Meta(
            description="A Postgres that several gateways share, as postgresql://USER:PASSWORD@HOST/DATABASE; best as ${env:NAME} or ${file:/path}. The journal stays in the directory. Default: none; records lie in an SQLite database in the directory."
        ),
    ] = None
    postgres: Annotated[PostgresSettings, Meta(description="How the Postgres of `url` is asked.")] = PostgresSettings()
    retention: Annotated[RetentionSettings, Meta(description="For how long records are kept.")] = RetentionSettings()
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
    export: Annotated[
        ExportSettings | None,
        Meta(description="Where whole days are exported to, by themselves. Default null: nowhere."),
    ] = None
