"""Facts that an operator declares: words to look for, examples, own functions, questions to a model."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Called = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,63}$")]
"""A name that expressions can use: lower-case letters, digits and `_`."""
Match = Literal["word", "part", "regex", "fuzzy", "bm25"]
Where = Literal["ask", "user", "all"]
Gives = Literal["bool", "int", "double", "string", "strings"]
SharePart = Annotated[float, Meta(gt=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=60)]


class KeywordSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words or patterns to look for: `keyword.<name>`, its `.count` and its `.score`."""

    any: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=1000)]],
        Meta(
            min_length=1,
            max_length=5000,
            description="What is looked for: words, phrases, patterns or texts, by `match`. 1 to 5000, of `fuzzy` at most 200.",
        ),
    ]
    match: Annotated[
        Match,
        Meta(
            description="`word`: whole words; Chinese, Japanese, Korean and Thai have none, so anywhere. `part`: anywhere. `regex`: RE2's syntax. `fuzzy`: words with a wrong, missing, extra or swapped letter, two from 8 letters on. `bm25`: texts that share rare words. Default word."
        ),
    ] = "word"
    case: Annotated[bool, Meta(description="Capital and small letters differ. Default false.")] = False
    where: Annotated[
        Where,
        Meta(
            description="`ask`: what the user said last; `user`: all that the user said; `all`: system prompt, answers and tools' results too. Default ask."
        ),
    ] = "ask"
    at_least: Annotated[
        int, Meta(ge=1, le=5000, description="How many different ones have to be found, 1 to 5000. Default 1.")
    ] = 1
    threshold: Annotated[
        SharePart, Meta(description="Of `bm25`: the least score that holds, above 0, up to 1. Default 0.3.")
    ] = 0.3


class ExampleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts that requests may be like: `like.<name>` is the cosine of the nearest one."""

    texts: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=4000)]],
        Meta(min_length=1, max_length=200, description="Examples, 1 to 200 of up to 4000 characters."),
    ]
    embedder: Annotated[
        str, Meta(description="Name under `embedders`. Default: `signals.embedder`; without either, unknown.")
    ] = ""


class FunctionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Python function of the operator's: `own.<name>` is what it returns."""

    call: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
            description="`module:function`. It takes the request's facts, and may be `async`.",
        ),
    ]
    gives: Annotated[Gives, Meta(description="Type of what it returns. Default bool.")] = "bool"
    timeout_s: Annotated[
        Seconds, Meta(description="Seconds after which the fact is unknown: above 0, up to 60. Default 0.5.")
    ] = 0.5


class ModelQuestionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to a model about the request: `asked.<name>` is which of the choices it names."""

    model: Annotated[str, Meta(min_length=1, description="Name under `models` or `routes`.")]
    ask: Annotated[str, Meta(min_length=1, max_length=4000, description="The question, up to 4000 characters.")]
    choices: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(min_length=2, max_length=20, description="Answers that it may give, 2 to 20."),
    ]
    timeout_s: Annotated[
        Seconds, Meta(description="Seconds after which the fact is unknown: above 0, up to 60. Default 5.")
    ] = 5.0


class SignalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts beside the built-in ones. None is worked out that nothing asks for."""

    keywords: Annotated[
        dict[Called, KeywordSettings], Meta(description="Words or patterns to look for, by name. Default: none.")
    ] = {}
    examples: Annotated[
        dict[Called, ExampleSettings], Meta(description="Texts that requests may be like, by name. Default: none.")
    ] = {}
    functions: Annotated[
        dict[Called, FunctionSettings], Meta(description="Own Python functions, by name. Default: none.")
    ] = {}
    models: Annotated[
        dict[Called, ModelQuestionSettings], Meta(description="Questions to a model, by name. Default: none.")
    ] = {}
    embedder: Annotated[str, Meta(description="Name under `embedders` for examples that name none. Default: none.")] = (
        ""
    )
    time_zone: Annotated[
        str,
        Meta(description="IANA name, such as `Europe/Berlin`, that `time.hour` and `time.weekday` go by. Default UTC."),
    ] = "UTC"
    region: Annotated[
        str, Meta(max_length=64, description="Where this gateway runs, for `region`. Default: unknown.")
    ] = ""

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below here, what is wrong, what to write)."""
        found: list[tuple[str, str, str]] = []
        for name, one in self.keywords.items():
            if one.at_least > len(set(one.any)):
                many = len(set(one.any))
                found.append(
                    (f"keywords.{name}.at_least", f"is {one.at_least}, of {many} to find", f"write at most {many}")
                )
        for name, one in self.models.items():
            if len({choice.casefold() for choice in one.choices}) < len(one.choices):
                found.append((f"models.{name}.choices", "has a choice twice", "leave one of them out"))
        return found
