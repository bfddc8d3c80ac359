"""Settings of guards that look at what texts say and how they are written."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Share = Annotated[float, Meta(ge=0, le=1)]
Statement = Literal["sql", "shell"]


class UnicodeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Characters that nobody sees, and letters that pass for others."""

    invisible: Annotated[
        bool,
        Meta(
            description="Tag characters, characters of no width, and variation selectors that hide data; joiners that emoji and Arabic, Indic and Mongolian letters need are left. Default true."
        ),
    ] = True
    bidi: Annotated[
        bool,
        Meta(
            description="Characters that turn the direction of writing: overrides anywhere, others where no letter is written from the right. Default true."
        ),
    ] = True
    lookalikes: Annotated[
        bool,
        Meta(description="Words that mix Latin letters with Cyrillic or Greek ones that look like them. Default true."),
    ] = True


class InjectionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts that give a model other orders, and jailbreaks."""

    rules: Annotated[
        bool, Meta(description="Rules: phrases of 20 languages that stand together. Their score is 0.9. Default true.")
    ] = True
    decode: Annotated[
        bool,
        Meta(
            description="Rules also look behind Base64, hexadecimal, percent and backslash escapes, tag characters, rot13, text written backwards, leetspeak and letters with gaps. Default true."
        ),
    ] = True
    model: Annotated[
        bool,
        Meta(
            description="A small trained model, which is asked where phrases of two kinds are. At a score of 0.5 it is wrong about 1 % of benign texts. Default true."
        ),
    ] = True
    untrusted_threshold: Annotated[
        Share,
        Meta(
            description="Threshold for texts of the channel `tool`, where nobody has to give orders; the guard's own where that is lower. 0 to 1, default 0.4: 2 % of benign texts."
        ),
    ] = 0.4
    spotlight: Annotated[
        Literal["off", "delimit", "mark"],
        Meta(
            description="Marks texts of the channel `tool` as data: `delimit` puts lines with an ID before and after them, `mark` also puts `\u02c6` in the place of spaces; a note about it is added to system texts. Default off."
        ),
    ] = "off"


class TopicSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One banned topic: by words, by examples, or both."""

    words: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=200)]],
        Meta(description="Words and phrases, in any case and with any white space. Default none."),
    ] = []
    whole_words: Annotated[bool, Meta(description="They begin and end where words do. Default true.")] = True
    fuzzy: Annotated[
        bool,
        Meta(description="A letter of a word of six or more may be wrong, missing or too many. Default false."),
    ] = False
    examples: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=2000)]],
        Meta(
            max_length=200,
            description="Sentences about it; a text is about it that has enough words like them. Default none.",
        ),
    ] = []
    likeness: Annotated[
        Share, Meta(description="How like one of the examples a text has to be, 0 to 1. Default 0.4.")
    ] = 0.4


class TopicsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Banned topics and words."""

    topics: Annotated[
        dict[str, TopicSettings], Meta(min_length=1, description="Name of each topic, and what tells it.")
    ]


class HarmSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests for harm: rules and a small model of English requests."""

    rules: Annotated[bool, Meta(description="Phrases that ask for harm. Their score is 0.9. Default true.")] = True
    model: Annotated[
        bool,
        Meta(
            description="A small trained model. At a score of 0.5 it is wrong about 1 % of benign texts. Default true."
        ),
    ] = True


class LeakSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The system prompt or the tools' definitions in an answer."""

    words: Annotated[
        int,
        Meta(
            ge=4,
            le=100,
            description="Words in a row, the same as in the system prompt, that make a leak; 4 to 100, default 10.",
        ),
    ] = 10
    canaries: Annotated[
        list[Annotated[str, Meta(min_length=8, max_length=200)]],
        Meta(description="Strings that the operator put into prompts and that no answer may have. Default none."),
    ] = []


class OutputSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What does harm where an answer is shown or run."""

    hosts: Annotated[
        list[Annotated[str, Meta(min_length=1)]] | None,
        Meta(
            description="Hosts that links may lead to, `*.example.com` with all below. Default: any, but for links with data in them."
        ),
    ] = None
    image_hosts: Annotated[
        list[Annotated[str, Meta(min_length=1)]] | None,
        Meta(
            description="Hosts that images may come from: a client fetches them unasked, so that their address can carry data away. Default: those of `hosts`, and none where that is not said."
        ),
    ] = None
    query_characters: Annotated[
        int,
        Meta(
            ge=0,
            description="A link whose path and query have a value of so many characters, and the look of encoded data, carries data away. Characters, default 48; 0: never.",
        ),
    ] = 48
    control: Annotated[bool, Meta(description="Terminal codes and control characters. Default true.")] = True
    html: Annotated[
        bool,
        Meta(
            description="HTML that runs or loads something, in code blocks too: scripts, frames, handlers, `javascript:`. Default false: answers about web pages have it."
        ),
    ] = False
    statements: Annotated[
        list[Statement],
        Meta(description="Statements that destroy: `sql`, `shell`. Default none: answers about code have them."),
    ] = []


class SchemaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON Schema that answers have to keep."""

    file: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(description="File with the schema, from the folder of the settings. Default none."),
    ] = None
    schema: Annotated[dict[str, Any] | None, Meta(description="The schema itself; either this or `file`.")] = None


class LanguageSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Languages that texts may be in."""

    allowed: Annotated[
        list[Annotated[str, Meta(pattern="^[a-z]{2}$")]],
        Meta(min_length=1, description="ISO 639-1 codes, such as `en`."),
    ]
    least_letters: Annotated[
        int, Meta(ge=10, le=2000, description="Letters that a text has to have to be judged, 10 to 2,000. Default 40.")
    ] = 40


class LengthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a text may be."""

    characters: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="Most characters of one text. Default: any number.")
    ] = None
    tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Most tokens of one text, estimated as a quarter of its UTF-8 bytes. Default: any number."),
    ] = None
