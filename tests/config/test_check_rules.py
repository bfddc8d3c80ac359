from datetime import date
from pathlib import Path

import pytest

from antiphon.config.check_objectives import shut_out
from antiphon.config.check_rules import check_rules
from antiphon.config.convert import convert
from antiphon.config.interpolate import interpolate
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.providers.profiles import PROFILES
from antiphon.wire.yaml import compose

MODELS = """\
providers:
  lab: {lab: {models: {m: {}}}}
  openai: {}
models:
  quick: {provider: lab, tier: fast}
  sound: {provider: lab, tier: balanced}
  grand-1: {provider: lab, tier: premium}
  off: {provider: openai, tier: spare}
"""
LINES = MODELS.count("\n")
TEAMS = """\
recipes:
  panel: {panel: {members: [quick, sound], judge: grand-1}}
  careful: {panel: {members: [sound, grand-1], judge: grand-1}}
selectors:
  learned: {}
"""


class WithSelectors(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Only their names count here."""

    selectors: dict[str, dict[str, str]] = {}  # noqa: RUF012  # copied by msgspec


def read(text: str) -> tuple[WithSelectors, list[Problem]]:
    """A file's routes, and all that is wrong with how they decide."""
    tree, problems = compose(MODELS + text + TEAMS, "f.yaml")
    tree, unfilled = interpolate(tree, {}, Path("/"), "f.yaml")
    result = convert(tree, WithSelectors, "f.yaml")
    assert result.value is not None
    settings = result.value
    written = Written(file="f.yaml", tree=tree, broken=result.broken)
    return settings, [*problems, *unfilled, *result.problems, *check_rules(settings, written, PROFILES)]


def route(*lines: str) -> str:
    return "routes:\n  auto:\n    models: [quick]\n" + "".join(f"    {one}\n" for one in lines)


def rule(text: str, *more: str) -> str:
    return route("rules:", "  - {name: first, when: context.tokens > 5, recipe: panel}", f"  - {{{text}}}", *more)


@pytest.mark.parametrize(
    ("text", "path", "wrong"),
    [
        ("name: a, when: context.tokens > 7000000000000000000000", ".when", "column 18 at `7000000000000000000000`: it is over the range"),
        ("name: a, when: context.token > 5", ".when", "column 1 at `context.token`: there is no fact `context.token`"),
        ("name: a, when: context.tokens", ".when", "column 1"),
        ("name: a, when: context.tokens > '5'", ".when", "column 16 at"),
        ("name: a, when: 'context.tokens >'", ".when", "column 17"),
        ("name: a, when: band.risk == 'high'", ".when", "column 1 at `band.risk`: there is no fact"),
        ("name: a, when: health.grand-1", ".when", "column 1 at `health.grand`: there is no fact"),
        ("name: a, when: text.code, recipe: pannel", ".recipe", "there is no recipe pannel"),
        ("name: a, when: text.code, models: [quick, quack]", ".models[1]", "there is no model quack"),
        ("name: a, when: text.code, models: [quick, quick]", ".models[1]", "quick stands in this list twice"),
        ("name: a, when: text.code, tiers: [fat]", ".tiers[0]", "no model has the tier fat"),
        ("name: a, when: text.code, models: [off]", "", "no model is left that could answer: off (no key)"),
        ("name: a, when: text.code, tiers: [spare]", "", "no model is left that could answer: off (no key)"),
        ("name: first, when: text.code, recipe: panel", ".name", "another rule is called first"),
        ("name: a, when: text.code, impact: high", ".impact", "has no effect where `escalate` doesn't look at `impact`"),
        ("name: a, when: text.code, impact: grave", ".impact", "found the text 'grave'"),
        ("name: a, when: text.code, fixed: true", ".fixed", "has no effect where nothing escalates"),
        ("name: a, when: context.tokens > 5 && context.tokens < 3", ".when", "this can never be true"),
        ("name: a, when: context.tokens > 9", ".when", "never decides: first before it holds wherever it does"),
        ("name: a, when: context.tokens >  5", ".when", "never decides: first before it has the same condition and leads elsewhere"),
        ("name: a, when: 5 < context.tokens, recipe: panel", ".when", "first before it has the same condition and leads to the same"),
        ("name: a, when: text.code, objective: {relax: [total_p95_s]}", ".objective.relax[0]", "there is no bound `total_p95_s`"),
        ("name: a, when: text.code, objective: {unknown: allow}", ".objective.unknown", "has no effect without a bound"),
        ("name: a, when: text.code, wen: x", ".wen", "unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_rule_is_named_with_its_line_and_a_remedy(text: str, path: str, wrong: str) -> None:
    _, problems = read(rule(text))

    said = [(one.line, one.path, one.wrong[: len(wrong)]) for one in problems]
    assert said == [(LINES + 6, f"routes.auto.rules[1]{path}", wrong)]
    assert problems[0].remedy


@pytest.mark.parametrize(
    ("text", "path", "wrong"),
    [
        ("recipe: pannel", ".recipe", "there is no recipe pannel"),
        ("selector: learnt", ".selector", "there is no selector learnt"),
        ("objective: {quality_at_least: 0.5, relax: [quality_at_least, quality_at_least]}", ".objective.relax[0]", "quality_at_least stands in this list twice"),
        ("objective: {first_token_p95_s: 3, total_p95_s: 3}", ".objective.first_token_p95_s", "bounds nothing"),
        ("objective: {quality_at_least: 1.5}", ".objective.quality_at_least", "found a number 1.5"),
        ("objective: {goal: cheap}", ".objective.goal", "expected one of"),
        ("escalate: {tiers: [premium]}", ".escalate", "nothing ever escalates"),
        ("escalate: {impact: [high]}", ".escalate", "leads nowhere else"),
        ("escalate: {below_chance: 0.5, tiers: [premium]}", ".escalate.below_chance", "has no effect without a selector"),
        ("escalate: {impact: [high], tiers: [premier]}", ".escalate.tiers[0]", "no model has the tier premier"),
        ("escalate: {impact: [high], recipe: carefull}", ".escalate.recipe", "there is no recipe carefull"),
        ("switch: {idle_s: 60}", ".switch", "has no effect on candidates that stand equal"),
        ("split: [{name: a, percent: 5}]", ".split[0]", "leads nowhere else"),
        ("split: [{name: a, percent: 60, models: [sound]}, {name: b, percent: 41, models: [grand-1]}, {name: c, percent: 1, models: [grand-1]}]", ".split[1].percent", "the parts come to 101 percent by here"),
        ("split: [{name: a, percent: 5, models: [sound]}, {name: a, percent: 5, models: [grand-1]}]", ".split[1].name", "another part is called a"),
        ("split: [{name: a, percent: 0, models: [sound]}]", ".split[0].percent", "found a whole number 0"),
        ("split: [{name: a, percent: 5, models: [off]}]", ".split[0]", "no model is left that could answer"),
        ("split_by: user", ".split_by", "has no effect without `split` and `shadow`"),
        ("shadow: {models: []}", ".shadow.models", "has 0 items"),
        ("shadow: {models: [grand]}", ".shadow.models[0]", "there is no model grand"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_route_is_named_with_its_line_and_a_remedy(text: str, path: str, wrong: str) -> None:
    _, problems = read(route(text))

    assert [(one.line, one.path, one.wrong[: len(wrong)]) for one in problems] == [
        (LINES + 4, f"routes.auto{path}", wrong)
    ]
    assert problems[0].remedy


@pytest.mark.parametrize(
    ("text", "path", "wrong"),
    [
        ("{add: [{weight: 1}]}", ".add[0]", "has neither `when` nor `of`"),
        ("{add: [{when: text.code, of: text.words, weight: 1}]}", ".add[0]", "has `when` and `of`"),
        ("{add: [{when: text.code, per: 5, weight: 1}]}", ".add[0].per", "has no effect beside `when`"),
        ("{add: [{when: text.code, most: 5, weight: 1}]}", ".add[0].most", "has no effect beside `when`"),
        ("{add: [{when: text.words, weight: 1}]}", ".add[0].when", "column 1"),
        ("{add: [{of: text.code, weight: 1}]}", ".add[0].of", "column 1"),
        ("{add: [{of: text.wrods, weight: 1}]}", ".add[0].of", "column 1 at `text.wrods`: there is no fact"),
        ("{add: [{of: text.words, per: 0, weight: 1}]}", ".add[0].per", "found a whole number 0"),
        ("{add: []}", ".add", "has 0 items"),
        ("{add: [{of: text.words, weight: 1}], bands: [{name: a, below: 1}]}", ".bands[0].below", "a score may be above the last band"),
        ("{add: [{of: text.words, weight: 1}], bands: [{name: a}, {name: b}]}", ".bands[0]", "has no end"),
        ("{add: [{of: text.words, weight: 1}], bands: [{name: a, below: 2}, {name: b, below: 2}, {name: c}]}", ".bands[1].below", "2 is not above the 2 of the band before"),
        ("{add: [{of: text.words, weight: 1}], bands: [{name: a, below: 2}, {name: a}]}", ".bands[1].name", "another band is called a"),
        ("{add: [{of: score.risk, weight: 1}]}", "", "scores need each other: risk -> risk"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_score_is_named_with_its_line_and_a_remedy(text: str, path: str, wrong: str) -> None:
    _, problems = read(f"scores:\n  risk: {text}\n")

    assert [(one.line, one.path, one.wrong[: len(wrong)]) for one in problems] == [
        (LINES + 2, f"scores.risk{path}", wrong)
    ]
    assert problems[0].remedy


def test_scores_that_need_each_other_are_refused() -> None:
    _, problems = read(
        "scores:\n"
        "  a: {add: [{of: score.b, weight: 1}]}\n"
        "  b: {add: [{when: band.c == 'x', weight: 1}]}\n"
        "  c: {add: [{of: score.a, weight: 1}], bands: [{name: x}]}\n"
        "  d: {add: [{of: score.a, weight: 1}]}\n"
    )

    (found,) = problems
    assert sorted(found.wrong.removeprefix("scores need each other: ").split(" -> ")[1:]) == ["a", "b", "c"]


def test_a_score_whose_name_no_expression_can_write_is_refused() -> None:
    _, problems = read(
        "scores:\n  a:b: {add: [{of: text.words, weight: 1}]}\n  c-d/e: {add: [{of: text.words, weight: 1}]}\n"
    )

    assert [(one.path, one.wrong) for one in problems] == [("scores.a:b", "no expression can write this name")]


def test_a_line_of_an_expression_of_several_is_named() -> None:
    _, problems = read(
        route("rules:", "  - name: a", "    recipe: panel", "    when: |", "      text.code &&", "      text.mat")
    )

    (found,) = problems
    assert found.wrong.startswith("line 2, column 1 at `text.mat`")
    assert found.line == LINES + 7


def test_a_rule_before_which_none_is_broken_is_found_dead_where_it_stands() -> None:
    _, problems = read(
        route(
            "rules:",
            "  - {name: a, when: text.code, recipe: panel}",
            "  - {name: b, when: text.cod, recipe: panel}",
            "  - {name: c, when: text.code && text.math, recipe: panel}",
        )
    )

    assert [(one.line, one.path) for one in problems] == [
        (LINES + 6, "routes.auto.rules[1].when"),
        (LINES + 7, "routes.auto.rules[2].when"),
    ]


def test_what_can_not_be_read_is_reported_once() -> None:
    _, problems = read(
        "signals: {keywords: {urgent: {any: 5}}}\n" + route("rules: [{name: a, when: keyword.urgent, recipe: panel}]")
    )
    assert [one.path for one in problems] == ["signals.keywords.urgent.any"]

    _, problems = read("scores: {risk: {add: 5}}\n" + route("rules: [{name: a, when: score.risk > 1, recipe: panel}]"))
    assert [one.path for one in problems] == ["scores.risk.add"]

    _, problems = read(
        route("rules: [{name: a, when: text.code}, {name: 5, when: text.math}, {name: a, when: text.math}]")
    )
    assert [one.path for one in problems] == ["routes.auto.rules[1].name", "routes.auto.rules[2].name"]


SOUND = """\
signals: {keywords: {urgent: {any: [asap]}}}
scores:
  risk:
    add: [{when: text.code, weight: 0.35}, {of: context.tokens, per: 4000, weight: 0.2}]
    bands: [{name: low, below: 0.3}, {name: high}]
  more: {add: [{of: score.risk, weight: 2}], unknown: nothing}
routes:
  auto:
    models: [quick, sound]
    selector: learned
    recipe: careful
    rules:
      - {name: hard, when: task.name == 'math' && task.confidence > 0.7, recipe: panel, impact: high}
      - {name: risky, when: band.risk == 'high' || score.more > 1.5, tiers: [premium]}
      - {name: rush, when: keyword.urgent && health.`grand-1`, models: [grand-1], objective: {goal: fastest}}
      - {name: header, when: header.x_team == 'a', fixed: true, models: [quick]}
      - {name: saving, when: budget.share > 0.8 && quality.quick > 0.5, tiers: [fast]}
    objective: {goal: cheapest, quality_at_least: 0.8, total_p95_s: 20, first_token_p95_s: 1, relax: [total_p95_s]}
    escalate: {below_confidence: 0.6, below_chance: 0.4, impact: [high], tiers: [premium]}
    switch: {worth_usd: 0.01}
    split: [{name: a, percent: 33.3, models: [grand-1]}, {name: b, percent: 66.7, recipe: panel}]
    split_by: session
    shadow: {models: [grand-1], percent: 10}
"""


def test_a_route_that_uses_everything_holds() -> None:
    settings, problems = read(SOUND)

    assert problems == []
    assert settings.routes["auto"].rules[1].tiers == ["premium"]


def test_two_hundred_rules_hold_and_one_that_never_decides_among_them_is_found() -> None:
    conditions = [
        f"context.tokens > {10_000 - at} && tools.count >= {at % 7} && (task.name == 't{at}' || text.words < {at})"
        for at in range(200)
    ]
    texts = [f'  - {{name: r{at}, when: "{one}", recipe: panel}}' for at, one in enumerate(conditions)]
    dead = f'  - {{name: dead, when: "{conditions[120]} && text.code", recipe: careful}}'

    assert read(route("rules:", *texts))[1] == []
    _, (found,) = read(route("rules:", *texts, dead))
    assert (found.path, found.wrong) == (
        "routes.auto.rules[200].when",
        "never decides: r120 before it holds wherever it does",
    )


def test_models_without_a_price_that_a_cap_shuts_out_are_told() -> None:
    capped = ("objective: {cost_at_most_usd: 0.01}", "rules:")
    settings, _ = read(
        route(
            *capped,
            "  - {name: a, when: text.code, tiers: [premium, balanced]}",
            "  - {name: b, when: text.math, models: [sound], objective: {cost_at_most_usd: 0.01, unknown: allow}}",
            "  - {name: c, when: text.lists > 1, recipe: panel, models: [grand-1]}",
            "  - {name: d, when: text.lists > 2, recipe: careful}",
        )
    )

    assert shut_out(settings, date(2026, 1, 1)) == [
        "route auto: `cost_at_most_usd` shuts out models without a price: quick",
        "rule a of route auto: `cost_at_most_usd` shuts out models without a price: sound, grand-1",
        "rule c of route auto: `cost_at_most_usd` shuts out models without a price: grand-1",
    ]


def test_models_with_a_price_are_not_told() -> None:
    priced = "  priced: {provider: lab, price: {input: 1, output: 2}}\n"
    tree, _ = compose(
        MODELS + priced + route("objective: {cost_at_most_usd: 0.01}").replace("[quick]", "[priced]"), "f"
    )
    settings = convert(tree, Settings, "f").value

    assert settings is not None
    assert shut_out(settings, date(2026, 1, 1)) == []
