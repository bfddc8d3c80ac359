"""Verdicts of a set of policies, beside the same set written by hand in Python."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec import structs

from antiphon.core.data_class import DATA_CLASSES, RANKS
from antiphon.core.deployment import Deployment, Zone
from antiphon.core.principal import Principal
from antiphon.policy.asked import Context
from antiphon.policy.compile import of_sources
from antiphon.policy.engine import ready
from antiphon.policy.engines import Engines
from antiphon.policy.entities import deployment_attributes, resource_entity
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

TEXT = """
@id("staff") permit(principal, action == Action::"call_model", resource) when { principal.employment == "employee" };

@id("sales") @mask("email") permit(principal in Team::"sales", action == Action::"call_model", resource)
when { ["auto", "fast"].contains(context.model) };

@id("contractors.tier") @max_tier("balanced") @log("metadata")
permit(principal in Role::"contractor", action, resource) unless { context.tainted };

@id("region") forbid(principal in Department::"eu", action == Action::"call_model", resource)
when { resource.region != "eu" && resource.zone == "public" };

@id("night") forbid(principal, action == Action::"call_model", resource)
when { (context.hour < 6 || context.hour >= 22) && context.weekday > 5 };

@id("injection") forbid(principal, action == Action::"call_model", resource)
when { context.injection >= 70 && !context.tools.isEmpty() };

@id("secrets") forbid(principal, action == Action::"call_model", resource)
when { context.findings.containsAny(["secret", "card"]) && !(resource.terms.contains("no_training")) };

@id("boss") permit(principal == User::"boss", action == Action::"call_model", resource == Deployment::"one");

@id("prefix") @approve("approver") forbid(principal, action == Action::"call_model", resource)
when { context.purpose like "legal*" && context.data_class_rank > 0 };

@id("own") forbid(principal, action == Action::"call_model", resource)
when { principal.tags.contains(resource.provider) && context.budget == "spent" };
"""
POLICIES = of_sources(
    [Source(name="hand.cedar", text=TEXT)], PolicySettings(default="deny", cache_entries=2000), "confidential"
)
ALONE = of_sources([Source(name="hand.cedar", text=TEXT)], PolicySettings(default="deny", cache_entries=0))
"""The same, and nothing is kept."""
TIERS = ("fast", "balanced", "premium")
ZONES: tuple[Zone, ...] = ("public", "private")
NAMES = ("one", "two", "three")

principals = some.builds(
    Principal,
    tenant=some.sampled_from(["a", "b"]),
    key=some.just("k"),
    user=some.sampled_from(["", "boss", "ann"]),
    team=some.sampled_from(["", "sales", "legal"]),
    department=some.sampled_from(["", "eu"]),
    roles=some.lists(some.sampled_from(["contractor", "member"]), max_size=2).map(tuple),
    employment=some.sampled_from(["", "employee"]),
    clearance=some.sampled_from([None, *DATA_CLASSES]),
    tags=some.lists(some.sampled_from(["openai", "x"]), max_size=2).map(tuple),
)
contexts = some.builds(
    Context,
    data_class=some.sampled_from(DATA_CLASSES),
    model=some.sampled_from(["auto", "fast", "best", "other"]),
    hour=some.integers(0, 23),
    weekday=some.integers(1, 7),
    injection=some.integers(0, 100),
    tools=some.frozensets(some.sampled_from(["t", "u"])),
    findings=some.frozensets(some.sampled_from(["secret", "card", "email"])),
    tainted=some.booleans(),
    purpose=some.sampled_from(["", "legal", "legal-review", "illegal"]),
    budget=some.sampled_from(["ok", "low", "spent"]),
)
fleets = some.fixed_dictionaries(
    {
        name: some.builds(
            Deployment,
            name=some.just(name),
            provider=some.sampled_from(["openai", "local"]),
            model=some.just("m"),
            zone=some.sampled_from(["public", "private"]),
            region=some.sampled_from(["", "eu"]),
            tier=some.sampled_from(["", *TIERS]),
            terms=some.sampled_from([(), ("no_training",)]),
        )
        for name in NAMES
    }
)


def permits(who: Principal, about: Context, one: Deployment) -> Iterator[str]:
    if who.employment == "employee":
        yield "staff"
    if who.team == "sales" and about.model in ("auto", "fast"):
        yield "sales"
    if "contractor" in who.roles and not about.tainted:
        yield "contractors.tier"
    if who.user == "boss" and one.name == "one":
        yield "boss"


def forbids(who: Principal, about: Context, one: Deployment) -> Iterator[str]:
    if who.department == "eu" and one.region != "eu" and one.zone == "public":
        yield "region"
    if (about.hour < 6 or about.hour >= 22) and about.weekday > 5:
        yield "night"
    if about.injection >= 70 and about.tools:
        yield "injection"
    if about.findings & {"secret", "card"} and "no_training" not in one.terms:
        yield "secrets"
    if one.provider in who.tags and about.budget == "spent":
        yield "own"


def by_hand(
    who: Principal, about: Context, fleet: dict[str, Deployment]
) -> tuple[bool, dict[str, str], dict[str, object]]:
    """Whether anything is allowed, who is left out and why, and what has to be done."""
    if who.clearance is not None and RANKS[about.data_class] > RANKS[who.clearance]:
        return False, {}, {}
    asks = about.purpose.startswith("legal") and about.data_class != "public"
    out: dict[str, str] = {}
    held: set[str] = set()
    for name, one in fleet.items():
        no, yes = list(forbids(who, about, one)), list(permits(who, about, one))
        why = [] if yes and not no else no or ["default.deny"]
        if RANKS[about.data_class] >= 2 and one.zone != "private":
            why.insert(0, "data_class.private")
        if why:
            out[name] = ",".join(why)
        else:
            held.update(yes)
    if "contractors.tier" in held:
        above = {name: "contractors.tier" for name, one in fleet.items() if one.tier not in ("fast", "balanced")}
        out = above | out
    allowed = len(out) < len(fleet)
    return (
        allowed,
        out,
        {
            "mask": ("email",) if "sales" in held else (),
            "max_tier": "balanced" if "contractors.tier" in held else "",
            "log": "metadata" if "contractors.tier" in held else "",
            "approve": "approver" if asks else "",
        }
        if allowed
        else {},
    )


@settings(max_examples=300, deadline=None)
@given(who=principals, about=contexts, fleet=fleets)
def test_verdicts_are_those_of_the_same_policies_by_hand_whatever_was_asked_before(
    who: Principal, about: Context, fleet: dict[str, Deployment]
) -> None:
    allowed, out, obliged = by_hand(who, about, fleet)

    for _ in range(2):
        verdict = POLICIES.verdict(who, about, fleet)

        assert verdict.allowed == allowed
        told = dict(zip(verdict.excluded, verdict.why, strict=True))
        assert told == (out if verdict.reasons != ("key.clearance",) else {})
        assert {name: getattr(verdict.obligations, name) for name in obliged} == obliged
        assert verdict.policy == POLICIES.version


FLEET = {
    "open": Deployment(name="open", provider="openai", model="m", tier="premium"),
    "own": Deployment(name="own", provider="local", model="m", zone="private", tier="fast"),
}


MANY = {
    f"{zone}-{region}-{tier}-{provider}-{len(terms)}": Deployment(
        name=f"{zone}-{region}-{tier}-{provider}-{len(terms)}",
        provider=provider,
        model="m",
        zone=zone,
        region=region,
        tier=tier,
        terms=terms,
    )
    for zone in ZONES
    for region in ("", "eu")
    for tier in ("", *TIERS)
    for provider in ("openai", "local")
    for terms in ((), ("no_training",))
} | {"one": Deployment(name="one", provider="openai", model="m", tier="fast")}


@settings(max_examples=100, deadline=None)
@given(who=principals, about=contexts)
def test_of_many_deployments_each_is_judged_as_it_would_be_alone(who: Principal, about: Context) -> None:
    allowed, out, _ = by_hand(who, about, MANY)

    verdict = ALONE.verdict(who, about, MANY)

    assert verdict.allowed == allowed
    assert verdict.reasons == ("key.clearance",) or dict(zip(verdict.excluded, verdict.why, strict=True)) == out


def test_many_deployments_are_asked_about_in_turns_that_know_few_kinds_of_them() -> None:
    entities = [resource_entity("Deployment", name, deployment_attributes(one, TIERS)) for name, one in MANY.items()]
    turns = Engines(ALONE.rules).turns(ready(entities))

    assert sorted(len(turn.about) for turn in turns) == [1, 2, 2, 2, 4]
    assert sorted(at for turn in turns for at in turn.chunk.places) == list(range(10))


EDGES: tuple[dict[str, object], ...] = (
    *({"hour": hour} for hour in (5, 6, 21, 22)),
    *({"weekday": day} for day in (5, 6)),
    *({"injection": score} for score in (69, 70)),
    *({"data_class": one} for one in DATA_CLASSES),
    *({"model": one} for one in ("auto", "fast", "other")),
    *({"tools": frozenset(words)} for words in ((), ("t",))),
    *({"findings": frozenset(words)} for words in ((), ("card",), ("secret", "card"), ("email",))),
)


@settings(max_examples=60, deadline=None)
@given(who=principals, about=contexts)
def test_requests_that_share_a_verdict_would_get_the_same_alone(who: Principal, about: Context) -> None:
    for edge in EDGES:
        near = structs.replace(about, **edge)

        assert POLICIES.verdict(who, near, FLEET) == ALONE.verdict(who, near, FLEET)
