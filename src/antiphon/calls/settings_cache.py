"""Which answers are kept to be given again: what each route says, and what holds for the caches of all."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class SemanticSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an answer to a request that is worded otherwise is given."""

    embedder: Annotated[str, Meta(min_length=1, description="Name under `embedders`, of one that is `local`.")]
    threshold: Annotated[
        float,
        Meta(ge=0.8, le=1, description="Least cosine of two texts that count as the same, 0.8 to 1. Default 0.95."),
    ] = 0.95
    max_turns: Annotated[
        int,
        Meta(
            ge=1, le=100, description="Most messages of users in a conversation that is looked at, 1 to 100. Default 1."
        ),
    ] = 1
    max_characters: Annotated[
        int,
        Meta(
            ge=1,
            le=2000,
            description="Longest text that is looked at, in characters, 1 to 2000. An embedder reads the start of a text alone, MiniLM 254 pieces of words: up to 250 characters none is cut. Default 250.",
        ),
    ] = 250
    timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=10,
            description="Seconds that embedding may take, above 0, up to 10; then it is a miss. Default 0.25.",
        ),
    ] = 0.25


class CacheSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When an answer is given again to the same request of the same tenant."""

    enabled: Annotated[bool, Meta(description="Keep answers, and give them again. Default false.")] = False
    ttl_s: Annotated[
        float,
        Meta(gt=0, le=31_536_000, description="Seconds that an answer is kept, above 0, up to 31536000. Default 3600."),
    ] = 3600.0
    any_temperature: Annotated[
        bool,
        Meta(
            description="Also for requests that ask for chance: a `temperature` above 0, without a `seed` and without `top_p: 0`. Default false."
        ),
    ] = False
    max_entry_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=16_777_216,
            description="Longest answer that is kept, in bytes, 1024 to 16777216. Default 1048576.",
        ),
    ] = 1_048_576
    semantic: Annotated[
        SemanticSettings | None,
        Meta(
            description="Also give an answer to a request that means the same. Default null: to the same words alone."
        ),
    ] = None


class CachesSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the answers that routes keep are kept, and how much of them."""

    memory_bytes: Annotated[
        int,
        Meta(
            ge=0,
            le=68_719_476_736,
            description="Bytes of answers in the memory of each worker, 0 to 68719476736; the least used go first. Default 67108864.",
        ),
    ] = 67_108_864
    store: Annotated[
        Literal["file", "valkey", "none"],
        Meta(
            description="What workers share, its content sealed: a `file` in the storage directory; the `valkey` of `cluster`, which replicas share that have the same local key; with `none` each worker has its memory alone. Default file."
        ),
    ] = "file"
    store_bytes: Annotated[
        int,
        Meta(
            ge=1_048_576,
            le=1_099_511_627_776,
            description="Bytes of sealed answers in the file, 1048576 to 1099511627776; the oldest go first. Valkey bounds itself by its `maxmemory`. Default 1073741824.",
        ),
    ] = 1_073_741_824
    tenant_bytes: Annotated[
        int,
        Meta(
            ge=65_536,
            le=1_099_511_627_776,
            description="The most of one tenant, in the store and in the memory of each worker, 65536 to 1099511627776. Default 268435456.",
        ),
    ] = 268_435_456
    timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=10,
            description="Seconds that the store may take to answer, above 0, up to 10; then it is a miss. Default 0.1.",
        ),
    ] = 0.1
