from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
providers:
  openai: {key: sk-0123456789}
models:
  one: {provider: openai}
embedders:
  server: {endpoint: {base_url: "http://127.0.0.1:1/v1", model: e, dimensions: 3}}
signals:
  time_zone: Europe/Berlin
  keywords:
    urgent: {any: [asap, outage], at_least: 2}
    invoice: {any: ["inv-[0-9]+"], match: regex}
    like_these: {any: [a parcel that is late], match: bm25, threshold: 0.5}
    misspelt: {any: [refund], match: fuzzy}
  examples:
    refunds: {texts: [money back]}
  functions:
    length: {call: "builtins:len", gives: int}
  models:
    tone: {model: one, ask: "How?", choices: [calm, angry]}
"""


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    ("inv-[0-9]+", "inv-(", "signals.keywords.invoice.any[0]", "is no pattern: missing )"),
    ("inv-[0-9]+", "(?<=a)b", "signals.keywords.invoice.any[0]", "is no pattern: "),
    ("at_least: 2", "at_least: 3", "signals.keywords.urgent.at_least", "is 3, of 2 to find"),
    ("at_least: 2", "threshold: 0.5", "signals.keywords.urgent.threshold", "has no effect with `match: word`"),
    ("threshold: 0.5", "at_least: 1", "signals.keywords.like_these.at_least", "has no effect with `match: bm25`"),
    ("match: fuzzy", "match: fuzzy, case: true", "signals.keywords.misspelt.case", "has no effect with `match: fuzzy`"),
    (
        "[refund]",
        str([f"refund{at}" for at in range(201)]),
        "signals.keywords.misspelt.any",
        "has 201 words, of at most 200 fuzzy ones",
    ),
    ("Europe/Berlin", "Europe/Bärlin", "signals.time_zone", "there is no time zone"),
    ("builtins:len", "builtins:lenn", "signals.functions.length.call", "builtins has no lenn"),
    ("builtins:len", "no_such.module:f", "signals.functions.length.call", "no_such.module can't be imported"),
    ("[money back]", "[a], embedder: sever", "signals.examples.refunds.embedder", "there is no embedder 'sever'"),
    ("[money back]", "[a], embedder: server", "signals.examples.refunds.embedder", "'server' is an endpoint"),
    ("signals:\n", "signals:\n  embedder: server\n", "signals.embedder", "'server' is an endpoint"),
    ("model: one", "model: won", "signals.models.tone.model", "there is no model won"),
    ("[calm, angry]", "[calm, Calm]", "signals.models.tone.choices", "has a choice twice"),
    ("urgent:", "Urgent:", "signals.keywords.Urgent", ""),
]


@pytest.mark.parametrize(("good", "bad", "path", "wrong"), CASES, ids=[f"{case[2]}: {case[3]}" for case in CASES])
def test_a_mistake_is_told_with_its_place(mistakes: Mistakes, good: str, bad: str, path: str, wrong: str) -> None:
    assert good in GOOD
    problems = mistakes(GOOD.replace(good, bad))
    assert [problem.path for problem in problems] == [path]
    assert wrong in problems[0].wrong
    assert problems[0].remedy
