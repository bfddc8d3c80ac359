"""How a route decides: rules, scores, objectives, escalation, stickiness, split and shadow traffic."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Goal = Literal["cheapest", "best", "fastest"]
Constraint = Literal["quality_at_least", "cost_at_most_usd", "first_token_p95_s", "total_p95_s"]
Impact = Literal["low", "medium", "high"]
DrawnBy = Literal["request", "session", "user"]
Named = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._:/@-]*$", max_length=100)]
Expressed = Annotated[str, Meta(min_length=1, max_length=4000)]
Models = Annotated[list[str], Meta(max_length=64)]
Percent = Annotated[float, Meta(gt=0, le=100)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Usd = Annotated[float, Meta(gt=0, le=1_000_000)]


class TermSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a score: a condition (`when`) or a number (`of`)."""

    when: Annotated[
        Expressed | None,
        Meta(description="A condition: where it holds, the whole weight is added. Exactly one of `when` and `of`."),
    ] = None
    of: Annotated[
        Expressed | None,
        Meta(description="A number: the weight is added times this number by `per`, from 0 up to `most`."),
    ] = None
    per: Annotated[float, Meta(gt=0, description="What `of` is divided by, above 0. Default 1.")] = 1.0
    most: Annotated[float, Meta(gt=0, description="The most that `of` by `per` counts, above 0. Default 1.")] = 1.0
    weight: Annotated[
        float,
        Meta(ge=-1_000_000, le=1_000_000, description="What it adds, -1000000 to 1000000; below 0 it takes away."),
    ]


class BandSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A range of a score that has a name."""

    name: Annotated[Named, Meta(description="What `band.<score>` says within it. One of a kind in its score.")]
    below: Annotated[
        Annotated[float, Meta(ge=-1_000_000_000, le=1_000_000_000)] | None,
        Meta(
            description="Where it ends: the score is below this, and not below the band before, -1000000000 to 1000000000. Default null: it has no end, as the last one must."
        ),
    ] = None


class ScoreSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number made of facts: the sum of its terms. Rules ask for it as `score.<name>` and `band.<name>`."""

    add: Annotated[list[TermSettings], Meta(min_length=1, max_length=100, description="Its terms, 1 to 100.")]
    bands: Annotated[
        list[BandSettings], Meta(max_length=20, description="Its bands, the lowest first. Default: none.")
    ] = []
    unknown: Annotated[
        Literal["unknown", "nothing"],
        Meta(
            description="What a term adds whose facts are unknown: `unknown` makes the score and its band unknown, so no rule that needs them holds; `nothing` leaves the term out. Default unknown."
        ),
    ] = "unknown"


class ObjectiveSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the order of candidates is to reach, and within which bounds. The first is asked, the others stand in for it in order."""

    goal: Annotated[
        Goal,
        Meta(
            description="`cheapest`: the least likely cost; `best`: the highest quality; `fastest`: the least median time to a whole answer. The header `x-antiphon-objective` asks for another goal within the same bounds. Default cheapest."
        ),
    ] = "cheapest"
    quality_at_least: Annotated[Share | None, Meta(description="The least quality, 0 to 1. Default null: any.")] = None
    cost_at_most_usd: Annotated[
        Usd | None,
        Meta(
            description="The most likely cost of one call in US dollars: above 0, up to 1000000. Default null: any. What a request may really cost is bounded by budgets and envelopes."
        ),
    ] = None
    first_token_p95_s: Annotated[
        Seconds | None,
        Meta(
            description="The most seconds to a first token, of 95 in 100 requests: above 0, up to 86400. Default null: any."
        ),
    ] = None
    total_p95_s: Annotated[
        Seconds | None,
        Meta(
            description="The most seconds to a whole answer, of 95 in 100 requests: above 0, up to 86400. Default null: any."
        ),
    ] = None
    unknown: Annotated[
        Literal["refuse", "allow"],
        Meta(
            description="Whether a candidate of whom a bounded value is unknown may be asked. Default refuse: it doesn't keep the bound."
        ),
    ] = "refuse"
    scores_at_least: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="Scores that a measured quality rests on before it counts as known, 0 to 1000000. Default 10.",
        ),
    ] = 10.0
    worth_usd: Annotated[
        Usd | None,
        Meta(
            description="What a right answer is worth in US dollars: above 0, up to 1000000. `best` then compares quality times this less the likely cost. Default null: quality alone."
        ),
    ] = None
    relax: Annotated[
        list[Constraint],
        Meta(
            max_length=4,
            description="Bounds in the order in which they are given up when no candidate keeps all; those that aren't named go after these. Default: `total_p95_s`, `first_token_p95_s`, then for `best` `quality_at_least` before `cost_at_most_usd`, for the others the other way round.",
        ),
    ] = []


class RuleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where requests go for which a condition holds. What it leaves out is as the route has it."""

    name: Annotated[Named, Meta(description="What receipts call it. One of a kind in its route.")]
    when: Annotated[
        Expressed,
        Meta(
            description="The condition, an expression over facts. Where a fact that decides it is unknown, or it fails, the rule doesn't hold."
        ),
    ]
    recipe: Annotated[str | None, Meta(description="Name under `recipes`. Default null: the route's recipe.")] = None
    models: Annotated[
        Models,
        Meta(description="Names under `models` that are the candidates, up to 64. Default: the route's candidates."),
    ] = []
    tiers: Annotated[
        Models,
        Meta(description="Tiers whose deployments are the candidates, up to 64. Default: the route's candidates."),
    ] = []
    objective: Annotated[
        ObjectiveSettings | None, Meta(description="In the place of the route's objective. Default null: the route's.")
    ] = None
    impact: Annotated[
        Impact | None,
        Meta(
            description="What is at stake in such requests, whatever else says: `low`, `medium` or `high`. Default null: as `stakes.impact` says."
        ),
    ] = None
    fixed: Annotated[
        bool,
        Meta(
            description="Its candidates and recipe hold as they are: no escalation, split or shadow traffic leads away from them. Default false."
        ),
    ] = False


class EscalateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a request goes to other candidates, or another recipe, since it is uncertain or much is at stake."""

    below_confidence: Annotated[
        Share | None,
        Meta(description="It escalates when `task.confidence` is below this, 0 to 1. Default null: never for this."),
    ] = None
    below_chance: Annotated[
        Share | None,
        Meta(
            description="It escalates when the selector gives the candidate that would be asked first less chance than this, 0 to 1. Default null: never for this."
        ),
    ] = None
    impact: Annotated[
        list[Impact],
        Meta(max_length=3, description="It escalates when what is at stake is one of these. Default: never for this."),
    ] = []
    unknown: Annotated[
        Literal["stay", "escalate"],
        Meta(description="What is done when such a confidence, chance or impact is unknown. Default stay."),
    ] = "stay"
    models: Annotated[
        Models,
        Meta(description="Names under `models` that are the candidates then, up to 64. Default: the same as before."),
    ] = []
    tiers: Annotated[
        Models,
        Meta(description="Tiers whose deployments are the candidates then, up to 64. Default: the same as before."),
    ] = []
    recipe: Annotated[
        str | None, Meta(description="Name under `recipes` that is used then. Default null: the same as before.")
    ] = None


class SwitchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a session leaves the deployment that answered last, and so the prompt cache that it has there."""

    idle_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="Seconds after a session's last answer for which it stays: above 0, up to 86400. Default 300.",
        ),
    ] = 300.0
    worth_usd: Annotated[
        Usd | None,
        Meta(
            description="What a right answer is worth in US dollars, so that quality and money add up: above 0, up to 1000000. Default null: money alone counts."
        ),
    ] = None
    least_gain_usd: Annotated[
        float,
        Meta(
            ge=0,
            le=1_000_000,
            description="What a switch must gain in US dollars beyond the prompt cache that it loses, 0 to 1000000. Default 0.",
        ),
    ] = 0.0


class BranchSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a route's traffic that goes elsewhere."""

    name: Annotated[Named, Meta(description="What receipts call it. One of a kind in its route.")]
    percent: Annotated[Percent, Meta(description="Requests of 100 that are in it: above 0, up to 100.")]
    models: Annotated[
        Models, Meta(description="Names under `models` that are its candidates, up to 64. Default: the same as else.")
    ] = []
    tiers: Annotated[
        Models,
        Meta(description="Tiers whose deployments are its candidates, up to 64. Default: the same as else."),
    ] = []
    recipe: Annotated[
        str | None, Meta(description="Name under `recipes` that it uses. Default null: the same as else.")
    ] = None


class ShadowSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deployments that are asked beside the answer, which nobody waits for and no caller sees."""

    models: Annotated[Models, Meta(min_length=1, description="Names under `models`, 1 to 64.")]
    percent: Annotated[
        Percent, Meta(description="Requests of 100 that they are asked too: above 0, up to 100. Default 100.")
    ] = 100.0


class RuledSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a route decides, request by request."""

    rules: Annotated[
        list[RuleSettings],
        Meta(max_length=1000, description="Rules in order: the first that holds decides. Default: none; up to 1000."),
    ] = []
    recipe: Annotated[str | None, Meta(description="Name under `recipes` of what is done. Default null: one call.")] = (
        None
    )
    objective: Annotated[
        ObjectiveSettings | None,
        Meta(
            description="What the order of candidates is to reach. Default null: they stand equal, and `balance` picks among them."
        ),
    ] = None
    selector: Annotated[
        str | None, Meta(description="Name under `selectors` of what predicts each candidate's quality. Default: none.")
    ] = None
    escalate: Annotated[
        EscalateSettings | None,
        Meta(description="When a request goes to other candidates or another recipe. Default null: never."),
    ] = None
    switch: Annotated[
        SwitchSettings | None,
        Meta(
            description="When a session leaves the deployment that answered last. Default null: whenever another is first."
        ),
    ] = None
    split: Annotated[
        list[BranchSettings],
        Meta(max_length=20, description="Parts of its traffic that go elsewhere, up to 20. Default: none."),
    ] = []
    split_by: Annotated[
        DrawnBy,
        Meta(
            description="What is drawn for `split` and `shadow`: each `request`, or each `session` or `user` once, so that it stays where it is. A request without one is drawn by itself. Default request."
        ),
    ] = "request"
    shadow: Annotated[
        ShadowSettings | None, Meta(description="Deployments that are asked beside the answer. Default null: nobody.")
    ] = None
