"""What an answer must be, and what is done with one that isn't."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

ExactType = Literal["number", "text", "date"]
OnViolation = Literal["repair", "best", "refuse", "warn"]
Render = Literal["as_is", "extracted", "json"]

_COUNT = Annotated[int, Meta(ge=0, le=10_000_000)]


class ChoiceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of several options, or some of them."""

    options: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=200)]],
        Meta(
            max_length=100,
            description="What may be chosen, such as `[A, B, C]` or `[refund, complaint]`, up to 100. Default none: one capital letter, of those that the request lists where it lists any.",
        ),
    ] = []
    labels: Annotated[
        list[Annotated[str, Meta(max_length=2000)]],
        Meta(
            max_length=100,
            description="What each option stands for, in the same order: an answer may say this in place of the option. Default none.",
        ),
    ] = []
    multiple: Annotated[
        bool, Meta(description="Several may be chosen; their order doesn't matter. Default false: exactly one.")
    ] = False


class ExactSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value, whatever is said around it."""

    type: Annotated[
        ExactType,
        Meta(
            description="`number`: units, separators of thousands, fractions and LaTeX are read; `date`: a day of the calendar; `text`: anything. Default text."
        ),
    ] = "text"
    tolerance: Annotated[
        float,
        Meta(
            ge=0,
            description="Numbers are rounded to multiples of this before answers are compared. Default 0: they must be equal.",
        ),
    ] = 0.0
    normalise: Annotated[
        bool,
        Meta(
            description="Texts are compared without case, articles, quotes, full-width forms and marks of markup. Default true."
        ),
    ] = True


class SchemaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """JSON that a schema allows: exactly one of the three."""

    schema: Annotated[dict[str, Any] | None, Meta(description="A JSON Schema, in place. Default null.")] = None
    file: Annotated[
        str, Meta(max_length=1000, description="A file with one, by its path from the configuration's. Default none.")
    ] = ""
    source: Annotated[
        Literal["request"] | None,
        Meta(
            description="`request`: the one that the caller asks for as `response_format`; a request without one is held to nothing. Default null."
        ),
    ] = None


class CodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program, in the answer's last block of code."""

    language: Annotated[Literal["python"], Meta(description="Its language. Default python, the only one.")] = "python"
    compiles: Annotated[bool, Meta(description="It must compile. Default true.")] = True
    entry: Annotated[
        str,
        Meta(
            pattern="^([A-Za-z_][A-Za-z0-9_]*)?$",
            max_length=200,
            description="A function or class that it must define at its top. Default none.",
        ),
    ] = ""
    tests: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=20_000)]],
        Meta(
            max_length=100,
            description="Statements that must run after it without an error, such as `assert add(1, 2) == 3`; each on its own, in the sandbox. Default none: it isn't run.",
        ),
    ] = []


class CitationsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Passages that the answer quotes stand in the request's documents."""

    required: Annotated[int, Meta(ge=0, le=1000, description="So many quotes or more, 0 to 1000. Default 1.")] = 1
    sources: Annotated[
        Literal["documents", "request"],
        Meta(
            description="Where quotes must stand: in files and results of tools that the request brings, or anywhere in it but in what the model said itself. Default documents."
        ),
    ] = "documents"
    min_characters: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Shorter passages in quotation marks are words, not quotes. Default 12.",
        ),
    ] = 12


class LengthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the answer is. Where a text has no spaces between words, each letter counts as a word."""

    min_words: Annotated[_COUNT, Meta(description="Words at least. Default 0.")] = 0
    max_words: Annotated[_COUNT | None, Meta(description="Words at most. Default null: any number.")] = None
    min_characters: Annotated[_COUNT, Meta(description="Characters at least, as a reader counts them. Default 0.")] = 0
    max_characters: Annotated[
        _COUNT | None, Meta(description="Characters at most, as a reader counts them. Default null: any number.")
    ] = None
    min_tokens: Annotated[
        _COUNT, Meta(description="Output tokens at least, as the upstream counts them. Default 0.")
    ] = 0
    max_tokens: Annotated[
        _COUNT | None, Meta(description="Output tokens at most, as the upstream counts them. Default null: any number.")
    ] = None


class ContractSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an answer must be: all that is named here. Answers that ask for tools are not held to it."""

    choice: Annotated[ChoiceSettings | None, Meta(description="One of several options. Default null.")] = None
    exact: Annotated[ExactSettings | None, Meta(description="One value. Default null.")] = None
    json_schema: Annotated[SchemaSettings | None, Meta(description="JSON that a schema allows. Default null.")] = None
    code: Annotated[CodeSettings | None, Meta(description="A program. Default null.")] = None
    citations: Annotated[
        CitationsSettings | None, Meta(description="Quotes from the request's documents. Default null.")
    ] = None
    length: Annotated[LengthSettings | None, Meta(description="How long it is. Default null.")] = None
    regex: Annotated[
        str,
        Meta(
            max_length=990,
            description="A regular expression of RE2 that the whole answer matches, spaces around it aside, up to 990 characters; RE2 has no look-around and no back-references. Default none.",
        ),
    ] = ""
    on_violation: Annotated[
        OnViolation,
        Meta(
            description="`repair`: the model is told what is wrong and asked again, and the last answer is released; `best`: the same, and the answer that keeps most of the contract is released; `refuse`: the same, and the caller gets the error `contract_violated`; `warn`: the answer is released as it is, and the receipt says so. Default repair."
        ),
    ] = "repair"
    repairs: Annotated[
        int,
        Meta(
            ge=0,
            le=5,
            description="How often it is asked again at most, 0 to 5, within the recipe's envelope; `warn` never asks. Default 1.",
        ),
    ] = 1
    render: Annotated[
        Render | None,
        Meta(
            description='What is released of an answer that keeps the contract: `as_is` all of it; `extracted` the choice, value, JSON or program alone; `json` the same as JSON, a choice or value as `{"answer": …}`. Default null: `extracted` for `json_schema`, else `as_is`.'
        ),
    ] = None
