"""Documents of agents by the admin API: published whole or not at all, once and for good."""

from typing import Any

import pytest
from role_office import KEYS, RoleOffice

PROMPT = {
    "apiVersion": "antiphon/v1",
    "kind": "Prompt",
    "metadata": {"name": "sort", "version": "1"},
    "spec": {"text": "Sort them."},
}
AGENT = {
    "apiVersion": "antiphon/v1",
    "kind": "Agent",
    "metadata": {"name": "clerk", "version": "1"},
    "spec": {"goal": "Sorts.", "prompt": "sort@1", "models": {"act": "fast"}},
}
PATH = "/admin/v1/documents"


def document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "antiphon/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


async def applied(office: Any, *documents: Any, key: str | None = None, **more: Any) -> Any:
    given = {} if key is None else {"key": key}
    return await office.ask("POST", f"{PATH}/apply", {"documents": list(documents), **more}, **given)


async def test_documents_are_published_and_shown_as_they_were_written(office: Any) -> None:
    done = await applied(office, PROMPT, AGENT)
    again = await applied(office, AGENT)

    assert (done.status, [one["state"] for one in done.json["data"]]) == (200, ["new", "new"])
    assert done.json["taken"] is True
    assert [one["state"] for one in again.json["data"]] == ["same"]
    listed = (await office.ask("GET", PATH)).json["data"]
    assert [(one["id"], one["owner"], one["by"]) for one in listed] == [
        ("Prompt/sort@1", "api", "bootstrap"),
        ("Agent/clerk@1", "api", "bootstrap"),
    ]
    assert (await office.ask("GET", f"{PATH}/Agent/clerk/1")).json["document"] == AGENT
    assert [one["kind"] for one in (await office.ask("GET", f"{PATH}?kind=Agent")).json["data"]] == ["Agent"]
    assert [one["metadata"]["name"] for one in office.owned.documents] == ["sort", "clerk"]


async def test_one_mistake_keeps_all_of_them_out_and_every_mistake_is_told(office: Any) -> None:
    wrong = {**AGENT, "spec": {**AGENT["spec"], "models": {"act": "nobody"}, "tools": ["crm"]}}
    refused = await applied(office, PROMPT, wrong)

    assert refused.status == 400
    assert [one["field"] for one in refused.json["error"]["problems"]] == [
        "Agent/clerk@1: spec.models.act",
        "Agent/clerk@1: spec.tools[0]",
    ]
    assert (await office.ask("GET", PATH)).json["data"] == []


async def test_a_check_publishes_nothing(office: Any) -> None:
    checked = await applied(office, PROMPT, check=True)

    assert ([one["state"] for one in checked.json["data"]], "taken" in checked.json) == (["new"], False)
    assert (await office.ask("GET", PATH)).json["data"] == []


async def test_a_version_never_changes_also_when_it_was_taken_away(office: Any) -> None:
    other = {**PROMPT, "spec": {"text": "Don't."}}
    await applied(office, PROMPT)

    assert "was published with another text" in (await applied(office, other)).json["error"]["message"]
    assert (await office.ask("DELETE", f"{PATH}/Prompt/sort/1")).status == 200
    assert "was published with another text" in (await applied(office, other)).json["error"]["message"]
    assert (await applied(office, PROMPT)).status == 200


async def test_what_another_document_needs_is_not_taken_away(office: Any) -> None:
    await applied(office, PROMPT, AGENT)

    refused = await office.ask("DELETE", f"{PATH}/Prompt/sort/1")

    assert (refused.status, refused.json["error"]["param"]) == (400, "Agent/clerk@1: spec.prompt")
    assert (await office.ask("DELETE", f"{PATH}/Agent/clerk/1")).status == 200
    assert (await office.ask("DELETE", f"{PATH}/Agent/clerk/1")).status == 404


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("Agent", {"goal": "x", "models": {"act": "fast"}, "code": "os:system"}, "spec.code"),
        ("Tool", {"python": {"function": "os:system"}}, "spec.python"),
        ("Tool", {"sql": {"url": "sqlite:///antiphon.db"}}, "spec.sql"),
        ("Tool", {"files": {"folder": "/etc"}}, "spec.files.folder"),
        ("ToolServer", {"program": {"command": ["sh"]}}, "spec.program"),
        ("Collection", {"files": ["/etc/*"]}, "spec.files"),
        ("Prompt", {"text": "${env:ANTIPHON_ADMIN_KEY}"}, "spec.text"),
    ],
)
async def test_nothing_of_the_gateway_s_machine_is_reached_by_a_document(
    office: Any, kind: str, spec: dict[str, Any], field: str
) -> None:
    refused = await applied(office, document(kind, "x", spec))

    assert refused.status == 400
    assert field in [one["field"] for one in refused.json["error"]["problems"]]


async def test_documents_of_everybody_need_the_permission_in_all_tenants(roles: RoleOffice) -> None:
    own = {**PROMPT, "metadata": {"name": "own", "tenant": "acme"}}

    assert (await applied(roles, PROMPT, key=KEYS["admin", "acme"])).status == 403
    assert (await applied(roles, own, key=KEYS["admin", "acme"])).status == 200
    assert (
        await applied(roles, {**own, "metadata": {"name": "x", "tenant": "globex"}}, key=KEYS["admin", "acme"])
    ).status == 403
    seen = {
        who: len((await roles.ask("GET", PATH, key=KEYS["auditor", who])).json["data"]) for who in ("acme", "globex")
    }
    assert seen == {"acme": 1, "globex": 0}


HTTP = {"url": "https://crm.example.com/x"}


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [
        ("Tool", {"http": {"url": "http://127.0.0.1:8600/x"}}, "spec.http.url"),
        ("Tool", {"http": {"url": "http://localhost/x"}}, "spec.http.url"),
        ("Tool", {"http": {"url": "http://[::1]/x"}}, "spec.http.url"),
        ("Tool", {"http": {"url": "http://[::ffff:169.254.169.254]/latest"}}, "spec.http.url"),
        ("Tool", {"http": {**HTTP, "networks": ["10.0.0.0/8"]}}, "spec.http.networks"),
        ("Tool", {"http": {**HTTP, "headers": {"x": "${env:HOME}"}}}, "spec.http.headers.x"),
        ("Tool", {"openapi": {"url": "https://a.example/o", "server": "http://10.0.0.1"}}, "spec.openapi.server"),
        ("Tool", {"ticket": {"webhook": "http://192.168.0.1/"}}, "spec.ticket.webhook"),
        ("Tool", {"browser": {"hosts": ["a.example", "127.0.0.1:9200"]}}, "spec.browser.hosts"),
        ("ToolServer", {"url": "http://169.254.169.254/mcp"}, "spec.url"),
        ("ToolServer", {"url": "https://a.example/mcp", "networks": ["127.0.0.0/8"]}, "spec.networks"),
        ("RemoteAgent", {"url": "http://10.1.2.3/agent"}, "spec.url"),
        ("RemoteAgent", {"url": "https://a.example/agent", "ca_file": "/etc/ssl/x.pem"}, "spec.ca_file"),
        (
            "Trigger",
            {"agent": "clerk", "queue": {}, "service": {"roles": ["approver"]}},
            "spec.service.roles",
        ),
    ],
)
async def test_the_api_gives_no_way_into_our_networks_and_no_rights(
    office: Any, kind: str, spec: dict[str, Any], field: str
) -> None:
    refused = await applied(office, document(kind, "x", spec))

    assert refused.status == 400
    assert [one["field"] for one in refused.json["error"]["problems"]] == [field]


async def test_a_prompt_of_another_tenant_is_not_there(office: Any) -> None:
    theirs = {**PROMPT, "metadata": {**PROMPT["metadata"], "tenant": "globex"}}
    ours = {**AGENT, "metadata": {**AGENT["metadata"], "tenant": "acme"}}

    refused = await applied(office, theirs, ours)

    assert [one["field"] for one in refused.json["error"]["problems"]] == ["Agent/clerk@1: spec.prompt"]
