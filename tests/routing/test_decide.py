from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruled import DEPLOYMENTS, LIKELY, NOW_NS, RecordedFacts, Ruled, slice_of

from antiphon.core.chance import Chance, Previous
from antiphon.core.plan import Candidate, Tried
from antiphon.core.signal import Fact, StoredFacts
from antiphon.core.view import Slice
from antiphon.routing.objective import Guard
from antiphon.routing.switching import Stay

S = 1_000_000_000
QUALITIES = {"quick": 0.6, "sound": 0.8, "grand": 0.9}


def test_a_route_without_rules_has_its_own_candidates_and_they_stand_equal() -> None:
    found = Ruled({}).decide()

    assert (found.rule, found.recipe, found.order, found.ordered) == ("", "", ("quick", "sound", "grand"), False)
    assert found.candidates[-1] == Candidate(deployment="off", lost="no key")
    assert found.predicted == ()


RULES = {
    "recipe": "usual",
    "rules": [
        {
            "name": "hard",
            "when": "task.name == 'math' && task.confidence > 0.7",
            "recipe": "panel",
            "models": ["grand"],
        },
        {"name": "long", "when": "context.tokens > 5000", "tiers": ["balanced", "premium"]},
        {"name": "rush", "when": "keyword.urgent", "tiers": ["fast"]},
    ],
}


@pytest.mark.parametrize(
    ("facts", "rule", "recipe", "order"),
    [
        ({"task__name": "math", "task__confidence": 0.9}, "hard", "panel", ("grand",)),
        ({"task__name": "math", "task__confidence": 0.9, "context__tokens": 9000}, "hard", "panel", ("grand",)),
        ({"task__name": "math", "task__confidence": 0.5, "context__tokens": 9000}, "long", "usual", ("sound", "grand")),
        ({"context__tokens": 10, "keyword__urgent": True}, "rush", "usual", ("quick", "swift")),
        ({"context__tokens": 10, "keyword__urgent": False}, "", "usual", ("quick", "sound", "grand")),
    ],
)
def test_the_first_rule_that_holds_decides(
    facts: dict[str, Any], rule: str, recipe: str, order: tuple[str, ...]
) -> None:
    ruled = Ruled(RULES)

    found = ruled.decide(ruled.facts(**facts))

    assert (found.rule, found.recipe, found.order) == (rule, recipe, order)


def test_a_rule_whose_facts_are_unknown_does_not_hold_and_is_told() -> None:
    ruled = Ruled(RULES)

    found = ruled.decide(ruled.facts(keyword__urgent=True, context__tokens=1), traced=True)

    assert found.rule == "rush"
    assert found.tried == (
        Tried(rule="hard", found="unknown", why="task.confidence, task.name"),
        Tried(rule="long"),
    )


def test_a_rule_that_fails_does_not_hold_and_is_told() -> None:
    ruled = Ruled({"rules": [{"name": "odd", "when": "100 / context.tokens > 1", "recipe": "x"}]})

    found = ruled.decide(ruled.facts(context__tokens=0), traced=True)

    assert found.rule == ""
    ((rule, outcome, why),) = [(one.rule, one.found, one.why) for one in found.tried]
    assert (rule, outcome) == ("odd", "error")
    assert why


def test_what_is_not_traced_is_decided_alike() -> None:
    ruled = Ruled(RULES)
    facts = {"task__name": "chat", "task__confidence": 0.9, "context__tokens": 9000}

    plain, traced = ruled.decide(ruled.facts(**facts)), ruled.decide(ruled.facts(**facts), traced=True)

    assert plain.tried == ()
    assert plain.key == traced.key


def test_no_fact_is_worked_out_that_no_rule_needs() -> None:
    ruled = Ruled({"rules": [{"name": "long", "when": "context.tokens > 5000"}], "objective": {"goal": "cheapest"}})
    facts = ruled.facts(context__tokens=1, task__name="math")

    ruled.decide(facts)

    assert [one.name for one in facts.told()] == ["context.tokens"]


def test_budget_pressure_makes_a_route_go_cheaper() -> None:
    ruled = Ruled({"rules": [{"name": "saving", "when": "budget.share > 0.9", "tiers": ["fast"]}]})

    assert ruled.program.by_budget
    assert ruled.decide(slice=slice_of(budgets={"team": 0.95, "all": 0.2})).order == ("quick", "swift")
    assert ruled.decide(slice=slice_of(budgets={"team": 0.5})).rule == ""
    assert ruled.decide(slice=slice_of()).rule == ""


def test_rules_ask_how_deployments_are_and_what_is_unknown_does_not_hold() -> None:
    ruled = Ruled(
        {
            "rules": [
                {"name": "down", "when": "!health.grand", "models": ["sound"]},
                {"name": "good", "when": "quality.quick > 0.5", "models": ["quick"]},
            ]
        }
    )

    assert ruled.decide(slice=slice_of(down=["grand"])).rule == "down"
    assert ruled.decide(slice=slice_of({"quick": 0.6})).rule == "good"
    assert ruled.decide(slice=slice_of()).rule == ""
    assert ruled.decide(slice=Slice()).rule == ""


def test_a_rules_quality_is_of_the_requests_class_of_tasks() -> None:
    ruled = Ruled({"rules": [{"name": "good", "when": "quality.quick > 0.5", "models": ["quick"]}]})
    known = slice_of({"quick": 0.6}, task="math")

    assert ruled.program.by_task
    assert ruled.decide(ruled.facts(task__name="math"), known).rule == "good"
    assert ruled.decide(ruled.facts(task__name="chat"), known).rule == ""


def test_models_that_are_off_or_simulated_lose_in_every_group() -> None:
    ruled = Ruled(
        {"rules": [{"name": "any", "when": "true", "models": ["quick", "sound", "grand"]}]},
        lost={"quick": "no key"},
        lab=frozenset({"sound"}),
    )

    found = ruled.decide()

    assert found.order == ("grand",)
    assert {one.deployment: one.lost for one in found.candidates if one.lost} == {"quick": "no key", "sound": "lab"}


SCORED = {
    "risk": {
        "add": [
            {"when": "text.code", "weight": 0.35},
            {"of": "context.tokens", "per": 4000, "most": 1, "weight": 0.2},
            {"when": "keyword.urgent", "weight": -0.1},
        ],
        "bands": [{"name": "low", "below": 0.2}, {"name": "medium", "below": 0.5}, {"name": "high"}],
    },
    "twice": {"add": [{"of": "score.risk", "per": 0.5, "most": 2, "weight": 1}]},
}


@pytest.mark.parametrize(
    ("facts", "score", "band"),
    [
        ({"text__code": True, "context__tokens": 4000, "keyword__urgent": False}, 0.55, "high"),
        ({"text__code": True, "context__tokens": 400_000, "keyword__urgent": True}, 0.45, "medium"),
        ({"text__code": False, "context__tokens": 2000, "keyword__urgent": False}, 0.1, "low"),
        ({"text__code": False, "context__tokens": 4000, "keyword__urgent": False}, 0.2, "medium"),
    ],
)
def test_a_score_is_the_sum_of_its_terms_and_falls_in_a_band(facts: dict[str, Any], score: float, band: str) -> None:
    rules = [{"name": "it", "when": f"band.risk == '{band}' && score.twice >= 0.0", "recipe": "x"}]
    ruled = Ruled({"rules": rules}, scores=SCORED)

    found = ruled.decide(ruled.facts(**facts))

    own = {one.name: one.value for one in found.facts}
    assert found.rule == "it"
    assert own["score.risk"] == pytest.approx(score)
    assert own["band.risk"] == band
    assert own["score.twice"] == pytest.approx(min(score / 0.5, 2))


@pytest.mark.parametrize(("unknown", "rule"), [("unknown", ""), ("nothing", "it")])
def test_a_score_with_an_unknown_term_is_unknown_unless_it_leaves_such_terms_out(unknown: str, rule: str) -> None:
    scores = {"risk": {**SCORED["risk"], "unknown": unknown}}
    ruled = Ruled({"rules": [{"name": "it", "when": "score.risk > 0.1", "recipe": "x"}]}, scores=scores)

    assert ruled.decide(ruled.facts(context__tokens=4000, keyword__urgent=False)).rule == rule
    assert ruled.decide(ruled.facts()).rule == ""


ESCALATE = {
    "rules": [
        {"name": "simple", "when": "task.name == 'extract'", "tiers": ["fast"]},
        {"name": "pay", "when": "task.name == 'agentic'", "tiers": ["fast"], "impact": "high"},
        {"name": "legal", "when": "who.department == 'legal'", "models": ["home"], "fixed": True},
    ],
    "escalate": {"below_confidence": 0.6, "impact": ["high"], "tiers": ["premium"], "recipe": "careful"},
    "split": [{"name": "canary", "percent": 100, "models": ["sound"]}],
    "shadow": {"models": ["grand"]},
}


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"task__name": "extract", "task__confidence": 0.42}, "task.confidence 0.42 is below 0.6"),
        ({"task__name": "extract", "task__confidence": 0.9, "stakes__impact": "high"}, "impact high"),
        ({"task__name": "agentic", "task__confidence": 0.9, "stakes__impact": "low"}, "impact high"),
        ({"stakes__impact": "high"}, "impact high"),
    ],
)
def test_it_escalates_when_the_task_is_uncertain_or_much_is_at_stake(facts: dict[str, Any], why: str) -> None:
    ruled = Ruled(ESCALATE)

    found = ruled.decide(ruled.facts(**facts))

    assert (found.order, found.recipe, found.escalated, found.branch) == (("grand",), "careful", why, "")


def test_it_stays_where_it_is_when_a_request_is_routine() -> None:
    ruled = Ruled({**ESCALATE, "split": []})

    found = ruled.decide(ruled.facts(task__name="extract", task__confidence=0.9, stakes__impact="low"))

    assert (found.order, found.recipe, found.escalated) == (("quick", "swift"), "", "")


@pytest.mark.parametrize(("unknown", "why"), [("stay", ""), ("escalate", "impact unknown")])
def test_what_is_unknown_escalates_where_that_is_asked_for(unknown: str, why: str) -> None:
    ruled = Ruled({"escalate": {"impact": ["high"], "tiers": ["premium"], "unknown": unknown}})

    found = ruled.decide()

    assert found.escalated == why
    assert (found.order == ("grand",)) == bool(why)


def test_an_unknown_confidence_escalates_where_that_is_asked_for() -> None:
    ruled = Ruled({"escalate": {"below_confidence": 0.5, "tiers": ["premium"], "unknown": "escalate"}})

    assert ruled.decide().escalated == "task.confidence unknown"
    assert ruled.decide(ruled.facts(task__confidence=0.5)).escalated == ""


def test_it_stays_where_it_is_when_nobody_it_would_escalate_to_can_take_the_request() -> None:
    ruled = Ruled(ESCALATE)

    found = ruled.decide(ruled.facts(task__name="agentic"), unfit={"grand": "lacks images"})

    assert (found.rule, found.order, found.recipe) == ("pay", ("quick", "swift"), "")
    assert found.escalated == "impact high, but nobody there can take the request"


def test_it_stays_out_of_a_part_of_which_nobody_can_take_the_request() -> None:
    ruled = Ruled({"split": [{"name": "canary", "percent": 100, "models": ["swift"], "recipe": "fresh"}]})

    found = ruled.decide(unfit={"swift": "policy"})

    assert (found.order, found.recipe, found.branch) == (("quick", "sound", "grand"), "", "")


def test_nobody_stands_in_for_a_rules_own_candidates() -> None:
    ruled = Ruled(RULES)

    found = ruled.decide(ruled.facts(context__tokens=9000), unfit={"sound": "policy", "grand": "policy"})

    assert (found.rule, found.order) == ("long", ())


def test_nothing_leads_away_from_a_rule_that_is_fixed() -> None:
    ruled = Ruled(ESCALATE)

    found = ruled.decide(ruled.facts(who__department="legal", stakes__impact="high", task__confidence=0.1))

    assert (found.rule, found.order, found.recipe, found.branch) == ("legal", ("home",), "", "")
    assert (found.escalated, found.shadow) == ("", ())


def test_it_escalates_when_the_selector_expects_too_little_of_the_first() -> None:
    ruled = Ruled(
        {"objective": {"goal": "best"}, "escalate": {"below_chance": 0.7, "tiers": ["premium"]}, "selector": "s"},
        models=("quick", "sound"),
    )
    chances = {"quick": Chance(0.3), "sound": Chance(0.6), "grand": Chance(0.9)}

    found = ruled.decide(predictions=chances)

    assert (found.order, found.escalated) == (("grand",), "chance 0.6 is below 0.7")
    assert ruled.decide(predictions={**chances, "sound": Chance(0.8)}).escalated == ""
    assert ruled.decide(predictions={}).escalated == ""
    assert ruled.decide().escalated == ""


def test_an_unknown_chance_escalates_where_that_is_asked_for() -> None:
    ruled = Ruled({"escalate": {"below_chance": 0.7, "tiers": ["premium"], "unknown": "escalate"}})

    assert ruled.decide(predictions={}).escalated == "chance unknown"


def test_an_objective_orders_candidates_and_tells_what_it_expected() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest", "quality_at_least": 0.7}})

    found = ruled.decide(slice=slice_of(QUALITIES, total_s={"sound": 2.0}))

    assert (found.order, found.ordered) == (("sound", "grand"), True)
    assert Candidate(deployment="quick", lost="quality below 0.7") in found.candidates
    sound = next(one for one in found.predicted if one.deployment == "sound")
    assert (sound.cost_nano_usd, sound.cost_low_nano_usd, sound.cost_high_nano_usd) == (10_000, 5_000, 20_000)
    assert (sound.total_s, sound.total_p95_s, sound.first_token_p95_s) == (2.0, 4.0, 1.0)
    assert sound.quality == 0.8
    assert sound.quality_low == pytest.approx(0.8 - 0.1 * 1.645 / 1.96)


def test_a_rules_objective_takes_the_place_of_the_routes() -> None:
    ruled = Ruled(
        {
            "objective": {"goal": "cheapest"},
            "rules": [{"name": "hard", "when": "task.name == 'math'", "objective": {"goal": "best"}}],
        }
    )

    known = slice_of(QUALITIES)

    assert ruled.decide(ruled.facts(task__name="math"), known).order[0] == "grand"
    assert ruled.decide(ruled.facts(task__name="chat"), known).order[0] == "quick"


def test_a_caller_asks_for_another_goal_within_the_routes_bounds() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest", "cost_at_most_usd": 0.00005}})

    found = ruled.decide(slice=slice_of(QUALITIES), objective="best")

    assert found.order == ("sound", "quick")
    assert found.objective is not None
    assert (found.objective.goal, found.objective.asked) == ("best", True)


def test_a_caller_may_ask_for_a_goal_where_the_route_has_none() -> None:
    found = Ruled({}).decide(slice=slice_of(QUALITIES), objective="best")

    assert (found.order, found.ordered) == (("grand", "sound", "quick"), True)


def test_qualities_that_rest_on_too_few_scores_are_unknown() -> None:
    ruled = Ruled({"objective": {"quality_at_least": 0.5}})

    assert ruled.decide(slice=slice_of(QUALITIES, count=9)).objective.relaxed == ("quality_at_least",)  # type: ignore[union-attr]
    assert ruled.decide(slice=slice_of(QUALITIES, count=10)).objective.relaxed == ()  # type: ignore[union-attr]


def test_qualities_are_of_the_requests_class_of_tasks_where_that_is_known() -> None:
    ruled = Ruled({"objective": {"goal": "best"}})
    both = slice_of({"quick": 0.9, "grand": 0.5}, task="math")
    both = msgspec.structs.replace(both, qualities=(*both.qualities, *slice_of({"quick": 0.1}).qualities))

    assert ruled.decide(ruled.facts(task__name="math"), both).order[0] == "quick"
    assert [one.quality for one in ruled.decide(ruled.facts(), both).predicted] == [0.1, None, None]


@pytest.mark.parametrize(
    ("settings", "by_task"),
    [
        ({"objective": {"goal": "cheapest"}}, False),
        ({"objective": {"goal": "cheapest", "quality_at_least": 0.5}}, True),
        ({"objective": {"goal": "cheapest"}, "switch": {}}, False),
        ({"objective": {"goal": "cheapest"}, "switch": {"worth_usd": 1}}, True),
    ],
)
def test_the_class_of_a_task_is_asked_for_only_where_qualities_are_compared(
    settings: dict[str, Any], by_task: bool
) -> None:
    ruled = Ruled(settings)
    facts = ruled.facts(task__name="math")

    found = ruled.decide(facts, slice_of({"quick": 0.9}, task="math"))

    assert ruled.program.by_task == by_task
    assert bool(facts.told()) == by_task
    assert found.predicted[0].quality == (0.9 if by_task else None)


def test_a_selectors_predictions_take_the_place_of_measured_qualities() -> None:
    ruled = Ruled({"objective": {"goal": "best"}})
    chances = {"quick": Chance(0.95, 0.9, 0.99), "grand": Chance(0.6)}

    found = ruled.decide(slice=slice_of(QUALITIES), predictions=chances)

    assert found.order == ("quick", "grand", "sound")
    assert (found.predicted[0].quality_low, found.predicted[1].quality) == (0.9, None)


def test_predictions_without_an_objective_put_the_best_first() -> None:
    assert Ruled({}).decide(predictions={"grand": Chance(0.9), "quick": Chance(0.2)}).order[0] == "grand"


def test_the_margin_guard_falls_back_to_the_best_single_model() -> None:
    ruled = Ruled({"objective": {"goal": "best"}}, guard=Guard(best="sound", margin=0.05))

    near = ruled.decide(predictions={"quick": Chance(0.82), "sound": Chance(0.8)})
    far = ruled.decide(predictions={"quick": Chance(0.9), "sound": Chance(0.8)})

    assert (near.order[0], far.order[0]) == ("sound", "quick")
    assert near.objective is not None
    assert near.objective.guarded == "quick is not better than sound by more than 0.05"


def test_measured_qualities_are_no_business_of_the_margin_guard() -> None:
    ruled = Ruled({"objective": {"goal": "best"}}, guard=Guard(best="sound", margin=0.5))

    assert ruled.decide(slice=slice_of(QUALITIES)).order[0] == "grand"


def test_whoever_is_not_ready_goes_last() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest"}})

    assert ruled.decide(slice=slice_of(down=["quick"])).order == ("sound", "grand", "quick")


def test_whoever_cannot_take_the_request_loses_before_anything_is_compared() -> None:
    ruled = Ruled({"objective": {"goal": "best", "quality_at_least": 0.85}, "shadow": {"models": ["grand", "home"]}})

    found = ruled.decide(slice=slice_of(QUALITIES), unfit={"grand": "lacks images"})

    assert found.order[0] == "sound"
    assert Candidate(deployment="grand", lost="lacks images") in found.candidates
    assert found.objective is not None
    assert found.objective.relaxed == ("quality_at_least",)
    assert found.shadow == ("home",)


def test_where_nobody_can_take_the_request_nobody_is_chosen() -> None:
    ruled = Ruled({"objective": {}, "switch": {}}, models=("quick",))

    found = ruled.decide(unfit={"quick": "policy"}, previous=Previous(deployment="quick", at_ns=NOW_NS))

    assert (found.order, found.objective, found.stay) == ((), None, None)
    assert Candidate(deployment="quick", lost="policy") in found.candidates


PREVIOUS = Previous(deployment="grand", cached_tokens=10, at_ns=NOW_NS - 10 * S)


def test_a_session_stays_while_its_prompt_cache_is_worth_more_than_the_gain() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest"}, "switch": {}})
    # A cached token saves 9,000 nano-USD at `grand`; `quick` is cheaper by 99,000.

    left, kept = (ruled.decide(previous=msgspec.structs.replace(PREVIOUS, cached_tokens=tokens)) for tokens in (10, 11))

    assert left.stay == Stay(previous="grand", outcome="switched", gain_nano_usd=99_000, loss_nano_usd=90_000)
    assert left.order == ("quick", "sound", "grand")
    assert kept.stay == Stay(previous="grand", outcome="stayed", gain_nano_usd=99_000, loss_nano_usd=99_000)
    assert kept.order == ("grand", "quick", "sound")


def test_a_session_leaves_whoever_is_not_ready_or_breaks_a_bound() -> None:
    previous = msgspec.structs.replace(PREVIOUS, cached_tokens=10_000)
    ruled = Ruled({"objective": {"goal": "cheapest"}, "switch": {}})
    capped = Ruled({"objective": {"goal": "cheapest", "cost_at_most_usd": 0.00005}, "switch": {}})

    assert ruled.decide(slice=slice_of(down=["grand"]), previous=previous).stay == Stay(
        previous="grand", outcome="gone"
    )
    assert capped.decide(previous=previous).order == ("quick", "sound")


def test_without_a_switch_cost_a_session_is_where_the_objective_puts_it() -> None:
    found = Ruled({"objective": {"goal": "cheapest"}}).decide(
        previous=msgspec.structs.replace(PREVIOUS, cached_tokens=99)
    )

    assert (found.order[0], found.stay) == ("quick", None)


def test_split_traffic_goes_elsewhere_by_its_percentage() -> None:
    ruled = Ruled(
        {"recipe": "usual", "split": [{"name": "canary", "percent": 20, "models": ["sound"], "recipe": "fresh"}]}
    )

    found = Counter((one.branch, one.recipe, one.order) for one in (ruled.decide(seed=seed) for seed in range(4_000)))

    assert set(found) == {("canary", "fresh", ("sound",)), ("", "usual", ("quick", "sound", "grand"))}
    assert found["canary", "fresh", ("sound",)] / 40 == pytest.approx(20, abs=3)


@pytest.mark.parametrize(("by", "where"), [("session", {"session": "s1"}), ("user", {})])
def test_a_session_or_a_user_stays_in_its_part(by: str, where: dict[str, Any]) -> None:
    ruled = Ruled({"split_by": by, "split": [{"name": "canary", "percent": 50, "models": ["sound"]}]})

    found = {ruled.decide(ruled.facts(who__user="ann"), seed=seed, **where).branch for seed in range(50)}
    others = {ruled.decide(ruled.facts(who__user=str(at)), session=str(at)).branch for at in range(50)}

    assert len(found) == 1
    assert others == {"", "canary"}


def test_shadows_are_asked_by_their_percentage_and_never_twice() -> None:
    ruled = Ruled({"objective": {}, "shadow": {"models": ["home", "quick"], "percent": 30}})

    found = Counter(ruled.decide(seed=seed).shadow for seed in range(4_000))

    assert set(found) == {("home",), ()}  # `quick` is the one that is asked
    assert found[("home",)] / 40 == pytest.approx(30, abs=3)


def test_choices_of_one_key_differ_in_nothing_that_a_plan_is_made_of() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest", "total_p95_s": 5}, "split": [{"name": "c", "percent": 50}]})
    slow, slower = ({"quick": total_s, "sound": 1.0} for total_s in (3.0, 4.0))

    one, other = (ruled.decide(slice=slice_of(total_s=times)) for times in (slow, slower))

    assert one.predicted != other.predicted
    assert one.key == other.key
    assert hash(one.key) == hash(other.key)
    assert {ruled.decide(seed=seed).key for seed in range(20)} == {
        ruled.decide(seed=seed).key for seed in (1, 2, 3, 4, 5)
    }


@pytest.mark.parametrize("named", [{"models": ["swift"]}, {"tiers": ["fast"]}, {"recipe": "other"}])
@pytest.mark.parametrize("where", ["rules", "escalate", "split"])
def test_models_tiers_and_recipes_lead_elsewhere_wherever_they_are_named(where: str, named: dict[str, Any]) -> None:
    settings: dict[str, Any] = {
        "rules": {"rules": [{"name": "a", "when": "true", **named}]},
        "escalate": {"escalate": {"below_confidence": 1, "unknown": "escalate", **named}},
        "split": {"split": [{"name": "a", "percent": 100, **named}]},
    }[where]

    found = Ruled({"recipe": "usual", **settings}).decide()

    expected = {"models": ("swift",), "tiers": ("quick", "swift"), "recipe": ("quick", "sound", "grand")}
    assert found.order == expected[next(iter(named))]
    assert found.recipe == named.get("recipe", "usual")


def test_an_objective_is_told_in_a_line() -> None:
    ruled = Ruled({"objective": {"quality_at_least": 0.95}}, guard=Guard(best="sound", margin=0.05))

    found = ruled.decide(predictions={"quick": Chance(0.82), "sound": Chance(0.8)}, objective="best")

    assert found.objective is not None
    assert found.objective.told == (
        "best, as the request asks; nobody keeps quality_at_least; quick is not better than sound by more than 0.05"
    )


def test_a_program_says_what_it_needs_to_be_told() -> None:
    ruled = Ruled(
        {
            "rules": [
                {"name": "a", "when": "band.risk == 'high' && health.home", "models": ["grand"]},
                {"name": "b", "when": "quality.swift > 0.5", "objective": {"goal": "best"}},
            ],
            "shadow": {"models": ["sound"]},
        },
        models=("quick",),
        scores=SCORED,
    )

    assert ruled.program.asks == {"text.code", "context.tokens", "keyword.urgent"}
    assert {one.name for one in ruled.program.deployments} == {"quick", "grand", "sound", "home", "swift"}
    assert (ruled.program.by_task, ruled.program.by_cost, ruled.program.by_budget) == (True, True, False)
    plain = Ruled({}).program
    assert (plain.by_task, plain.by_cost, plain.by_budget, plain.asks) == (False, False, False, frozenset())


def test_scores_cost_what_their_dearest_term_does_so_that_nothing_is_worked_out_too_early() -> None:
    scores = {**SCORED, "sure": {"add": [{"of": "task.confidence", "weight": 1}, {"of": "score.risk", "weight": 0}]}}
    ruled = Ruled(
        {
            "rules": [
                {"name": "a", "when": "context.tokens > 10", "recipe": "x"},
                {"name": "b", "when": "score.sure > 0.5", "recipe": "y"},
            ]
        },
        scores=scores,
    )
    facts = ruled.facts(context__tokens=99, task__confidence=0.9)

    assert (ruled.env["score.sure"].cost, ruled.env["band.risk"].cost) == ("learned", "free")
    assert ruled.decide(facts).rule == "a"
    assert [one.name for one in facts.told()] == ["context.tokens"]


def test_a_choice_can_be_written_down_and_read_again() -> None:
    ruled = Ruled({"objective": {"goal": "cheapest"}, "switch": {}, "rules": RULES["rules"]}, scores=SCORED)

    found = ruled.decide(slice=slice_of(QUALITIES), previous=PREVIOUS, traced=True)

    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found


EVERYTHING: dict[str, Any] = {
    "recipe": "usual",
    "rules": [
        *RULES["rules"],
        {"name": "risky", "when": "band.risk == 'high' || score.twice > 1.5", "objective": {"goal": "best"}},
        {"name": "saving", "when": "budget.share > 0.8", "tiers": ["fast"]},
        {"name": "down", "when": "!health.grand || quality.sound < 0.5", "impact": "high"},
        {"name": "legal", "when": "who.department == 'legal'", "models": ["home"], "fixed": True},
        {"name": "odd", "when": "100 / context.tokens > 7 || 'x' in who.tags", "recipe": "odd"},
    ],
    "objective": {"goal": "cheapest", "quality_at_least": 0.7, "total_p95_s": 5},
    "escalate": {"below_confidence": 0.6, "below_chance": 0.2, "impact": ["high"], "tiers": ["premium"]},
    "switch": {"worth_usd": 0.001},
    "split": [{"name": "canary", "percent": 30, "models": ["swift"]}],
    "split_by": "user",
    "shadow": {"models": ["home"], "percent": 50},
}
EVERY = Ruled(EVERYTHING, scores=SCORED, guard=Guard(best="sound", margin=0.02))
share = st.floats(0, 1)
facts_given = st.fixed_dictionaries(
    {},
    optional={
        "task.name": st.sampled_from(["math", "chat", "extract"]),
        "task.confidence": share,
        "context.tokens": st.integers(0, 10_000),
        "keyword.urgent": st.booleans(),
        "text.code": st.booleans(),
        "stakes.impact": st.sampled_from(["low", "medium", "high"]),
        "who.department": st.sampled_from(["legal", ""]),
        "who.user": st.text(max_size=3),
        "who.tags": st.lists(st.sampled_from(["x", "y"])).map(tuple),
    },
)
names = st.sampled_from([one.name for one in DEPLOYMENTS])
slices = st.builds(
    slice_of,
    st.dictionaries(names, share),
    down=st.lists(names),
    total_s=st.dictionaries(names, st.floats(0.1, 10)),
    budgets=st.dictionaries(st.sampled_from("ab"), share),
    task=st.sampled_from(["", "math"]),
)
arguments = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**64 - 1),
        "now_ns": st.integers(NOW_NS, NOW_NS + 400 * S),
        "objective": st.none() | st.sampled_from(["cheapest", "best", "fastest"]),
        "predictions": st.none() | st.dictionaries(names, share.map(Chance)),
        "previous": st.none()
        | st.builds(Previous, deployment=names, cached_tokens=st.integers(0, 1000), at_ns=st.just(NOW_NS)),
        "likely": st.none() | st.just(LIKELY),
        "session": st.text(max_size=3),
        "unfit": st.dictionaries(names, st.just("policy"), max_size=2),
        "traced": st.booleans(),
    }
)


@given(facts_given, slices, arguments)
def test_the_same_arguments_and_what_was_told_of_them_give_the_same_choice(
    values: dict[str, Any], known: Slice, more: dict[str, Any]
) -> None:
    facts = RecordedFacts(values, EVERY.env)
    found = EVERY.decide(facts, known, **more)

    assert EVERY.decide(RecordedFacts(values, EVERY.env), known, **more) == found
    kept = msgspec.json.decode(msgspec.json.encode(facts.told()), type=tuple[Fact, ...])
    again = msgspec.json.decode(msgspec.json.encode(known), type=Slice)
    assert EVERY.decide(StoredFacts(kept), again, **more) == found
    retold = EVERY.decide(StoredFacts(kept), again, **{**more, "traced": True})
    assert retold.key == found.key


@given(facts_given, slices, arguments)
def test_every_candidate_stands_once_and_nobody_who_is_unfit_is_asked(
    values: dict[str, Any], known: Slice, more: dict[str, Any]
) -> None:
    found = EVERY.decide(RecordedFacts(values, EVERY.env), known, **more)

    stand = [one.deployment for one in found.candidates]
    assert len(stand) == len(set(stand))
    assert not {*found.order, *found.shadow} & more["unfit"].keys()
