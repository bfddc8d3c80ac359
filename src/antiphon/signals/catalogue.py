"""Every fact that can be asked for: those that are built in, and those that a configuration declares."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from antiphon.core.signal import Declared, FactCost, FactKind
from antiphon.signals.settings import SignalSettings

_FREE: tuple[tuple[str, FactKind, str], ...] = (
    ("request.bytes", "int", "Size of the body."),
    ("request.model", "string", "The public name that was asked for."),
    ("request.dialect", "string", "The API that the caller speaks, such as `openai_chat`."),
    ("request.stream", "bool", "The answer is to be streamed."),
    ("request.images", "int", "Images in it."),
    ("request.audio", "int", "Sounds in it."),
    ("request.files", "int", "Files in it."),
    ("request.answers", "int", "Answers that are asked for."),
    ("request.output_tokens", "int", "The most tokens that the answer may have; unknown: it doesn't say."),
    ("request.temperature", "double", "How freely the model is to draw; unknown: it doesn't say."),
    ("context.tokens", "int", "Tokens of all its texts and tools, about; an image counts as 1,000."),
    (
        "context.share",
        "double",
        "How much of the smallest candidate's window they fill, 0 to 1 and above; unknown: its window is.",
    ),
    ("text.script", "string", "The script of most of what the user said last, such as `latin` or `han`."),
    ("text.code", "bool", "What the user said last has code in it."),
    ("text.math", "bool", "It has formulas in it."),
    ("text.lists", "int", "Its lines that are points of a list."),
    ("text.questions", "int", "Its question marks, in any script."),
    ("text.words", "int", "Its words; two signs of Chinese or Japanese count as one."),
    ("tools.count", "int", "Tools that are offered."),
    ("tools.names", "strings", "Their names."),
    ("tools.required", "bool", "One of them has to be called."),
    ("tools.results", "int", "Messages that are results of tools."),
    ("asks.json", "bool", "The answer is to be JSON, by a field of the request or by its words."),
    ("asks.schema", "bool", "A JSON Schema is given for the answer."),
    ("asks.choice", "bool", "It has options to choose from, such as A) to D)."),
    ("asks.exact", "bool", "The answer is to be a number, a word, a letter and no more."),
    ("asks.long", "bool", "A long answer is wanted."),
    ("asks.brief", "bool", "A short answer is wanted."),
    ("talk.turns", "int", "How often the user spoke."),
    ("talk.reask", "bool", "The user says nearly the same as before."),
    ("talk.correction", "bool", "The user says that the last answer was not what was meant."),
    ("talk.frustration", "bool", "The user is annoyed."),
    ("talk.system", "bool", "There is a system prompt."),
    (
        "stakes.words",
        "strings",
        "Kinds of stakes that its words or tools speak of: `money`, `health`, `law`, `safety`, `security`, `deletion`, `production`, `action`.",
    ),
    (
        "stakes.impact",
        "string",
        "`low`, `medium` or `high`: what the header `x-antiphon-impact` says, else what its words let expect.",
    ),
    ("stakes.stated", "bool", "The header says it."),
    ("who.tenant", "string", "The caller's tenant."),
    ("who.team", "string", "The caller's team; empty: none."),
    ("who.department", "string", "The caller's department; empty: none."),
    ("who.user", "string", "The caller's user; empty: none."),
    ("who.key", "string", "Name of the caller's key."),
    ("who.tags", "strings", "Tags of the caller's key."),
    ("time.hour", "int", "Hour of the day, 0 to 23, in `signals.time_zone`."),
    ("time.weekday", "int", "1, Monday, to 7, Sunday, in `signals.time_zone`."),
    ("time.now", "timestamp", "When the request came in."),
    ("time.zone", "string", "`signals.time_zone`."),
    ("region", "string", "Where the gateway runs, as configured; unknown: it isn't."),
    ("finding.sensitivity", "string", "What guards found of the data in it; unknown until they have looked."),
    (
        "finding.injection",
        "double",
        "How likely guards think an attack by its text is; unknown until they have looked.",
    ),
)
_LEARNED: tuple[tuple[str, FactKind, str], ...] = (
    ("text.language", "string", "The language of what the user said last, ISO 639-1; unknown: nothing tells."),
    (
        "task.name",
        "string",
        "What is to be done: `classify`, `extract`, `transform`, `answer`, `reason`, `code`, `math`, `agentic`, `chat` or `creative`.",
    ),
    ("task.confidence", "double", "The chance that this is right, 0 to 1."),
    (
        "domain.name",
        "string",
        "What it is about: `biology`, `business`, `chemistry`, `computing`, `engineering`, `health`, `humanities`, `law`, `math`, `other`, `physics` or `psychology`.",
    ),
    ("domain.confidence", "double", "The chance that this is right, 0 to 1."),
    ("difficulty.score", "double", "How likely a model of middling skill is to fail, 0 to 1."),
)
HEADER = re.compile(r"header\.(x(?:[-_][a-z0-9]+)+)")
"""A header of the caller's: `header.x_team`, or ``header.`x-team` ``, where expressions put the hyphens in backticks."""


def _made(rows: tuple[tuple[str, FactKind, str], ...], cost: FactCost) -> Iterator[Declared]:
    return (Declared(name=name, kind=kind, cost=cost, says=says) for name, kind, says in rows)


BUILT_IN: Mapping[str, Declared] = MappingProxyType(
    {one.name: one for one in (*_made(_FREE, "free"), *_made(_LEARNED, "learned"))}
)


def declared(settings: SignalSettings) -> dict[str, Declared]:
    """The facts of a configuration, by name; those of headers aside, which any expression may name."""
    own = (*_keywords(settings), *_likeness(settings), *_functions(settings), *_asked(settings))
    return {**BUILT_IN, **{one.name: one for one in own}}


def _keywords(settings: SignalSettings) -> Iterator[Declared]:
    for name in settings.keywords:
        yield Declared(name=f"keyword.{name}", kind="bool", cost="free", says="Enough of them were found.")
        yield Declared(name=f"keyword.{name}.count", kind="int", cost="free", says="How often any of them was found.")
        yield Declared(
            name=f"keyword.{name}.score",
            kind="double",
            cost="free",
            says="The share of them that was found; of `bm25`, how like the likest one is. 0 to 1.",
        )


def _likeness(settings: SignalSettings) -> Iterator[Declared]:
    for name in settings.examples:
        yield Declared(
            name=f"like.{name}", kind="double", cost="embedding", says="The cosine of the nearest example, -1 to 1."
        )


def _functions(settings: SignalSettings) -> Iterator[Declared]:
    for name, one in settings.functions.items():
        yield Declared(name=f"own.{name}", kind=one.gives, cost="function", says=f"What {one.call} returned.")


def _asked(settings: SignalSettings) -> Iterator[Declared]:
    for name, one in settings.models.items():
        choices = ", ".join(one.choices)
        yield Declared(name=f"asked.{name}", kind="string", cost="model", says=f"What {one.model} chose: {choices}.")


def header(name: str) -> Declared | None:
    """The fact of a header; None: no header's fact has this name."""
    if HEADER.fullmatch(name) is None:
        return None
    wire = name.removeprefix("header.").replace("_", "-")
    return Declared(name=name, kind="string", cost="free", says=f"The caller's header {wire}; empty: there is none.")


class Environment(Mapping[str, Declared]):
    """What expressions are checked against: the facts of a configuration, and every `header.x_…`.

    Headers are found when they are asked for, and not listed.
    """

    def __init__(self, known: Mapping[str, Declared]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> Declared:
        found = self._known.get(name) or header(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def environment(settings: SignalSettings) -> Environment:
    return Environment(declared(settings))
