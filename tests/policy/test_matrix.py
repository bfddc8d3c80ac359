"""What differs between two sets of policies."""

from antiphon.policy.compile import of_sources
from antiphon.policy.matrix import compare
from antiphon.policy.policies import Policies
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source

CALL = 'principal, action == Action::"call_model", resource'


def policies(text: str) -> Policies:
    return of_sources([Source(name="t.cedar", text=text)], PolicySettings())


def test_the_same_policies_decide_alike() -> None:
    text = f'@id("a") forbid({CALL}) when {{ context.hour > 20 && resource.zone == "public" }};'

    assert compare(policies(text), policies(text), {}, most=300).changed == 0


def test_a_bound_that_moves_is_found_at_its_edge() -> None:
    before = policies(f'@id("a") forbid({CALL}) when {{ context.hour > 20 && resource.zone == "public" }};')
    after = policies(f'@id("a") forbid({CALL}) when {{ context.hour > 21 && resource.zone == "public" }};')

    found = compare(before, after, {}, most=500)

    assert {one.context.hour for one in found.changes} == {21}
    assert ("deny (a)", "allow") in {(one.before, one.after) for one in found.changes}


def test_an_obligation_that_changes_is_a_change() -> None:
    before = policies(f'@id("a") @mask("email") permit({CALL});')
    after = policies(f'@id("a") @mask("email,phone") permit({CALL});')

    found = compare(before, after, {}, most=20)

    assert ("allow, mask email", "allow, mask email+phone") in {(one.before, one.after) for one in found.changes}


def test_the_same_seed_asks_the_same() -> None:
    before, after = policies(f'@id("a") forbid({CALL}) when {{ principal in Team::"x" }};'), policies("")

    assert compare(before, after, {}, most=200, seed=3) == compare(before, after, {}, most=200, seed=3)
