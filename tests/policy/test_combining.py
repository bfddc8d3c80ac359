"""What several policies come to together."""

import msgspec
import pytest

from antiphon.core.data_class import DataClass
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.verdict import Obligations
from antiphon.policy.asked import Context, Resource
from antiphon.policy.compile import of_sources
from antiphon.policy.policies import Policies
from antiphon.policy.settings import PolicySettings
from antiphon.policy.share import draw
from antiphon.policy.source import Source
from antiphon.policy.strict import strictest

WHO = Principal(tenant="a", key="k", team="sales", roles=("member",))
FLEET = {
    "quick": Deployment(name="quick", provider="openai", model="m", tier="fast"),
    "grand": Deployment(name="grand", provider="openai", model="n", tier="premium"),
    "own": Deployment(name="own", provider="local", model="m", zone="private"),
}
TIERS = ("fast", "balanced", "premium")
CALL = 'principal, action == Action::"call_model", resource'


def policies(text: str, **settings: object) -> Policies:
    return of_sources([Source(name="t.cedar", text=text)], msgspec.convert(settings, PolicySettings))


def test_without_policies_a_call_is_allowed_by_the_keys_models_alone() -> None:
    made = policies("// nothing yet\n")
    verdict = made.verdict(WHO, Context(), FLEET)

    assert (verdict.allowed, verdict.reasons, verdict.policy) == (True, ("key.models",), "")


def test_a_model_that_the_key_lists_not_is_refused_before_any_policy() -> None:
    made = policies(f'@id("all") permit({CALL});')
    who = msgspec.structs.replace(WHO, models=("fast",))

    assert made.verdict(who, Context(model="auto"), FLEET).reasons == ("key.models",)


@pytest.mark.parametrize(("default", "allowed"), [("allow", True), ("deny", False)])
def test_what_no_policy_decides_is_as_by_default(default: str, allowed: bool) -> None:  # noqa: FBT001
    made = policies('@id("legal") permit(principal in Team::"legal", action, resource);', default=default)
    tool = Resource(kind="Tool", name="mail")

    assert made.verdict(WHO, Context(), FLEET).allowed is allowed
    assert made.verdict(WHO, Context(), {}).allowed is allowed
    assert made.may(WHO, "use_tool", tool, Context()).allowed is allowed
    assert made.may(WHO, "administer", Resource(kind="Control", name="keys"), Context()).allowed


def test_a_forbid_wins_over_every_permit() -> None:
    made = policies(f'@id("all") permit({CALL}); @id("no") forbid({CALL}) when {{ resource.tier == "premium" }};')
    verdict = made.verdict(WHO, Context(), FLEET)

    assert (verdict.reasons, verdict.excluded, verdict.why) == (("all",), ("grand",), ("no",))


@pytest.mark.parametrize("data_class", ["confidential", "restricted"])
def test_from_a_class_on_only_the_own_network_is_left(data_class: DataClass) -> None:
    verdict = policies("").verdict(WHO, Context(data_class=data_class), FLEET)

    assert verdict.private
    assert verdict.excluded == ("quick", "grand")
    assert set(verdict.why) == {"data_class.private"}


def test_without_a_private_deployment_a_confidential_request_is_refused() -> None:
    verdict = policies("").verdict(WHO, Context(data_class="confidential"), {"quick": FLEET["quick"]})

    assert (verdict.allowed, verdict.reasons) == (False, ("data_class.private",))


def test_no_class_is_confined_where_the_operator_says_so() -> None:
    made = of_sources([], PolicySettings(), None)

    assert made.verdict(WHO, Context(data_class="restricted"), FLEET).excluded == ()


def test_a_class_above_the_clearance_is_refused_for_calls_tools_and_collections() -> None:
    who = msgspec.structs.replace(WHO, clearance="internal")
    made = policies('@id("all") permit(principal, action, resource);')
    papers = Resource(kind="Collection", name="papers", data_class="confidential")

    assert made.verdict(who, Context(data_class="internal"), FLEET).allowed
    assert made.verdict(who, Context(data_class="confidential"), FLEET).reasons == ("key.clearance",)
    assert made.may(who, "read_collection", papers, Context()).reasons == ("key.clearance",)
    assert made.may(WHO, "read_collection", papers, Context()).allowed


def test_a_highest_tier_leaves_out_what_is_above_it_or_has_none() -> None:
    verdict = policies(f'@id("low") @max_tier("balanced") permit({CALL});').verdict(WHO, Context(), FLEET)

    assert verdict.excluded == ("grand", "own")
    assert verdict.why == ("low", "low")
    assert verdict.obligations.max_tier == "balanced"


def test_tiers_go_in_the_operators_order() -> None:
    made = policies(f'@id("low") @max_tier("premium") permit({CALL});', tiers=["premium", "fast"])

    assert made.verdict(WHO, Context(), FLEET).excluded == ("quick", "own")


def test_a_forbid_that_asks_lets_through_what_a_person_approves() -> None:
    made = policies(f'@id("ask") @approve("approver") @approvals("2") forbid({CALL}) when {{ context.tainted }};')

    asked = made.verdict(WHO, Context(tainted=True), FLEET)
    plain = made.verdict(WHO, Context(), FLEET)

    assert (asked.allowed, asked.reasons) == (True, ("ask",))
    assert (asked.obligations.approve, asked.obligations.approvals) == ("approver", 2)
    assert plain.obligations.approve == ""


def test_a_forbid_that_asks_permits_nothing_where_nothing_else_does() -> None:
    made = policies(f'@id("ask") @approve("approver") forbid({CALL});', default="deny")

    assert made.verdict(WHO, Context(), FLEET).reasons == ("default.deny",)


def test_what_a_refused_request_may_leave_behind_is_told_with_it() -> None:
    made = policies(f'@id("no") @log("none") @retention("3") forbid({CALL});')

    assert made.verdict(WHO, Context(), FLEET).obligations == Obligations(log="none", retention_days=3)


def test_shadowed_policies_decide_nothing_and_are_told() -> None:
    text = f"""
    @id("no") @mode("shadow") forbid({CALL}) when {{ resource.tier == "fast" }};
    @id("ask") @mode("shadow") @approve("approver") forbid({CALL});
    @id("mask") @mode("shadow") @mask("email") permit({CALL});
    @id("quiet") @mode("shadow") permit({CALL});
    """
    verdict = policies(text).verdict(WHO, Context(), FLEET)

    assert (verdict.allowed, verdict.excluded, verdict.obligations) == (True, (), Obligations())
    assert verdict.shadow == ("no: deny", "ask: approve", "mask: oblige")


def test_a_shadowed_permit_is_told_where_nothing_permits() -> None:
    made = policies(f'@id("yes") @mode("shadow") permit({CALL});', default="deny")

    verdict = made.verdict(WHO, Context(), FLEET)

    assert (verdict.allowed, verdict.shadow) == (False, ("yes: allow",))


def test_a_share_is_for_that_part_of_callers_and_always_the_same_ones() -> None:
    made = policies(f'@id("tenth") @share("0.1") forbid({CALL});')
    keys = [Principal(tenant="a", key=f"k{number}") for number in range(2000)]

    first = [made.verdict(who, Context(), FLEET).allowed for who in keys]
    again = [made.verdict(who, Context(), FLEET).allowed for who in reversed(keys)]

    assert first == again[::-1]
    assert first == [draw(who, Context()) >= 0.1 for who in keys]
    assert 150 < first.count(False) < 250


def test_a_share_is_drawn_by_session_where_there_is_one() -> None:
    made = policies(f'@id("half") @share("0.5") forbid({CALL});')

    found = {made.verdict(WHO, Context(lot=f"s{number}"), FLEET).allowed for number in range(20)}

    assert found == {True, False}


@pytest.mark.parametrize(("share", "denied"), [(0.0, 0), (1.0, 50)])
def test_of_a_share_of_a_bundle_and_of_a_policy_the_smaller_counts(share: float, denied: int) -> None:
    source = Source(name="bundle/b@1", text=f'@id("no") @share("1") forbid({CALL});', share=share)
    made = of_sources([source], PolicySettings())

    found = [made.verdict(Principal(tenant="a", key=f"k{at}"), Context(), FLEET).allowed for at in range(50)]

    assert found.count(False) == denied


def test_a_bundle_of_a_tenant_is_for_its_principals_alone() -> None:
    source = Source(name="bundle/b@1", text=f'@id("no") forbid({CALL});', tenant="b")
    made = of_sources([source], PolicySettings())

    for _ in range(2):
        assert made.verdict(WHO, Context(), FLEET).allowed
        assert not made.verdict(msgspec.structs.replace(WHO, tenant="b"), Context(), FLEET).allowed


def test_a_shadowed_bundle_shadows_all_its_policies() -> None:
    made = of_sources([Source(name="b", text=f'@id("no") forbid({CALL});', mode="shadow")], PolicySettings())

    assert made.verdict(WHO, Context(), FLEET).shadow == ("no: deny",)


def test_of_files_and_bundles_all_apply() -> None:
    file = Source(name="f.cedar", text=f'@id("all") permit({CALL});')
    bundle = Source(name="bundle/b@1", text=f'@id("no") forbid({CALL}) when {{ resource.zone == "public" }};')
    made = of_sources([file, bundle], PolicySettings(default="deny"))

    assert made.verdict(WHO, Context(), FLEET).excluded == ("quick", "grand")


def test_the_strictest_of_several_obligations_holds() -> None:
    one = Obligations(mask=("email",), log="content", retention_days=30, recipes=("vote", "panel"), max_tier="premium")
    other = Obligations(mask=("phone",), log="metadata", retention_days=7, recipes=("panel",), max_tier="fast")
    asks = Obligations(approve="approver", approvals=2, guards=("pii",), disclose=True)

    assert strictest([one, other, asks], TIERS) == Obligations(
        mask=("email", "phone"),
        guards=("pii",),
        log="metadata",
        retention_days=7,
        approve="approver",
        approvals=2,
        disclose=True,
        recipes=("panel",),
        max_tier="fast",
    )


def test_all_is_masked_where_one_masks_all_and_owners_approve_for_different_roles() -> None:
    one = Obligations(mask=("*",), approve="approver")

    made = strictest([one, Obligations(mask=("email",), approve="security")], TIERS)

    assert (made.mask, made.approve) == (("*",), "owner")


def test_recipes_that_no_policy_shares_leave_none() -> None:
    made = strictest([Obligations(recipes=("vote",)), Obligations(recipes=("panel",))], TIERS)

    assert made.recipes == ()


def test_verdicts_that_say_the_same_are_one_object() -> None:
    made = policies(f'@id("all") permit({CALL}) when {{ context.hour < 12 || context.hour >= 12 }};')

    assert made.verdict(WHO, Context(hour=3), FLEET) is made.verdict(WHO, Context(hour=13), FLEET)
    assert len(made.kept) == 2


def test_the_time_of_day_costs_a_verdict_only_where_a_policy_turns() -> None:
    made = policies(f'@id("day") permit({CALL}) when {{ context.hour >= 8 && context.hour < 18 }};')

    for hour in range(24):
        made.verdict(WHO, Context(hour=hour, injection=hour, purpose=str(hour)), FLEET)

    assert len(made.kept) == 3
    assert (made.kept.hits, made.kept.misses) == (21, 3)


def test_the_cache_keeps_so_many_verdicts_and_those_asked_for_last() -> None:
    made = policies(f'@id("day") permit({CALL}) when {{ context.purpose like "a*" }};', cache_entries=2)

    for purpose in ("a", "b", "a", "c", "a"):
        made.verdict(WHO, Context(purpose=purpose), FLEET)

    assert (len(made.kept), made.kept.hits) == (2, 2)


def test_another_mapping_of_deployments_is_judged_anew() -> None:
    made = policies(f'@id("no") forbid({CALL}) when {{ resource.tier == "premium" }};')
    kept = [
        made.verdict(WHO, Context(), {"only": FLEET[name]}).allowed for _ in range(20) for name in ("quick", "grand")
    ]

    assert kept == [True, False] * 20


def test_deployments_that_policies_cannot_tell_apart_are_asked_about_once() -> None:
    made = policies(f'@id("no") forbid({CALL}) when {{ resource.tier_rank > 1 || resource == Deployment::"own" }};')
    many = {f"d{at}": Deployment(name=f"d{at}", provider=str(at), model="m", tier="fast") for at in range(50)}

    verdict = made.verdict(WHO, Context(), {**many, **FLEET})

    assert verdict.excluded == ("grand", "own")


def test_versions_differ_by_text_default_and_share() -> None:
    def version(text: str, share: float = 1.0, **settings: object) -> str:
        source = Source(name="t", text=text, share=share)
        return of_sources([source], msgspec.convert(settings, PolicySettings)).version

    text = f'@id("all") permit({CALL});'
    found = [version(text), version(text + " "), version(text, 0.5), version(text, default="deny")]

    assert len(set(found)) == 4
    assert version(text) == version(text, cache_entries=5)


def test_the_version_is_the_same_wherever_the_files_lie() -> None:
    text = f'@id("all") permit({CALL});'
    one, other = (of_sources([Source(name=f"/{place}/a.cedar", text=text)], PolicySettings()) for place in "ab")

    assert one.version == other.version


def test_policies_tell_what_of_the_circumstances_they_read() -> None:
    made = policies(f'@id("t") forbid({CALL}) when {{ context.tainted }};')

    assert made.reads("tainted")
    assert not made.reads("tools")
