"""Whatever can't be evaluated denies."""

from collections.abc import Sequence

import msgspec
import pytest

from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.policy.asked import Context, Resource
from antiphon.policy.compile import of_sources
from antiphon.policy.engine import BROKEN, Cedar, joined, ready
from antiphon.policy.entities import circumstances, principal_entities, resource_entity, user_uid
from antiphon.policy.policies import Policies
from antiphon.policy.rule import read_rules
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

WHO = Principal(tenant="a", key="k", team="sales", roles=("member",))
FLEET = {
    "open": Deployment(name="open", provider="openai", model="m", tier="fast"),
    "own": Deployment(name="own", provider="local", model="m", zone="private", tier="fast"),
}
OVERFLOWS = "context.injection * 9223372036854775807 > 1"


def policies(text: str, **settings: object) -> Policies:
    return of_sources([Source(name="t.cedar", text=text)], msgspec.convert(settings, PolicySettings))


def test_a_forbid_that_cannot_be_evaluated_denies_where_cedar_alone_would_allow() -> None:
    text = f"""
    @id("all") permit(principal, action, resource);
    @id("bad") forbid(principal, action == Action::"call_model", resource) when {{ {OVERFLOWS} }};
    """
    verdict = policies(text).verdict(WHO, Context(injection=2), FLEET)

    assert not verdict.allowed
    assert verdict.reasons == ("error:bad",)
    assert verdict.why == ("error:bad", "error:bad")


def test_a_permit_that_cannot_be_evaluated_denies_although_another_permits() -> None:
    text = f"""
    @id("all") permit(principal, action, resource);
    @id("bad") permit(principal, action == Action::"call_model", resource) when {{ {OVERFLOWS} }};
    """
    assert policies(text).verdict(WHO, Context(injection=2), FLEET).reasons == ("error:bad",)


def test_a_policy_that_fails_for_some_deployments_leaves_those_out_alone() -> None:
    text = f"""
    @id("bad") forbid(principal, action == Action::"call_model", resource)
    when {{ resource.zone == "public" && {OVERFLOWS} }};
    """
    verdict = policies(text).verdict(WHO, Context(injection=2), FLEET)

    assert verdict.allowed
    assert (verdict.excluded, verdict.why) == (("open",), ("error:bad",))


def test_a_failed_evaluation_is_not_kept() -> None:
    made = policies(f'@id("bad") forbid(principal, action, resource) when {{ {OVERFLOWS} }};')

    made.verdict(WHO, Context(injection=2), FLEET)

    assert len(made.kept) == 0


def test_a_shadowed_policy_that_fails_denies_nothing_and_is_told() -> None:
    text = f'@id("bad") @mode("shadow") forbid(principal, action, resource) when {{ {OVERFLOWS} }};'
    verdict = policies(text).verdict(WHO, Context(injection=2), FLEET)

    assert verdict.allowed
    assert verdict.shadow == ("bad: error",)


@pytest.mark.parametrize(
    "context",
    [
        Context(injection="high"),  # pyright: ignore[reportArgumentType]
        Context(hour=None),  # pyright: ignore[reportArgumentType]
        Context(findings=3),  # pyright: ignore[reportArgumentType]
        Context(data_class="secret"),  # pyright: ignore[reportArgumentType]
        Context(purpose=7),  # pyright: ignore[reportArgumentType]
        Context(purpose="\ud800"),
    ],
)
def test_circumstances_of_another_type_deny(context: Context) -> None:
    text = """
    @id("all") permit(principal, action, resource);
    @id("reads") forbid(principal, action == Action::"call_model", resource)
    when { context.injection > 90 && context.hour > 3 && context.findings.contains("x") && context.purpose like "a*" };
    """
    verdict = policies(text).verdict(WHO, context, FLEET)

    assert not verdict.allowed
    assert verdict.reasons == ("error:request",)


def engine(text: str) -> Cedar:
    rules, problems = read_rules(Source(name="t.cedar", text=text), ("fast",))
    assert not problems
    return Cedar(rules)


WHO_UID = user_uid(WHO)
ALL = '@id("all") permit(principal, action, resource);'
TOOL = resource_entity("Tool", "mail", {"name": "mail", "effects": []})
SAID: dict[str, object] = msgspec.json.decode(circumstances(Context()))


@pytest.mark.parametrize("gone", list(SAID))
def test_without_any_of_its_attributes_a_request_is_not_evaluated(gone: str) -> None:
    said = msgspec.json.encode({name: value for name, value in SAID.items() if name != gone}).decode()

    assert engine(ALL).held(WHO_UID, "use_tool", joined(ready([TOOL]), principal_entities(WHO)), said) == [BROKEN]


@pytest.mark.parametrize(
    "resources",
    [
        [resource_entity("Tool", "mail", {"name": "mail"})],
        [resource_entity("Tool", "mail", {"name": 3, "effects": []})],
        [resource_entity("Tool", "mail", {"name": "mail", "effects": [], "more": 1})],
        [resource_entity("Gadget", "mail", {})],
        [resource_entity("Deployment", "mail", {})],
    ],
)
def test_a_resource_that_is_not_as_the_schema_says_is_not_evaluated(resources: Sequence[dict[str, object]]) -> None:
    held = engine(ALL).held(
        WHO_UID, "use_tool", joined(ready(resources), principal_entities(WHO)), circumstances(Context())
    )

    assert held == [BROKEN]


def test_an_engine_that_raises_denies() -> None:
    nobody: dict[str, str] = {}

    assert engine(ALL).held(nobody, "use_tool", ready([TOOL]), circumstances(Context())) == [BROKEN]


def test_a_principal_that_is_not_as_the_schema_says_is_not_evaluated() -> None:
    strange: list[dict[str, object]] = [{"uid": WHO_UID, "attrs": {"team": 3}, "parents": []}]

    held = engine(ALL).held(WHO_UID, "use_tool", joined(ready([TOOL]), strange), circumstances(Context()))

    assert held == [BROKEN]


def test_a_collection_of_an_unknown_class_denies() -> None:
    strange = Resource(kind="Collection", name="c", data_class="secret")  # pyright: ignore[reportArgumentType]

    verdict = policies(ALL).may(WHO, "read_collection", strange, Context())

    assert (verdict.allowed, verdict.reasons) == (False, ("error:request",))
