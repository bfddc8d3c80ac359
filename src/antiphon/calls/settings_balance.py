"""How calls are shared out among deployments."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Strategy = Literal["weighted", "round_robin", "least_in_flight", "peak_ewma", "cheapest", "fastest", "headroom"]


class LiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each worker measures of each deployment."""

    decay_s: Annotated[
        float,
        Meta(ge=0.1, le=3600, description="Seconds in which a peak of latency falls to 37 %, 0.1 to 3600. Default 10."),
    ] = 10.0
    window_s: Annotated[
        float,
        Meta(ge=1, le=86_400, description="Seconds of first-token latency to look back, 1 to 86400. Default 300."),
    ] = 300.0
    min_volume: Annotated[
        int,
        Meta(
            ge=1, le=1_000_000, description="Answers in the window before its quantiles count, 1 or more. Default 20."
        ),
    ] = 20
    warmup_s: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds in which the share of a deployment that is new or back grows to its whole, 0 to 3600; 0 gives it at once. Default 30.",
        ),
    ] = 30.0
    warmup_floor: Annotated[
        float, Meta(gt=0, le=1, description="Fraction of its share that it starts with, up to 1. Default 0.1.")
    ] = 0.1


class BalanceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one deployment is chosen among those that can answer."""

    strategy: Annotated[
        Strategy,
        Meta(
            description="`weighted` by chance; `round_robin` in turn; `least_in_flight` and `peak_ewma`: the less loaded of two; `cheapest`; `fastest` to a first token; `headroom`: by what is left of known rate limits. Default weighted."
        ),
    ] = "weighted"
    region: Annotated[
        str,
        Meta(
            description="Region to prefer; others of the same priority are used when none there is usable. Default: none."
        ),
    ] = ""
    zone: Annotated[
        Literal["public", "private"] | None,
        Meta(
            description="Zone to prefer, before the region; others of the same priority are used when none there is usable. Default null: none."
        ),
    ] = None
    fastest_quantile: Annotated[
        float,
        Meta(gt=0, lt=1, description="Quantile of first-token latency that `fastest` compares, 0 to 1. Default 0.5."),
    ] = 0.5
    fastest_within: Annotated[
        float,
        Meta(
            ge=0,
            le=10,
            description="Fraction over the fastest within which deployments share by weight, 0 to 10. Default 0.1.",
        ),
    ] = 0.1


class StickySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sends what belongs together to one deployment, so that its prompt cache is hit."""

    by: Annotated[
        Literal["session", "prefix"],
        Meta(description="What belongs together: a `session`, or the `prefix` of the messages. Default prefix."),
    ] = "prefix"
    prefix_bytes: Annotated[
        int,
        Meta(
            ge=64,
            le=1_048_576,
            description="Bytes of the first messages that tell prompts apart, 64 to 1048576. Default 1024.",
        ),
    ] = 1024
    load_bound: Annotated[
        float,
        Meta(
            gt=1,
            le=100,
            description="Most load of one deployment, as a multiple of its fair share, over 1. Default 1.25.",
        ),
    ] = 1.25
