from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.budget import Budget, Window
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.ticket import Whose
from antiphon.metering.matching import MOST_DEEP, MOST_KEYS, Rule, escaped, passing, paths, standing

ANN = Principal(tenant="acme", key="web", user="ann", team="support", tags=("beta", "eu"))
WHOSE = Whose(
    principal=ANN,
    model="fast",
    route="quick",
    end_user="c|7",
    lineage=Lineage(session="s", run="a/b", step="draft"),
)
ONE = Deployment(name="one", provider="here", model="m", tier="fast")


def keys(whose: Whose = WHOSE, deployment: Deployment | None = ONE, **more) -> list[str]:
    rule = Rule(Budget(**{"name": "b", "measure": "money", "limit": 1, "window": Window(period="total"), **more}))
    values = {**standing(whose.principal, whose.model, whose.route, deployment), **passing(whose)}
    found = rule.keys(whose.principal.tenant, values)
    assert not found or rule.may_count(values)
    return found


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((), ["b|acme"]),
        (("tenant",), ["b|acme|acme"]),
        (("team",), ["b|acme|support"]),
        (("user", "model"), ["b|acme|ann|fast"]),
        (("key", "route"), ["b|acme|web|quick"]),
        (("tier", "provider", "deployment"), ["b|acme|fast|here|one"]),
        (("tag",), ["b|acme|beta", "b|acme|eu"]),
        (("end_user",), ["b|acme|c%7C7"]),
        (("run",), ["b|acme|a", "b|acme|a/b"]),
        (("session", "step"), ["b|acme|s|draft"]),
        (("tag", "run"), ["b|acme|beta|a", "b|acme|beta|a/b", "b|acme|eu|a", "b|acme|eu|a/b"]),
        (("department",), []),
        (("team", "department"), []),
    ],
)
def test_each_combination_of_values_has_an_account(scopes, expected) -> None:
    assert keys(scopes=scopes) == expected


def test_a_shared_budget_has_one_account_for_all_tenants() -> None:
    assert keys(scopes=("team",), shared=True) == ["b||support"]


@pytest.mark.parametrize(
    ("only", "counted"),
    [
        ({"team": ("support",)}, True),
        ({"team": ("sup*", "sales")}, True),
        ({"team": ("sales",)}, False),
        ({"department": ("*",)}, False),
        ({"end_user": ("c|*",), "tier": ("fast",)}, True),
        ({"tag": ("eu",)}, True),
    ],
)
def test_only_says_whom_it_is_for_whether_or_not_it_counts_by_it(only, counted) -> None:
    assert bool(keys(scopes=("tenant",), only=only)) is counted


def test_only_of_a_scope_that_is_counted_by_leaves_the_accounts_that_fit() -> None:
    assert keys(scopes=("tag",), only={"tag": ("e*",)}) == ["b|acme|eu"]


def test_nobody_who_is_asked_is_known_before_they_are_chosen() -> None:
    assert keys(deployment=None, scopes=("tier",)) == []


@pytest.mark.parametrize(
    ("run", "parent", "expected"),
    [
        ("", "", ()),
        ("a", "", ("a",)),
        ("a/b/c", "", ("a", "a/b", "a/b/c")),
        ("/a//b/", "", ("a", "a/b")),
        ("a/b", "a", ("a", "a/b")),
        ("c", "a/b", ("a", "a/b", "a/b/c")),
        ("ab", "a", ("a", "a/ab")),
        ("", "a", ("a",)),
    ],
)
def test_a_run_is_part_of_all_runs_above_it(run, parent, expected) -> None:
    assert paths(run, parent) == expected


def test_a_run_that_is_too_deep_still_falls_under_the_ones_above_it() -> None:
    found = paths("/".join("x" * 100), "")

    assert len(found) == MOST_DEEP
    assert found[0] == "x"


def test_a_request_under_too_many_accounts_is_refused() -> None:
    tags = tuple(f"t{number}" for number in range(MOST_KEYS // 2 + 1))
    many = Whose(
        principal=Principal(tenant="acme", key="web", tags=tags), model="m", route="m", lineage=Lineage(run="a/b")
    )
    with pytest.raises(BadRequest, match="more than 256 accounts of the budget b"):
        keys(many, scopes=("tag", "run"))


@pytest.mark.parametrize("said", ["a\0b", "line\nbreak", "\x7f\x85", "100%|x", "ünï/çode 🙂"])
def test_a_key_has_no_control_characters_and_gives_the_value_back(said: str) -> None:
    (key,) = keys(Whose(principal=ANN, model="fast", route="quick", end_user=said), scopes=("end_user",))

    assert key.isprintable()
    assert [unquote(value) for value in key.split("|")] == ["b", "acme", said]


def test_names_that_no_index_takes_are_refused() -> None:
    scopes = ("session", "step")

    def whose(name: str) -> Whose:
        return Whose(principal=ANN, model="fast", route="quick", lineage=Lineage(session=name, step=name))

    assert keys(whose("x" * 995), scopes=scopes)
    for name in ("x" * 1000, "ü" * 500, "🙂" * 250):
        with pytest.raises(
            BadRequest, match="b counts by session, step, and their names are together longer than 2000"
        ):
            keys(whose(name), scopes=scopes)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=3), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_no_two_combinations_of_values_have_the_same_key(one: list[str], two: list[str]) -> None:
    assert ("|".join(map(escaped, one)) == "|".join(map(escaped, two))) == (one == two)
