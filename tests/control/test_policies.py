"""Bundles of policies on a real store: drafted, published, rolled out, rolled back."""

from pathlib import Path
from typing import Any

import pytest
from fakes.clock import StoppedClock

from antiphon.control.owned import Owned
from antiphon.control.ownership import Flawed
from antiphon.control.policies import MOST_TEXT_BYTES, Bundles
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest, NotFound, VersionConflict
from antiphon.core.objects import Objects
from antiphon.core.principal import Principal
from antiphon.policy.asked import Context
from antiphon.policy.compile import of_sources
from antiphon.policy.settings import PolicySettings
from antiphon.store.objects_sqlite import SqliteObjects
from antiphon.store.sqlite import SqliteDatabase

FIRST = '@id("no") forbid(principal, action == Action::"call_model", resource) when { context.hour > 20 };'
SECOND = FIRST.replace("> 20", "> 21")
FLEET = {"quick": Deployment(name="quick", provider="p", model="m")}
TIERS = ("fast", "balanced", "premium")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    SqliteDatabase(tmp_path).close()
    return SqliteObjects(tmp_path)


@pytest.fixture
def bundles(objects: Objects) -> Bundles:
    return Bundles(objects, TIERS, StoppedClock(10**18))


def allowed(objects: Objects, hour: int) -> bool:
    """What a worker that follows the store says."""
    owned = Owned()
    owned.take(objects.since(0))
    policies = of_sources(owned.bundles, PolicySettings())
    return policies.verdict(Principal(tenant="a", key="k"), Context(hour=hour), FLEET).allowed


def test_a_draft_is_in_force_only_once_it_is_published(bundles: Bundles, objects: Objects) -> None:
    drafted = bundles.draft("night", {"text": FIRST, "note": "no nights"}, "any", "key/ann")
    before = allowed(objects, 21)
    published = bundles.publish("night", {}, drafted.version, "key/bob")

    assert drafted.live is None
    assert before is True
    assert allowed(objects, 21) is False
    assert published.draft is None
    told: Any = published.live
    assert (told["number"], told["author"], told["published_by"], told["note"]) == (
        1,
        "key/ann",
        "key/bob",
        "no nights",
    )
    assert len(told["hash"]) == 64


def test_any_earlier_version_comes_back_at_once(bundles: Bundles, objects: Objects) -> None:
    for text in (FIRST, SECOND, SECOND.replace("21", "22")):
        bundles.draft("night", {"text": text}, "any", "ann")
        bundles.publish("night", {}, "any", "bob")

    back = bundles.rollback("night", {"number": 1}, "any", "bob")

    assert back.live is not None
    assert (back.live["number"], back.published) == (1, 3)
    assert allowed(objects, 21) is False
    assert [one["number"] for one in bundles.versions("night")] == [3, 2, 1]


def test_the_next_version_after_a_rollback_has_a_number_of_its_own(bundles: Bundles) -> None:
    for text in (FIRST, SECOND):
        bundles.draft("night", {"text": text}, "any", "ann")
        bundles.publish("night", {}, "any", "bob")
    bundles.rollback("night", {"number": 1}, "any", "bob")
    bundles.draft("night", {"text": SECOND}, "any", "ann")

    shown = bundles.publish("night", {}, "any", "bob")

    assert shown.live is not None
    assert shown.live["number"] == 3


def test_a_rollout_changes_share_and_mode_of_what_is_in_force(bundles: Bundles, objects: Objects) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {"mode": "shadow", "share": 0.5}, "any", "bob")
    shadowed = allowed(objects, 21)
    bundles.rollout("night", {"mode": "enforce"}, "any", "bob")
    half = bundles.get("night").live
    bundles.rollout("night", {"share": 1}, "any", "bob")

    assert shadowed is True
    assert half is not None
    assert (half["mode"], half["share"], half["number"]) == ("enforce", 0.5, 1)
    assert allowed(objects, 21) is False


def test_what_is_withdrawn_is_in_force_no_more_and_can_come_back(bundles: Bundles, objects: Objects) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")

    bundles.withdraw("night", "any", "bob")
    out = allowed(objects, 21)
    bundles.rollback("night", {"number": 1}, "any", "bob")

    assert out is True
    assert allowed(objects, 21) is False


def test_only_what_is_not_in_force_is_deleted(bundles: Bundles) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")

    with pytest.raises(BadRequest, match="withdraw it first"):
        bundles.delete("night", "any", "bob")
    bundles.withdraw("night", "any", "bob")
    bundles.delete("night", "any", "bob")

    with pytest.raises(NotFound):
        bundles.get("night")


def test_versions_of_a_bundle_that_was_deleted_are_not_those_of_its_namesake(bundles: Bundles) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")
    bundles.withdraw("night", "any", "bob")
    bundles.delete("night", "any", "bob")
    bundles.draft("night", {"text": SECOND}, "any", "ann")

    assert bundles.versions("night") == []
    with pytest.raises(NotFound, match="no version 1"):
        bundles.rollback("night", {"number": 1}, "any", "bob")


def test_policies_that_do_not_hold_are_told_with_their_lines(bundles: Bundles) -> None:
    with pytest.raises(Flawed) as told:
        bundles.draft("night", {"text": FIRST + "\npermit(principal, action, resource);"}, "any", "ann")

    assert [one.wrong for one in told.value.flaws] == ["line 2: (policy): the policy has no @id"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "//" + "x" * MOST_TEXT_BYTES}, "text"),
        ({"text": FIRST, "note": "x" * 501}, "note"),
        ({"note": "x"}, "(body)"),
        ({"text": FIRST, "share": 1}, "(body)"),
    ],
)
def test_a_draft_that_cannot_be_taken_is_refused(bundles: Bundles, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Flawed) as told:
        bundles.draft("night", fields, "any", "ann")

    assert [one.field for one in told.value.flaws] == [field]


@pytest.mark.parametrize("fields", [{"share": 1.5}, {"share": -1}, {"mode": "off"}, {"number": 1}])
def test_a_rollout_that_cannot_be_taken_changes_nothing(bundles: Bundles, fields: dict[str, Any]) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    before = bundles.publish("night", {}, "any", "bob")

    with pytest.raises(Flawed):
        bundles.rollout("night", fields, "any", "bob")

    assert bundles.get("night") == before


def test_a_version_that_somebody_changed_meanwhile_is_not_published(bundles: Bundles) -> None:
    seen = bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.draft("night", {"text": SECOND}, "any", "eve")

    with pytest.raises(VersionConflict):
        bundles.publish("night", {}, seen.version, "bob")


@pytest.mark.parametrize("name", ["", "a b", "a@1", "a/b", "ä", "x" * 129])
def test_a_bundle_has_a_plain_name(bundles: Bundles, name: str) -> None:
    with pytest.raises(Flawed, match="is no name"):
        bundles.draft(name, {"text": FIRST}, "any", "ann")


def test_without_a_draft_nothing_is_published(bundles: Bundles) -> None:
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")

    with pytest.raises(BadRequest, match="has no draft"):
        bundles.publish("night", {}, "any", "bob")


def test_the_tenant_of_what_is_in_force_stays(bundles: Bundles) -> None:
    bundles.draft("night", {"text": FIRST, "tenant": "a"}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")

    with pytest.raises(Flawed, match="withdraw it first"):
        bundles.draft("night", {"text": FIRST, "tenant": ""}, "any", "ann")


def test_lists_have_no_texts_and_go_on_by_name(bundles: Bundles) -> None:
    for name in ("a", "b", "c"):
        bundles.draft(name, {"text": FIRST}, "any", "ann")

    page = bundles.page(most=2)

    assert ([one.name for one in page.data], page.next) == (["a", "b"], "b")
    assert all("text" not in (one.draft or {}) for one in page.data)
    assert [one.name for one in bundles.page(after="b").data] == ["c"]


def test_a_worker_has_the_same_bundles_as_long_as_nothing_of_them_changes(bundles: Bundles, objects: Objects) -> None:
    owned = Owned()
    bundles.draft("night", {"text": FIRST}, "any", "ann")
    bundles.publish("night", {}, "any", "bob")
    owned.take(objects.since(0))
    first = owned.bundles
    bundles.draft("night", {"text": SECOND}, "any", "ann")
    owned.take(objects.since(owned.version))

    assert owned.bundles is first
    assert [one.name for one in first] == ["bundle/night@1"]
