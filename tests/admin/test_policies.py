"""Bundles of policies over the admin API."""

from typing import Any

PATH = "/admin/v1/policies"
TEXT = '@id("no") forbid(principal, action == Action::"call_model", resource) when { context.hour > 20 };'


async def test_a_bundle_goes_from_draft_to_force_and_back(office: Any) -> None:
    drafted = await office.ask("PUT", f"{PATH}/night", {"text": TEXT, "note": "no nights"})
    published = await office.ask(
        "POST", f"{PATH}/night/publish", {"share": 0.5}, if_match=f'"{drafted.json["version"]}"'
    )
    rolled = await office.ask("POST", f"{PATH}/night/rollout", {"share": 1})
    back = await office.ask("POST", f"{PATH}/night/rollback", {"number": 1})
    versions = await office.ask("GET", f"{PATH}/night/versions")
    listed = await office.ask("GET", PATH)
    gone = await office.ask("POST", f"{PATH}/night/withdraw")
    deleted = await office.ask("DELETE", f"{PATH}/night")

    assert [one.status for one in (drafted, published, rolled, back, versions, listed, gone, deleted)] == [200] * 8
    assert (published.json["live"]["share"], rolled.json["live"]["share"], back.json["live"]["share"]) == (0.5, 1, 0.5)
    assert [one["note"] for one in versions.json["data"]] == ["no nights"]
    assert [one["name"] for one in listed.json["data"]] == ["night"]
    assert deleted.json["deleted"] is True


async def test_workers_have_taken_over_what_is_published(office: Any) -> None:
    await office.ask("PUT", f"{PATH}/night", {"text": TEXT})
    published = await office.ask("POST", f"{PATH}/night/publish")

    assert published.json["taken"] is True
    assert [one.text for one in office.owned.bundles] == [TEXT]


async def test_mistakes_of_a_draft_are_told_with_their_lines(office: Any) -> None:
    asked = await office.ask("PUT", f"{PATH}/night", {"text": "\npermit(principal, action, resource);"})

    assert asked.status == 400
    assert "text:2: (policy): the policy has no @id" in asked.json["error"]["message"]


async def test_a_version_that_is_not_the_newest_is_not_published(office: Any) -> None:
    await office.ask("PUT", f"{PATH}/night", {"text": TEXT})

    asked = await office.ask("POST", f"{PATH}/night/publish", {}, if_match='"999"')

    assert (asked.status, asked.json["error"]["code"]) == (412, "version_conflict")


async def test_every_step_is_in_the_record_of_changes(office: Any) -> None:
    await office.ask("PUT", f"{PATH}/night", {"text": TEXT})
    await office.ask("POST", f"{PATH}/night/publish")
    await office.ask("POST", f"{PATH}/night/withdraw")

    changes = await office.ask("GET", "/admin/v1/changes?kind=policy&name=night")

    assert [one["action"] for one in changes.json["data"]] == ["withdraw", "publish", "create"]
