"""Settings of guards that are the operator's own."""

from typing import Annotated

from msgspec import Meta, Struct


class PatternSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pattern."""

    pattern: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=2000,
            description="A regular expression as RE2 has them: no look-around, no references.",
        ),
    ]
    kind: Annotated[
        str,
        Meta(
            pattern="^[a-z][a-z0-9_]{0,39}$",
            description="What it finds, as `actions` and findings name it. Default `custom`.",
        ),
    ] = "custom"
    ignore_case: Annotated[bool, Meta(description="Letters of either case are the same. Default false.")] = False
    replacement: Annotated[str, Meta(description="What `rewrite` puts in its place. Default: nothing.")] = ""
    longest: Annotated[
        int,
        Meta(
            ge=1,
            le=96,
            description="Characters of its longest match: a stream holds so many. 1 to 96, default 96.",
        ),
    ] = 96
    score: Annotated[Annotated[float, Meta(ge=0, le=1)], Meta(description="How sure it is, 0 to 1. Default 1.")] = 1.0


class RegexSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Own patterns."""

    patterns: Annotated[
        dict[str, PatternSettings], Meta(min_length=1, max_length=500, description="Name of each, and the pattern.")
    ]


class PythonGuardSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An own Python function, `module:function`. It is trusted: it runs in the gateway's process."""

    call: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
            description="Function of (text, channel, side) that returns matches: (start, end, kind) or (start, end, kind, score).",
        ),
    ]
    timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=10,
            description="Seconds that it may take for a text, 0 to 10; taking longer is a failure. Default 0.1.",
        ),
    ] = 0.1
    whole: Annotated[
        bool, Meta(description="It has to see the whole of an answer; otherwise a stream's sentences. Default false.")
    ] = False
