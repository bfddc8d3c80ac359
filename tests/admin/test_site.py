import json
from typing import Any

import pytest

from antiphon.admin.routes import ROUTES

NS = 1_000_000_000


def error_of(asked: Any) -> dict[str, Any]:
    return asked.json["error"]


async def made(office: Any, name: str = "ci", **fields: Any) -> dict[str, Any]:
    asked = await office.ask("PUT", f"/admin/v1/keys/{name}", fields)
    assert asked.status == 201, asked.body
    return asked.json


# --- who may ask


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: f"{one.method} {one.path}")
@pytest.mark.parametrize(
    ("key", "status", "code"),
    [(None, 401, "invalid_api_key"), ("sk-nobody-01", 401, "invalid_api_key"), ("sk-alice-001", 403, "not_allowed")],
    ids=["no key", "unknown", "no admin"],
)
async def test_every_path_takes_admin_keys_alone(office: Any, route: Any, key: str, status: int, code: str) -> None:
    path = route.path.replace("{name}", "ci")

    asked = await office.ask(route.method, path, {} if route.method != "GET" else None, key=key)

    assert (asked.status, error_of(asked)["code"]) == (status, code)
    assert office.objects.since(0).version == 0


async def test_the_first_key_and_keys_with_admin_may_ask_and_are_told_apart(office: Any) -> None:
    await made(office, "boss", admin=True)
    text = (await office.ask("POST", "/admin/v1/keys/boss/rotate", {}, key="sk-root-0001")).json["key"]
    await office.ask("PUT", "/admin/v1/keys/third", {}, key=text)

    changes = (await office.ask("GET", "/admin/v1/changes")).json["data"]

    assert [one["by"] for one in changes] == ["key/boss", "key/root", "bootstrap"]


# --- keys


async def test_a_key_is_told_once_and_never_kept(office: Any) -> None:
    answer = await made(office, team="search", department="rnd", tags=["a"], models=["fast"], priority="low")
    text = answer["key"]

    assert (answer["owner"], answer["by"], answer["taken"]) == ("api", "bootstrap", True)
    principal = office.keys.principal(text.encode())
    assert (principal.key, principal.team, principal.department, principal.priority) == ("ci", "search", "rnd", "low")
    got = await office.ask("GET", "/admin/v1/keys/ci")
    assert "key" not in got.json
    assert got.headers["etag"] == f'"{answer["version"]}"'
    (kept,) = office.objects.since(0).objects
    for what in (kept.spec, *(one.after or b"" for one in office.objects.changes(99, 9)), got.body):
        assert text.encode() not in what
    (digest,) = (one.hex() for one in office.owned.keys)
    for what in (*(one.after or b"" for one in office.objects.changes(99, 9)), got.body):
        assert digest.encode() not in what


async def test_what_is_shown_can_be_put_back(office: Any) -> None:
    first = await made(office, team="search", budget={"usd": 20, "window": "day"})

    again = await office.ask("PUT", "/admin/v1/keys/ci", first["spec"], if_match=f'"{first["version"]}"')

    assert again.status == 200, again.body
    assert again.json["spec"] == first["spec"]
    assert again.json["version"] > first["version"]
    assert "key" not in again.json
    assert office.keys.principal(first["key"].encode()).team == "search"


async def test_a_replacement_needs_the_version_that_it_replaces(office: Any) -> None:
    version = (await made(office))["version"]

    blind = await office.ask("PUT", "/admin/v1/keys/ci", {"team": "b"})
    stale = await office.ask("PUT", "/admin/v1/keys/ci", {"team": "b"}, if_match=f'"{version + 1}"')
    new = await office.ask("PUT", "/admin/v1/keys/ci", {"team": "b"}, if_none_match="*")
    gone = await office.ask("PUT", "/admin/v1/keys/other", {"team": "b"}, if_match='"1"')

    assert [(one.status, error_of(one)["code"]) for one in (blind, stale, new, gone)] == [
        (428, "version_required"),
        (412, "version_conflict"),
        (412, "version_conflict"),
        (412, "version_conflict"),
    ]
    assert f'If-Match: "{version}"' in error_of(blind)["message"]
    assert office.objects.since(0).version == version


async def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(office: Any) -> None:
    text = (await made(office))["key"]

    asked = await office.ask("POST", "/admin/v1/keys/ci/revoke")

    assert (asked.json["status"]["state"], asked.json["taken"]) == ("revoked", True)
    assert office.keys.principal(text.encode()) is None
    assert office.keys.refusal(text.encode()).said_code == "key_revoked"
    again = await office.ask("POST", "/admin/v1/keys/ci/revoke")
    assert (again.status, error_of(again)["code"]) == (409, "state_conflict")
    rotated = await office.ask("POST", "/admin/v1/keys/ci/rotate", {})
    assert (rotated.status, error_of(rotated)["code"]) == (409, "state_conflict")
    listed = (await office.ask("GET", "/admin/v1/keys")).json["data"]
    assert {one["name"]: one.get("status", {}).get("state") for one in listed}["ci"] == "revoked"


async def test_after_a_rotation_both_texts_are_taken_until_the_overlap_ends(office: Any) -> None:
    old = (await made(office))["key"]

    asked = await office.ask("POST", "/admin/v1/keys/ci/rotate", {"overlap": "15m"})
    new = asked.json["key"]

    assert new != old
    assert office.keys.principal(new.encode()) is not None
    assert office.keys.principal(old.encode()) == office.keys.principal(new.encode())
    office.clock.at_ns += 899 * NS
    assert office.keys.principal(old.encode()) is not None
    office.clock.at_ns += NS
    assert office.keys.principal(old.encode()) is None
    assert office.keys.refusal(old.encode()).said_code == "key_expired"
    assert office.keys.principal(new.encode()) is not None


async def test_a_rotation_without_overlap_ends_the_old_text_at_once(office: Any) -> None:
    old = (await made(office))["key"]
    await office.ask("POST", "/admin/v1/keys/ci/rotate", {"overlap": "0s"})
    assert office.keys.principal(old.encode()) is None


async def test_texts_that_are_taken_at_once_are_bounded(office: Any) -> None:
    await made(office)
    for _ in range(7):
        assert (await office.ask("POST", "/admin/v1/keys/ci/rotate", {})).status == 200
    full = await office.ask("POST", "/admin/v1/keys/ci/rotate", {})
    assert (full.status, error_of(full)["code"]) == (409, "state_conflict")
    ended = await office.ask("POST", "/admin/v1/keys/ci/rotate", {"overlap": "0s"})
    assert ended.status == 200, ended.body
    assert (await office.ask("POST", "/admin/v1/keys/ci/rotate", {})).status == 200


async def test_a_key_expires_when_it_says_so(office: Any) -> None:
    office.clock.at_ns = 0
    text = (await made(office, expires="1970-01-01T01:00:10+01:00"))["key"]
    assert office.keys.principal(text.encode()) is not None
    office.clock.at_ns = 10 * NS
    assert office.keys.principal(text.encode()) is None
    assert office.keys.refusal(text.encode()).said_code == "key_expired"
    assert "1970-01-01T00:00:10Z" in office.keys.refusal(text.encode()).message


async def test_a_key_that_is_deleted_is_not_known(office: Any) -> None:
    answer = await made(office)

    asked = await office.ask("DELETE", "/admin/v1/keys/ci", if_match=f'"{answer["version"]}"')

    assert (asked.status, asked.json["deleted"], asked.json["taken"]) == (200, True, True)
    assert office.keys.refusal(answer["key"].encode()).said_code == "invalid_api_key"
    assert (await office.ask("GET", "/admin/v1/keys/ci")).status == 404
    assert (await office.ask("DELETE", "/admin/v1/keys/ci")).status == 404


# --- bad input


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"modles": ["fast"]}, "modles"),
        ({"models": ["nope"]}, "models[0]"),
        ({"models": "fast"}, "models"),
        ({"expires": "tomorrow"}, "expires"),
        ({"expires": "2026-01-01T00:00:00"}, "expires"),
        ({"priority": "urgent"}, "priority"),
        ({"admin": "yes"}, "admin"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "a\0b"}, "tenant"),
        ({"team": "two\nlines"}, "team"),
        ({"tags": ["\0"]}, "tags[0]"),
        ({"key": "sk-mine-0001"}, "key"),
        ({"name": "other"}, "name"),
        ({"passthrough": ["nope"]}, "passthrough[0]"),
        ({"budget": {"usd": 1, "tokens": 1}}, "budget"),
        ({"budget": {"usd": -1}}, "budget.usd"),
        ({"budget": {"usd": 0.0000000001}}, "budget"),
        ({"budget": {}}, "budget"),
        ({"team": "${env:HOME}", "tags": [1]}, "tags[0]"),
    ],
    ids=json.dumps,
)
async def test_a_mistake_names_field_and_remedy_and_changes_nothing(office: Any, fields: Any, field: str) -> None:
    asked = await office.ask("PUT", "/admin/v1/keys/ci", fields)

    error = error_of(asked)
    assert (asked.status, error["code"], error["param"]) == (400, "invalid_request", field)
    assert [one["field"] for one in error["problems"]] == [field]
    assert all(one["wrong"] and one["remedy"] for one in error["problems"])
    assert office.objects.since(0).version == 0
    assert office.told == []


async def test_all_mistakes_are_told_at_once(office: Any) -> None:
    asked = await office.ask("PUT", "/admin/v1/keys/ci", {"models": 1, "prioritty": "low", "admin": 2})
    assert {one["field"] for one in error_of(asked)["problems"]} == {"models", "prioritty", "admin"}


async def test_a_text_is_never_filled_in_from_the_environment(office: Any) -> None:
    await made(office, team="${env:HOME}", tags=["${file:/etc/hostname}"])
    spec = (await office.ask("GET", "/admin/v1/keys/ci")).json["spec"]
    assert (spec["team"], spec["tags"]) == ("${env:HOME}", ["${file:/etc/hostname}"])


@pytest.mark.parametrize("name", ["a b", "%20", "-a", "a/b", "ä", "x" * 129, "a%2Fb", "key\n"])
async def test_a_strange_name_is_refused(office: Any, name: str) -> None:
    from urllib.parse import quote

    asked = await office.ask("PUT", f"/admin/v1/keys/{quote(name, safe='%')}", {})
    assert asked.status == 400
    assert error_of(asked)["param"] == "name"


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        ("PUT", "/admin/v1/keys/ci", b"{", 400),
        ("PUT", "/admin/v1/keys/ci", b'{"team":"a","team":"b"}', 400),
        ("PUT", "/admin/v1/keys/ci", [], 400),
        ("POST", "/admin/v1/keys/ci/rotate", {"overlap": "1 day"}, 400),
        ("POST", "/admin/v1/keys/ci/rotate", {"overlap": 5}, 400),
        ("POST", "/admin/v1/keys/ci/rotate", {"overlp": "5s"}, 400),
        ("POST", "/admin/v1/keys/ci/revoke", {"why": "x"}, 400),
        ("POST", "/admin/v1/keys/nobody/revoke", None, 404),
        ("GET", "/admin/v1/keys?limit=0", None, 400),
        ("GET", "/admin/v1/keys?limit=1001", None, 400),
        ("GET", "/admin/v1/keys?limit=1&limit=2", None, 400),
        ("GET", "/admin/v1/keys?page=2", None, 400),
        ("GET", "/admin/v1/changes?before=-1", None, 400),
        ("GET", "/admin/v1/changes?kind=thing", None, 400),
        ("GET", "/admin/v1/nothing", None, 404),
        ("PATCH", "/admin/v1/keys/ci", {}, 405),
        ("DELETE", "/admin/v1/keys", None, 405),
        ("GET", "/v1/models", None, 404),
    ],
)
async def test_bad_requests_are_answered(office: Any, method: str, path: str, fields: Any, status: int) -> None:
    await made(office)
    version = office.objects.since(0).version
    asked = await office.ask(method, path, fields)
    assert asked.status == status, asked.body
    assert error_of(asked)["message"]
    assert office.objects.since(0).version == version


@pytest.mark.parametrize("value", ["*", "abc", '"0"', "-1", '"9" , "10"', "9" * 30])
async def test_a_version_that_is_none_is_refused(office: Any, value: str) -> None:
    asked = await office.ask("PUT", "/admin/v1/keys/ci", {}, if_match=value)
    assert (asked.status, error_of(asked)["param"]) == (400, "if-match")


async def test_a_body_that_is_no_json_is_refused(office: Any) -> None:
    asked = await office.ask("PUT", "/admin/v1/keys/ci", b"team: a", content_type="application/yaml")
    assert asked.status == 415


# --- owners, pages and the record


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("PUT", "/admin/v1/keys/alice", {"team": "x"}),
        ("DELETE", "/admin/v1/keys/alice", None),
        ("POST", "/admin/v1/keys/alice/rotate", {}),
        ("POST", "/admin/v1/keys/alice/revoke", None),
    ],
)
async def test_what_the_file_owns_is_refused(office: Any, method: str, path: str, fields: Any) -> None:
    asked = await office.ask(method, path, fields)
    assert (asked.status, error_of(asked)["code"]) == (409, "owned_by_yaml")
    assert "`keys`" in error_of(asked)["message"]
    assert office.objects.since(0).version == 0


async def test_a_list_has_the_file_s_and_the_api_s_in_order_of_names(office: Any) -> None:
    for name in ("zed", "bob"):
        await made(office, name, tenant="acme")
    whole = (await office.ask("GET", "/admin/v1/keys")).json
    assert [(one["name"], one["owner"]) for one in whole["data"]] == [
        ("alice", "yaml"),
        ("bob", "api"),
        ("root", "yaml"),
        ("zed", "api"),
    ]
    assert whole["next"] is None
    assert "sk-" not in json.dumps(whole)
    names: list[str] = []
    after = ""
    while True:
        page = (await office.ask("GET", f"/admin/v1/keys?limit=1&after={after}")).json
        names += [one["name"] for one in page["data"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert names == ["alice", "bob", "root", "zed"]
    acme = (await office.ask("GET", "/admin/v1/keys?tenant=acme")).json
    assert [one["name"] for one in acme["data"]] == ["alice", "bob", "zed"]


async def test_the_record_of_changes_says_who_did_what_and_no_secret(office: Any) -> None:
    first = await made(office, team="a")
    await office.ask("PUT", "/admin/v1/keys/ci", {"team": "b"}, if_match=f'"{first["version"]}"')
    rotated = (await office.ask("POST", "/admin/v1/keys/ci/rotate", {})).json
    await office.ask("POST", "/admin/v1/keys/ci/revoke")
    await office.ask("DELETE", "/admin/v1/keys/ci")

    asked = await office.ask("GET", "/admin/v1/changes?kind=key&name=ci")

    data = asked.json["data"]
    assert [one["action"] for one in data] == ["delete", "revoke", "rotate", "replace", "create"]
    replaced = data[3]
    assert (replaced["before"]["spec"]["team"], replaced["after"]["spec"]["team"]) == ("a", "b")
    assert (data[0]["after"], data[4]["before"]) == (None, None)
    for text in (first["key"], rotated["key"]):
        assert text not in asked.body.decode()
    page = (await office.ask("GET", "/admin/v1/changes?limit=2")).json
    rest = (await office.ask("GET", f"/admin/v1/changes?limit=9&before={page['next']}")).json
    assert [one["version"] for one in (*page["data"], *rest["data"])] == [one["version"] for one in data]


async def test_the_description_has_every_path(office: Any) -> None:
    described = (await office.ask("GET", "/openapi.json", key=None)).json
    found = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert found == {(one.method, one.path) for one in ROUTES}


async def test_what_the_listener_refuses_has_the_same_form(office: Any) -> None:
    headers, body = office.site.refuse(413, "the body is too large")
    assert json.loads(body)["error"]["message"] == "the body is too large"
    assert b"application/json" in headers
