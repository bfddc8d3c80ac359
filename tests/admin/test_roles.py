"""Every role at every path of the admin API: what it may, where, and that it may nothing else."""

from typing import Any

import pytest
from role_office import KEYS, NAMES, RoleOffice, body_of

from antiphon.admin.routes import ROUTES, Route
from antiphon.control.ceiling import covered
from antiphon.control.roles import MAY, OF_THEIR_TEAM, PERMISSIONS, ROLES

EXPECTED = {
    "GET /admin/v1/keys": "read",
    "GET /admin/v1/keys/{name}": "read",
    "PUT /admin/v1/keys/{name}": "keys",
    "DELETE /admin/v1/keys/{name}": "keys",
    "POST /admin/v1/keys/{name}/rotate": "keys",
    "POST /admin/v1/keys/{name}/revoke": "keys",
    "GET /admin/v1/accounts": "read",
    "GET /admin/v1/accounts/{name}": "read",
    "PUT /admin/v1/accounts/{name}": "keys",
    "DELETE /admin/v1/accounts/{name}": "keys",
    "POST /admin/v1/accounts/{name}/rotate": "keys",
    "POST /admin/v1/accounts/{name}/revoke": "keys",
    "GET /admin/v1/bindings": "read",
    "GET /admin/v1/bindings/{name}": "read",
    "PUT /admin/v1/bindings/{name}": "roles",
    "DELETE /admin/v1/bindings/{name}": "roles",
    "GET /admin/v1/budgets": "read",
    "GET /admin/v1/budgets/{name}": "read",
    "PUT /admin/v1/budgets/{name}": "money",
    "DELETE /admin/v1/budgets/{name}": "money",
    "POST /admin/v1/budgets/{name}/raises": "money",
    "GET /admin/v1/budgets/{name}/accounts": "read",
    "GET /admin/v1/limits": "read",
    "GET /admin/v1/limits/{name}": "read",
    "PUT /admin/v1/limits/{name}": "money",
    "DELETE /admin/v1/limits/{name}": "money",
    "POST /admin/v1/ledger/corrections": "money",
    "GET /admin/v1/changes": "read",
    "GET /admin/v1/whoami": "read",
    "GET /admin/v1/policies": "read",
    "GET /admin/v1/policies/{name}": "read",
    "GET /admin/v1/policies/{name}/versions": "read",
    "PUT /admin/v1/policies/{name}": "policy.write",
    "DELETE /admin/v1/policies/{name}": "policy.write",
    "POST /admin/v1/policies/{name}/publish": "policy.publish",
    "POST /admin/v1/policies/{name}/rollout": "policy.publish",
    "POST /admin/v1/policies/{name}/rollback": "policy.publish",
    "POST /admin/v1/policies/{name}/withdraw": "policy.publish",
    "GET /admin/v1/audit": "audit",
    "GET /admin/v1/audit/events": "audit",
    "GET /admin/v1/audit/checkpoints": "audit",
    "GET /admin/v1/audit/inclusion": "audit",
    "GET /admin/v1/audit/consistency": "audit",
    "GET /admin/v1/receipts/{id}/content": "content",
    "POST /admin/v1/tokens/reveal": "content",
    "POST /admin/v1/erasures": "erase",
    "GET /admin/v1/holds": "erase",
    "POST /admin/v1/holds": "erase",
    "DELETE /admin/v1/holds/{id}": "erase",
    "POST /admin/v1/vault/rotations": "erase",
    "GET /admin/v1/approvals": "approve",
    "GET /admin/v1/approvals/{id}": "approve",
    "POST /admin/v1/approvals/{id}/approve": "approve",
    "POST /admin/v1/approvals/{id}/modify": "approve",
    "POST /admin/v1/approvals/{id}/reject": "approve",
    "POST /admin/v1/approvals/{id}/cancel": "approve",
    "GET /admin/v1/documents": "read",
    "POST /admin/v1/documents/apply": "agents",
    "GET /admin/v1/documents/{kind}/{name}/{version}": "read",
    "DELETE /admin/v1/documents/{kind}/{name}/{version}": "agents",
    "GET /admin/v1/runs": "read",
    "GET /admin/v1/runs/{id}": "read",
    "GET /admin/v1/runs/{id}/events": "read",
    "POST /admin/v1/runs/{id}/answer": "approve",
    "POST /admin/v1/runs/{id}/take-over": "approve",
    "POST /admin/v1/runs/{id}/give-back": "approve",
    "POST /admin/v1/runs/{id}/cancel": "agents",
    "POST /admin/v1/runs/{id}/kill": "agents",
    "POST /admin/v1/runs/{id}/pause": "agents",
    "POST /admin/v1/runs/{id}/resume": "agents",
    "POST /admin/v1/runs/{id}/fork": "agents",
    "GET /admin/v1/inbox": "approve",
    "GET /admin/v1/bars": "read",
    "POST /admin/v1/bars": "agents",
    "DELETE /admin/v1/bars/{kind}/{name}": "agents",
    "GET /admin/v1/triggers": "read",
    "GET /admin/v1/triggers/{name}/letters": "read",
    "POST /admin/v1/triggers/{name}/letters/{event}/revive": "agents",
    "DELETE /admin/v1/triggers/{name}/letters/{event}": "agents",
}
"""What each path needs, said a second time and by hand: a path that is not here fails, and so does one that needs less."""


def said(route: Route) -> str:
    return f"{route.method} {route.path}"


SCOPED = [route for route in ROUTES if route.scoped]
CHANGING = [route for route in SCOPED if route.method != "GET"]


def test_every_path_needs_what_is_expected() -> None:
    assert {said(route): route.needs for route in ROUTES} == EXPECTED


def test_every_permission_is_somebody_s() -> None:
    assert set(PERMISSIONS) == set().union(*MAY.values())
    assert set(MAY) == set(ROLES)


# --- the matrix


@pytest.mark.parametrize("route", ROUTES, ids=said)
async def test_a_role_in_all_tenants_may_what_its_row_says(roles: RoleOffice, route: Route) -> None:
    for role in ROLES:
        if role in OF_THEIR_TEAM:
            continue
        roles.again()
        key = await roles.everywhere(role)

        asked = await roles.use(route, key)

        if route.needs in MAY[role]:
            assert asked.status not in (401, 403), (role, asked.body)
        else:
            assert (asked.status, asked.json["error"]["code"]) == (403, "role_not_allowed"), role


@pytest.mark.parametrize("route", ROUTES, ids=said)
async def test_a_role_in_its_own_tenant_may_the_same_there_and_what_is_for_all_tenants_not(
    roles: RoleOffice, route: Route
) -> None:
    before = roles.state()
    for role in ROLES:
        allowed = route.needs in MAY[role] and route.scoped
        if allowed:
            roles.again()

        asked = await roles.use(route, KEYS[role, "acme"])

        if allowed:
            assert asked.status not in (401, 403), (role, asked.body)
            roles.again()
        else:
            assert asked.status == 403, (role, asked.body)
            assert asked.json["error"]["code"] in ("role_not_allowed", "more_than_own")
            assert roles.state() == before


@pytest.mark.parametrize("route", CHANGING, ids=said)
async def test_nothing_of_another_tenant_is_changed(roles: RoleOffice, route: Route) -> None:
    before = roles.state()
    for role in ROLES:
        asked = await roles.use(route, KEYS[role, "globex"])
        assert asked.status in (403, 404), (role, asked.body)
        assert roles.state() == before


@pytest.mark.parametrize("route", CHANGING, ids=said)
async def test_nothing_of_another_team_is_changed(roles: RoleOffice, route: Route) -> None:
    before = roles.state()
    asked = await roles.use(route, KEYS["team_lead", "other team"])
    assert asked.status in (403, 404), asked.body
    assert roles.state() == before


@pytest.mark.parametrize("role", ROLES)
async def test_nothing_of_another_tenant_is_seen(roles: RoleOffice, role: str) -> None:
    key = KEYS[role, "globex"]
    for section, name in NAMES.items():
        listed = await roles.ask("GET", f"/admin/v1/{section}", key=key)
        assert listed.status == 200, listed.body
        assert name not in [one["name"] for one in listed.json["data"]]
        assert (await roles.ask("GET", f"/admin/v1/{section}?tenant=acme", key=key)).json["data"] == []
        one = await roles.ask("GET", f"/admin/v1/{section}/{name}", key=key)
        nobody = await roles.ask("GET", f"/admin/v1/{section}/nobody", key=key)
        said = one.json["error"]["message"].replace(f"{name!r}", "'nobody'")
        assert (one.status, said) == (404, nobody.json["error"]["message"])
    assert (await roles.ask("GET", "/admin/v1/changes", key=key)).json["data"] == []
    assert (await roles.ask("GET", f"/admin/v1/budgets/{NAMES['budgets']}/accounts", key=key)).status == 404


@pytest.mark.parametrize(("who", "seen"), [("acme", True), ("other team", False), ("no team", False)])
@pytest.mark.parametrize("role", ["team_lead", "member"])
async def test_a_role_of_a_team_sees_its_team_s_alone(roles: RoleOffice, role: str, who: str, seen: bool) -> None:
    key = KEYS[role, who]
    for section in ("keys", "accounts"):
        listed = (await roles.ask("GET", f"/admin/v1/{section}", key=key)).json["data"]
        assert (NAMES[section] in [one["name"] for one in listed]) is seen
    for section in ("budgets", "limits"):
        assert ((await roles.ask("GET", f"/admin/v1/{section}/{NAMES[section]}", key=key)).status == 200) is seen
    changes = (await roles.ask("GET", "/admin/v1/changes", key=key)).json["data"]
    assert bool([one for one in changes if one["name"] == NAMES["keys"]]) is seen


async def test_pages_of_what_is_seen_are_whole(roles: RoleOffice) -> None:
    for number in range(12):
        tenant = "acme" if number % 4 == 0 else "globex"
        await roles.made("keys", f"page-{number:02}", tenant=tenant, team="search")
    first = (await roles.ask("GET", "/admin/v1/keys?limit=2&owner=api", key=KEYS["owner", "acme"])).json
    rest = (
        await roles.ask("GET", f"/admin/v1/keys?limit=9&owner=api&after={first['next']}", key=KEYS["owner", "acme"])
    ).json
    assert [one["name"] for one in (*first["data"], *rest["data"])] == ["ci", "page-00", "page-04", "page-08"]
    assert rest["next"] is None


async def test_a_caller_without_a_role_is_refused_everywhere(roles: RoleOffice) -> None:
    for route in ROUTES:
        asked = await roles.use(route, KEYS["nothing", "acme"])
        assert (asked.status, asked.json["error"]["code"]) == (403, "not_allowed")


async def test_who_asks_is_told_what_they_may(roles: RoleOffice) -> None:
    told = (await roles.ask("GET", "/admin/v1/whoami", key=KEYS["team_lead", "acme"])).json
    assert (told["by"], told["tenant"], told["team"]) == ("key/team_lead-acme", "acme", "search")
    assert told["grants"] == [
        {"role": "team_lead", "tenant": "acme", "team": "search", "may": ["read", "keys", "money"]}
    ]
    first = (await roles.ask("GET", "/admin/v1/whoami")).json
    assert (first["by"], [one["tenant"] for one in first["grants"]]) == ("bootstrap", [None])


# --- nobody gives more than they have


MORE: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("admin", "keys", "admin", {"admin": True}, "admin"),
    ("owner", "keys", "admin", {"admin": True}, "admin"),
    ("admin", "keys", "owner", {"roles": ["owner"]}, "roles"),
    ("admin", "keys", "auditor", {"roles": ["auditor"]}, "roles"),
    ("admin", "accounts", "auditor", {"roles": ["member", "policy_author"]}, "roles"),
    ("admin", "bindings", "auditor", {"subject": "key/ci", "role": "auditor"}, "role"),
    ("team_lead", "keys", "tenant", {"roles": ["admin"]}, "roles"),
    ("team_lead", "keys", "tenant", {"roles": ["approver"]}, "roles"),
    ("team_lead", "keys", "employment", {"employment": "employee"}, "employment"),
    ("team_lead", "keys", "department", {"department": "board"}, "department"),
    ("team_lead", "accounts", "issuer", {"issuer": "corp", "subject": "alice"}, "issuer"),
]


@pytest.mark.parametrize(("role", "section", "name", "fields", "field"), MORE, ids=lambda one: str(one)[:40])
async def test_nobody_gives_what_they_have_not(
    roles: RoleOffice, role: str, section: str, name: str, fields: dict[str, Any], field: str
) -> None:
    before = roles.state()
    whole = {"tenant": "acme", **({} if section == "bindings" else {"team": "search"}), **fields}

    asked = await roles.ask("PUT", f"/admin/v1/{section}/{name}", whole, key=KEYS[role, "acme"])

    assert (asked.status, asked.json["error"]["code"], asked.json["error"]["param"]) == (403, "more_than_own", field)
    assert roles.state() == before


@pytest.mark.parametrize("tenant", ["globex", "default", "*"])
async def test_nobody_gives_a_role_in_another_tenant(roles: RoleOffice, tenant: str) -> None:
    before = roles.state()
    fields = {"subject": "key/owner-acme", "role": "member" if tenant != "*" else "owner", "tenant": tenant}
    asked = await roles.ask("PUT", "/admin/v1/bindings/grab", fields, key=KEYS["owner", "acme"])
    assert asked.status == 403, asked.body
    assert roles.state() == before


HELD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"models": ["fast"]}, {}, "models"),
    ({"models": ["fast"]}, {"models": ["fa*"]}, "models"),
    ({"priority": "low"}, {}, "priority"),
    ({"clearance": "internal"}, {}, "clearance"),
    ({"clearance": "internal"}, {"clearance": "confidential"}, "clearance"),
    ({"data_class": "confidential"}, {"data_class": "internal"}, "data_class"),
    ({"data_class": "confidential"}, {}, "data_class"),
    ({"expires": "1970-01-01T01:00:00Z"}, {}, "expires"),
    ({"expires": "1970-01-01T01:00:00Z"}, {"expires": "1970-01-01T01:00:01Z"}, "expires"),
    ({"budget": {"usd": 20, "window": "day"}}, {}, "budget"),
    ({"budget": {"usd": 20, "window": "day"}}, {"budget": {"usd": 20.5, "window": "day"}}, "budget"),
    ({"budget": {"usd": 20, "window": "day"}}, {"budget": {"usd": 20, "window": "hour"}}, "budget"),
    ({"budget": {"usd": 20, "window": "day"}}, {"budget": {"tokens": 5, "window": "day"}}, "budget"),
    ({"limit": {"requests": 10}}, {"limit": {"requests": 11}}, "limit"),
    ({"limit": {"requests": 10}}, {"limit": {"tokens": 5}}, "limit"),
    ({"limit": {"requests": 10}}, {"limit": {"requests": 10, "per": "second"}}, "limit"),
    ({"passthrough": []}, {"passthrough": ["lab"]}, "passthrough"),
]


@pytest.mark.parametrize(("own", "given", "field"), HELD, ids=str)
async def test_no_key_makes_one_that_is_held_to_less(
    roles: RoleOffice, own: dict[str, Any], given: dict[str, Any], field: str
) -> None:
    minter = await roles.made("keys", "minter", tenant="acme", roles=["owner"], **own)
    before = roles.state()

    asked = await roles.ask("PUT", "/admin/v1/keys/child", {"tenant": "acme", **given}, key=minter)
    same = await roles.ask("PUT", "/admin/v1/keys/twin", {"tenant": "acme", **own}, key=minter)

    assert (asked.status, asked.json["error"]["param"]) == (403, field), asked.body
    assert same.status == 201, same.body
    assert [name for name in roles.state() if name not in before] == [("key", "twin")]


async def test_a_key_that_may_more_is_not_to_be_had_by_rotating_it(roles: RoleOffice) -> None:
    await roles.made("keys", "boss", tenant="acme", team="search", roles=["owner"])
    await roles.made("keys", "root-too", tenant="acme", team="search", admin=True)
    before = roles.state()
    for name in ("boss", "root-too"):
        version = str(before["key", name][0])
        for role in ("admin", "team_lead"):
            key = KEYS[role, "acme"]
            for method, path, fields, more in (
                ("POST", f"keys/{name}/rotate", {}, {}),
                ("POST", f"keys/{name}/revoke", None, {}),
                ("DELETE", f"keys/{name}", None, {}),
                ("PUT", f"keys/{name}", {"tenant": "acme", "team": "search"}, {"if_match": version}),
            ):
                asked = await roles.ask(method, f"/admin/v1/{path}", fields, key=key, **more)
                assert (asked.status, asked.json["error"]["code"]) == (403, "more_than_own"), (role, method, path)
    assert roles.state() == before


async def test_an_object_is_not_moved_out_of_or_into_a_tenant(roles: RoleOffice) -> None:
    version = str(roles.state()["key", "ci"][0])
    for key, tenant in ((KEYS["owner", "acme"], "globex"), (KEYS["owner", "globex"], "globex")):
        asked = await roles.ask("PUT", "/admin/v1/keys/ci", {"tenant": tenant}, key=key, if_match=version)
        assert asked.status == 403, asked.body
    for fields in (
        {"usd": 5},
        {"usd": 5, "only": {"tenant": ["*"]}},
        {"usd": 5, "only": {"tenant": ["acme", "globex"]}},
    ):
        asked = await roles.ask("PUT", "/admin/v1/budgets/mine", fields, key=KEYS["owner", "acme"])
        assert asked.status == 403, asked.body


async def test_a_minter_that_is_gone_mints_nothing(roles: RoleOffice) -> None:
    minter = await roles.made("keys", "minter", tenant="acme", roles=["owner"], budget={"usd": 1})
    await roles.ask("DELETE", "/admin/v1/keys/minter")
    assert (await roles.ask("PUT", "/admin/v1/keys/child", {"tenant": "acme"}, key=minter)).status == 401


@pytest.mark.parametrize(
    ("pattern", "patterns", "yes"),
    [
        ("fast", ["*"], True), ("*", ["*"], True), ("*", ["fast*"], False), ("fast*", ["fast"], False),
        ("fast*", ["fa*"], True), ("fa*", ["fast*"], False), ("fast-1", ["fast*"], True), ("fast", [], False),
        ("fast*", ["fast*"], True), ("slow", ["fast", "slow"], True),
    ],
)  # fmt: skip
def test_a_pattern_is_covered_where_all_it_stands_for_is(pattern: str, patterns: list[str], yes: bool) -> None:
    assert covered(pattern, patterns) is yes


# --- what headers say about who asks


@pytest.mark.parametrize(
    "header",
    [
        "x-forwarded-for", "x-forwarded-user", "x-forwarded-client-cert", "x-ssl-client-dn", "x-ssl-client-verify",
        "x-client-cert", "x-real-ip", "forwarded", "x-remote-user", "x-auth-request-user", "x-antiphon-user",
        "x-antiphon-roles", "x-antiphon-tenant", "x-antiphon-admin", "x-antiphon-key", "cookie", "x-api-key", "api-key",
    ],
)  # fmt: skip
async def test_no_header_but_authorization_says_who_asks(roles: RoleOffice, header: str) -> None:
    for value in ("owner", "bootstrap", "key/root", "127.0.0.1", "By=spiffe://a;URI=spiffe://corp/admin"):
        bare = await roles.ask("GET", "/admin/v1/keys", key=None, **{header: value})
        member = await roles.ask("PUT", "/admin/v1/keys/x", {}, key=KEYS["member", "acme"], **{header: value})
        assert (bare.status, member.status) == (401, 403)


# --- service accounts and bindings


async def test_an_account_calls_by_its_text_until_it_is_revoked(roles: RoleOffice) -> None:
    text = await roles.made("accounts", "batch", tenant="acme", team="search", roles=["member"])
    who = roles.keys.principal(text.encode())
    assert who is not None
    assert (who.key, who.tenant, who.roles) == ("account/batch", "acme", ("member",))

    rotated = await roles.ask("POST", "/admin/v1/accounts/batch/rotate", {"overlap": "15m"}, key=KEYS["admin", "acme"])

    assert rotated.status == 200, rotated.body
    assert roles.keys.principal(text.encode()) == who
    assert roles.keys.principal(rotated.json["key"].encode()) == who
    roles.clock.at_ns += 900 * 10**9
    assert roles.keys.principal(text.encode()) is None
    assert roles.keys.refusal(text.encode()).said_code == "key_expired"
    await roles.ask("POST", "/admin/v1/accounts/batch/revoke", key=KEYS["admin", "acme"])
    assert roles.keys.principal(rotated.json["key"].encode()) is None
    assert roles.keys.refusal(rotated.json["key"].encode()).said_code == "key_revoked"
    changes = (await roles.ask("GET", "/admin/v1/changes?kind=account&name=batch")).json["data"]
    assert [one["action"] for one in changes] == ["revoke", "rotate", "create"]
    assert text not in str(changes)


async def test_a_key_and_an_account_of_one_name_are_two(roles: RoleOffice) -> None:
    key = await roles.made("keys", "same", tenant="acme")
    account = await roles.made("accounts", "same", tenant="globex")
    assert [roles.keys.principal(one.encode()).key for one in (key, account)] == ["same", "account/same"]
    await roles.ask("DELETE", "/admin/v1/accounts/same")
    assert roles.keys.principal(key.encode()) is not None
    assert roles.keys.principal(account.encode()) is None


async def test_a_binding_gives_and_takes_a_role_at_once(roles: RoleOffice) -> None:
    key = KEYS["nothing", "acme"]
    fields = {"subject": "key/nothing-acme", "role": "approver", "tenant": "acme"}
    asked = await roles.ask("PUT", "/admin/v1/bindings/let", fields, key=KEYS["owner", "acme"])
    assert asked.status == 201, asked.body
    assert (await roles.ask("GET", "/admin/v1/keys", key=key)).status == 200
    assert roles.keys.principal(key.encode()).roles == ("approver",)
    await roles.ask("DELETE", "/admin/v1/bindings/let", key=KEYS["owner", "acme"])
    assert (await roles.ask("GET", "/admin/v1/keys", key=key)).status == 403
    assert roles.keys.principal(key.encode()).roles == ()


async def test_an_owner_of_all_tenants_by_a_binding_is_an_admin(roles: RoleOffice) -> None:
    key = await roles.everywhere("owner")
    principal = roles.keys.principal(key.encode())
    assert principal is not None
    assert principal.admin
    assert (await roles.ask("PUT", "/admin/v1/keys/any", {"admin": True}, key=key)).status == 201


@pytest.mark.parametrize(
    ("section", "fields", "field"),
    [
        ("bindings", {"role": "member"}, "subject"),
        ("bindings", {"subject": "key/a", "role": "king"}, "role"),
        ("bindings", {"subject": "root", "role": "member"}, "subject"),
        ("bindings", {"subject": "key/a/b", "role": "member"}, "subject"),
        ("bindings", {"subject": "token/nowhere/alice", "role": "member"}, "subject"),
        ("bindings", {"subject": "certificate/rule/x", "role": "member"}, "subject"),
        ("bindings", {"subject": "key/a", "role": "member", "tenant": "*"}, "tenant"),
        ("accounts", {"admin": True}, "admin"),
        ("accounts", {"roles": ["root"]}, "roles[0]"),
        ("accounts", {"issuer": "nowhere", "subject": "a"}, "issuer"),
        ("accounts", {"issuer": "corp"}, "subject"),
        ("accounts", {"expires": "soon"}, "expires"),
        ("accounts", {"models": ["nope"]}, "models[0]"),
        ("keys", {"clearance": "internal", "data_class": "restricted"}, "clearance"),
        ("keys", {"clearance": "top"}, "clearance"),
    ],
    ids=str,
)
async def test_a_mistake_names_its_field(roles: RoleOffice, section: str, fields: Any, field: str) -> None:
    before = roles.state()
    asked = await roles.ask("PUT", f"/admin/v1/{section}/x", fields)
    assert asked.status == 400, asked.body
    assert field in [one["field"] for one in asked.json["error"]["problems"]]
    assert roles.state() == before


def test_the_bodies_of_the_matrix_are_for_every_path_that_takes_one() -> None:
    for route in ROUTES:
        assert not route.body or body_of(route) is not None


async def test_what_somebody_may_not_is_told(roles: RoleOffice) -> None:
    await roles.ask("PUT", "/admin/v1/keys/x", {"tenant": "acme", "admin": True}, key=KEYS["owner", "acme"])
    await roles.ask("POST", "/admin/v1/keys/ci/rotate", {}, key=KEYS["member", "acme"])
    await roles.ask("GET", "/admin/v1/keys", key=KEYS["nothing", "acme"])
    await roles.ask("GET", "/admin/v1/keys", key=KEYS["member", "acme"])
    assert roles.forbidden == [
        ("key/owner-acme", "PUT /admin/v1/keys/{name}", "more_than_own"),
        ("key/member-acme", "POST /admin/v1/keys/{name}/rotate", "role_not_allowed"),
        ("key/nothing-acme", "GET /admin/v1/keys", "not_allowed"),
    ]
