"""Lab models: simulated upstreams, for trying, testing and simulation."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Fault = Literal[
    "refuse",
    "hang",
    "rate_limited",
    "unauthorized",
    "payment_required",
    "hidden_quota",
    "error_500",
    "error_502",
    "error_503",
    "error_529",
    "slow_drip",
    "cut",
    "malformed_json",
    "malformed_sse",
    "no_usage",
    "wrong_usage",
    "wrong_content_type",
    "huge_body",
]


class Spread(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A log-normal distribution by its median and 99th percentile, in milliseconds."""

    p50_ms: Annotated[float, Meta(ge=0, le=600_000, description="Median, in milliseconds.")] = 0.0
    p99_ms: Annotated[
        float, Meta(ge=0, le=600_000, description="99th percentile, in milliseconds. Default: the median.")
    ] = 0.0


class FaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault, by rate or by schedule."""

    kind: Annotated[Fault, Meta(description="What goes wrong.")]
    percent: Annotated[float, Meta(ge=0, le=100, description="Percent of requests that meet it. Default 100.")] = 100.0
    requests: Annotated[
        list[Annotated[int, Meta(ge=1)]] | None,
        Meta(
            description="Numbers of the requests that meet it, counted from 1; `percent` is then not used. Default: none named."
        ),
    ] = None
    retry_after_s: Annotated[
        float, Meta(ge=0, le=86400, description="What `rate_limited` and 503 say in Retry-After. Default 1.")
    ] = 1.0


class ScriptCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tool that a script calls."""

    tool: Annotated[str, Meta(min_length=1, description="Its name.")]
    arguments: Annotated[
        Any,
        Meta(
            description="An object, with templates of Jinja in its texts; or one template that gives the object as JSON. Default: none."
        ),
    ] = None


class ScriptRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of a script."""

    when: Annotated[
        str, Meta(description="An expression of Jinja over the request; see the lab's reference. Default: always.")
    ] = ""
    calls: Annotated[list[ScriptCall], Meta(description="Tools that are called. Default: none.")] = []
    say: Annotated[
        Any, Meta(description="What is said: a template of Jinja, or JSON with such in its texts. Default: nothing.")
    ] = None


class LabModel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated model."""

    first_token: Annotated[Spread, Meta(description="Time to the first token. Default: none.")] = Spread()
    tokens_per_s: Annotated[
        float, Meta(gt=0, le=1e6, description="Rate of the tokens after the first. Default 200.")
    ] = 200.0
    answer_tokens: Annotated[
        int, Meta(ge=1, le=100_000, description="Median length of its answers, in tokens. Default 60.")
    ] = 60
    context_tokens: Annotated[
        int, Meta(ge=1, description="Context window; longer requests are refused as the real ones are. Default 128000.")
    ] = 128_000
    quality: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1)]],
        Meta(description="Chance of a right answer by task class, `default` for the rest; 0 to 1. Default: 0.8."),
    ] = {}
    faults: Annotated[
        list[FaultSettings], Meta(description="What goes wrong, first match wins. Default: nothing.")
    ] = []
    replay: Annotated[
        str | None,
        Meta(
            description="File of recorded outcomes (.jsonl, .jsonl.gz, .parquet) to answer from, by hash of the prompt. Default: none."
        ),
    ] = None
    replay_model: Annotated[str, Meta(description="Whose outcomes in the replay file. Default: the model's name.")] = ""
    script: Annotated[
        list[ScriptRule],
        Meta(description="Rules by which it calls tools and speaks; the first that holds is played. Default: none."),
    ] = []


class LabSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lab server."""

    seed: Annotated[int, Meta(ge=0, description="Same seed, same requests, same answers. Default 1.")] = 1
    aws_signature: Annotated[
        bool,
        Meta(description="Bedrock's paths ask for a header of the form of AWS's signature, version 4. Default false."),
    ] = False
    models: Annotated[dict[str, LabModel], Meta(description="Simulated models by name.")]
