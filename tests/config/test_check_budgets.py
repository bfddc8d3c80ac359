from pathlib import Path

import pytest

from antiphon.config.check_budgets import check_budgets, past_raises
from antiphon.config.convert import convert
from antiphon.config.interpolate import interpolate
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.budget import Budget, Raise, Window
from antiphon.core.error import Problem
from antiphon.metering.definitions import budgets as defined
from antiphon.metering.definitions import nano_usd
from antiphon.wire.yaml import compose


def read(text: str) -> tuple[Settings, list[Problem]]:
    """A file's budgets, and all that is wrong with them."""
    tree, problems = compose(text, "f.yaml")
    tree, unfilled = interpolate(tree, {}, Path("/"), "f.yaml")
    result = convert(tree, Settings, "f.yaml")
    assert result.value is not None
    written = Written(file="f.yaml", tree=tree, broken=result.broken)
    found = check_budgets(result.value.budgets, written, tiers=("cheap",), names=("fast", "smart", "best"))
    return result.value, [*problems, *unfilled, *result.problems, *found]


def of(*budgets: str) -> str:
    return "budgets:\n" + "".join(f"  - {one}\n" for one in budgets)


@pytest.mark.parametrize(
    ("budget", "path", "wrong"),
    [
        ("{name: b}", "", "has no limit"),
        ("{name: b, usd: -5}", ".usd", "found a whole number -5"),
        ("{name: b, usd: 0}", ".usd", "found a whole number 0"),
        ("{name: b, usd: 1000000001}", ".usd", "found a whole number 1000000001"),
        ("{name: b, usd: .inf}", ".usd", "found a number inf"),
        ("{name: b, usd: much}", ".usd", "found the text 'much'"),
        ("{name: b, tokens: -1}", ".tokens", "found a whole number -1"),
        ("{name: b, requests: 0}", ".requests", "found a whole number 0"),
        ("{name: b, usd: 5, tokens: 7}", ".tokens", "has `usd` and `tokens`, and only one is possible"),
        ("{name: b, usd: 0.0000000001}", ".usd", "0.0000000001 can't be kept exactly"),
        ("{name: b, usd: 123456789.123456789}", ".usd", "123456789.123456789 can't be kept exactly"),
        ("{name: b, usd: 100000000.000000001}", ".usd", "100000000.000000001 can't be kept exactly"),
        ("{name: b, usd: 5, on: [planet]}", ".on[0]", "found the text 'planet'"),
        ("{name: b, usd: 5, on: [team, team]}", ".on", "team is there twice"),
        ("{name: b, usd: 5, only: {planet: [x]}}", ".only.planet", "nothing is counted by planet"),
        ("{name: b, usd: 5, on: [team], only: {team: []}}", ".only.team", "names no value, so nothing is counted"),
        ("{name: b, usd: 5, window: year}", ".window", "found the text 'year'"),
        ("{name: b, usd: 5, rolling: 0h}", ".rolling", "0h takes no time"),
        ("{name: b, usd: 5, rolling: 401d}", ".rolling", "401d is longer than 400 days"),
        ("{name: b, usd: 5, rolling: forever}", ".rolling", "found the text 'forever'"),
        ("{name: b, usd: 5, rolling: 1h, window: day}", ".window", "has no effect beside `rolling`"),
        ("{name: b, usd: 5, timezone: Europe/Atlantis}", ".timezone", "there is no time zone Europe/Atlantis"),
        ("{name: b, usd: 5, timezone: ../../etc/passwd}", ".timezone", "there is no time zone ../../etc/passwd"),
        ("{name: b, usd: 5, window: total, timezone: Europe/Berlin}", ".timezone", "has no effect on a window"),
        ("{name: b, usd: 5, alerts: [0.8, 0.5]}", ".alerts", "they don't rise"),
        ("{name: b, usd: 5, alerts: [0.8, 0.8]}", ".alerts", "they don't rise"),
        ("{name: b, usd: 5, alerts: [0]}", ".alerts[0]", "found a whole number 0"),
        ("{name: b, usd: 5, at_cap: downgrade}", ".downgrade_to", "is missing"),
        ("{name: b, usd: 5, at_cap: downgrade, downgrade_to: fats}", ".downgrade_to", "fats is neither a tier nor"),
        ("{name: b, usd: 5, downgrade_to: fast}", ".downgrade_to", "has no effect with `at_cap: refuse`"),
        ("{name: b, usd: 5, at_cap: throttle}", ".throttle_per_minute", "is missing"),
        ("{name: b, usd: 5, throttle_per_minute: 5}", ".throttle_per_minute", "has no effect with `at_cap: refuse`"),
        ("{name: b, tokens: 5, unpriced: allow}", ".unpriced", "has no effect but for `usd`"),
        ("{name: b, usd: 5, at_cap: shadow, unpriced: allow}", ".unpriced", "has no effect but for `usd`"),
        ("{name: b, usd: 5, raises: [{until: '2030-01-01T00:00:00Z'}]}", ".raises[0]", "has no limit"),
        ("{name: b, usd: 5, raises: [{tokens: 5, until: '2030-01-01T00:00:00Z'}]}", ".raises[0].tokens", "the budget is in usd"),
        ("{name: b, usd: 5, raises: [{usd: 5, until: '2030-02-30T00:00:00Z'}]}", ".raises[0].until", "there is no time"),
        ("{name: b, usd: 5, raises: [{usd: 5, until: tomorrow}]}", ".raises[0].until", "found the text 'tomorrow'"),
        ("{name: 'a|b', usd: 5}", ".name", "found the text 'a|b'"),
        ("{name: b, usd: 5, limit: 7}", ".limit", "unknown key"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_a_remedy(budget: str, path: str, wrong: str) -> None:
    _, problems = read(of("{name: other, requests: 1}", budget))

    assert [(one.line, one.path, one.wrong[: len(wrong)]) for one in problems] == [(3, f"budgets[1]{path}", wrong)]
    assert problems[0].remedy


def test_a_name_is_one_of_a_kind() -> None:
    _, (found,) = read(of("{name: b, usd: 5}", "{name: b, usd: 6}"))

    assert (found.path, found.wrong) == ("budgets[1].name", "another budget is called b")


def test_downgrades_lead_in_no_loop() -> None:
    _, (found,) = read(
        of(
            "{name: a, usd: 5, on: [model], only: {model: [smart]}, at_cap: downgrade, downgrade_to: fast}",
            "{name: b, usd: 5, on: [model], only: {model: [fast, best]}, at_cap: downgrade, downgrade_to: smart}",
        )
    )

    assert found.path.endswith(".downgrade_to")
    assert found.wrong == "downgrades lead back to where they began: fast -> smart -> fast"


def test_downgrades_may_lead_down_in_steps_and_from_everywhere() -> None:
    _, problems = read(
        of(
            "{name: a, usd: 5, on: [model], only: {model: ['*']}, at_cap: downgrade, downgrade_to: fast}",
            "{name: b, usd: 5, on: [model], only: {model: [best]}, at_cap: downgrade, downgrade_to: smart}",
            "{name: c, usd: 5, at_cap: downgrade, downgrade_to: cheap}",
            "{name: d, usd: 5, at_cap: downgrade, downgrade_to: fast}",
        )
    )

    assert problems == []


def test_a_budget_is_taken_as_it_is_written() -> None:
    settings, problems = read(
        of(
            "{name: day, on: [team, user], only: {team: ['sup*']}, usd: 12.000000001, window: day, timezone: Europe/Berlin,"
            " alerts: [0.5, 1], raises: [{usd: 0.1, until: '2026-12-01T01:00:00+01:00', note: launch}]}",
            "{name: all, shared: true, tokens: 1000, rolling: 24h, at_cap: shadow}",
            "{name: most, usd: 1000000000}",
        )
    )

    assert problems == []
    assert defined(settings.budgets) == (
        Budget(
            name="day",
            measure="money",
            limit=12_000_000_001,
            window=Window(period="day", timezone="Europe/Berlin"),
            scopes=("team", "user"),
            only={"team": ("sup*",)},
            alerts=(0.5, 1.0),
            raises=(Raise(amount=100_000_000, until_ns=1_796_083_200_000_000_000, note="launch"),),
        ),
        Budget(
            name="all",
            measure="tokens",
            limit=1000,
            window=Window(period="rolling", rolling_s=86_400),
            scopes=(),
            at_cap="shadow",
            shared=True,
        ),
        Budget(name="most", measure="money", limit=10**18, window=Window(period="month")),
    )


@pytest.mark.parametrize(
    ("usd", "nano"),
    [(0.1, 100_000_000), (1e-9, 1), (4.35, 4_350_000_000), (1e9, 10**18), (999999.999999999, 999999999999999)],
)
def test_dollars_are_taken_to_the_nano_dollar(usd: float, nano: int) -> None:
    assert nano_usd(usd) == nano


def test_a_raise_that_is_over_is_worth_a_warning() -> None:
    settings, problems = read(
        of(
            "{name: b, usd: 5, raises: [{usd: 1, until: '2020-01-01T00:00:00Z'}, {usd: 1, until: '2040-01-01T00:00:00Z'}]}"
        )
    )

    assert problems == []
    assert past_raises(settings.budgets, 1_767_225_600 * 10**9) == [
        "the budget b has a raise until 2020-01-01T00:00:00Z, which is over"
    ]
