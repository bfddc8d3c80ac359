"""Facts that small models tell: what is to be done, what it is about, how hard it is."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from math import exp, log1p
from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.core.signal import Value
from antiphon.signals import features, language
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.judged import Judged, unknown
from antiphon.signals.linear import Linear, load
from antiphon.signals.plain import tools_of
from antiphon.signals.shape import options

AGENTIC = 0.9
"""Confidence that a request goes on with tools: it has results of them, or has to call one."""
SEVERAL_TOOLS = 3


class Difficulty(Struct, frozen=True, kw_only=True):
    """A logistic model of how many of several models fail."""

    source: str
    bias: float
    weights: dict[str, float]


@cache
def tasks() -> Linear:
    return load("task")["task"]


@cache
def domains() -> Linear:
    return load("domain")["domain"]


@cache
def difficulty() -> Difficulty:
    text = (files("antiphon.signals") / "data" / "difficulty.json").read_bytes()
    return msgspec.json.decode(text, type=Difficulty)


def prepare(names: frozenset[str]) -> None:
    """Read the tables that these facts need."""
    if any(name.startswith("text.language") for name in names):
        language.prepare()
    if any(name.startswith(("task.", "difficulty.")) for name in names):
        tasks()
    if any(name.startswith(("domain.", "difficulty.")) for name in names):
        domains()


def _task(facts: RequestFacts) -> tuple[str, float, str]:
    """Name, confidence and why. Raises: Unread."""
    if _works_with_tools(facts):
        return "agentic", AGENTIC, "it works with tools"
    text = facts.ask.strip() or facts.said.system.strip()
    if not text:
        return "", 0.0, "it has no text"
    name, chance = tasks().best(
        features.of_task(
            text,
            code=bool(facts.value("text.code")),
            math=bool(facts.value("text.math")),
            choice=bool(facts.value("asks.choice")),
        )
    )
    return name, chance, "" if name else "no word of it is known"


def _works_with_tools(facts: RequestFacts) -> bool:
    many = len(tools_of(facts))
    return many >= SEVERAL_TOOLS or (many > 0 and (facts.said.required or bool(facts.said.of("tool"))))


def _domain(facts: RequestFacts) -> tuple[str, float, str]:
    """Name, confidence and why. Raises: Unread."""
    name, chance = domains().best(features.of_domain(facts.ask))
    return name, chance, "" if name else "no word of it is known"


def _name(key: str) -> How:
    def work(facts: RequestFacts) -> Judged:
        name, chance, why = facts.once(key, _OF[key])
        return Judged(name, chance, why) if name else unknown(why)

    return work


def _confidence(key: str) -> How:
    def work(facts: RequestFacts) -> Value:
        return facts.once(key, _OF[key])[1]

    return work


_OF = {"task": _task, "domain": _domain}


def _language(facts: RequestFacts) -> Judged:
    name, chance = language.language_of(facts.start)
    return Judged(name, chance) if name else unknown("too little of it tells")


def _script(facts: RequestFacts) -> Judged:
    name, share = language.script(facts.start)
    return Judged(name, share) if name else unknown("it has no letters")


def hardness(text: str, *, code: bool, math: bool) -> Iterator[tuple[str, float]]:
    """What tells how hard a text is: its length, form, and the chances of its domains."""
    yield "length", log1p(len(text)) / 10
    yield "digits", min(sum(map(str.isdigit, text[:2000])) / (len(text[:2000]) or 1) * 5, 1.0)
    yield "lines", min(log1p(text.count("\n")) / 4, 1.0)
    yield "options", options(text) / 10
    yield "code", float(code)
    yield "math", float(math)
    _, chances = domains().chances(features.of_domain(text))
    yield from zip(domains().names, chances, strict=True)


def _difficulty(facts: RequestFacts) -> Judged:
    model = difficulty()
    code, math = bool(facts.value("text.code")), bool(facts.value("text.math"))
    score = model.bias + sum(
        model.weights.get(name, 0.0) * much for name, much in hardness(facts.start, code=code, math=math)
    )
    return Judged(round(1 / (1 + exp(-score)), 4), 0.5, "by its length, form and domain")


HOW: Mapping[str, How] = MappingProxyType(
    {
        "text.language": _language,
        "text.script": _script,
        "task.name": _name("task"),
        "task.confidence": _confidence("task"),
        "domain.name": _name("domain"),
        "domain.confidence": _confidence("domain"),
        "difficulty.score": _difficulty,
    }
)
