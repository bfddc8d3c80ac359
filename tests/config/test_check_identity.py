"""Mistakes in `identity` are told with their place and a remedy, all at once."""

from pathlib import Path

import pytest

from antiphon.config.load import load_text
from antiphon.core.error import ConfigError

LAB = "providers: {lab: {lab: {models: {fast: {}}}}}\nmodels: {fast: {provider: lab}}\n"
CORP = "{name: corp, issuer: 'https://login.example.com', audiences: [a]}"


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as raised:
        load_text(LAB + text, "antiphon.yaml", Path("/tmp"), {})
    assert all(one.line > 2 and one.remedy for one in raised.value.problems)
    return [(one.path, one.wrong) for one in raised.value.problems]


@pytest.mark.parametrize(
    ("text", "path", "wrong"),
    [
        ("identity: {issuers: [{name: a, issuer: 'http://login.example.com', audiences: [a]}]}", "issuers[0].issuer", "plain HTTP"),
        ("identity: {issuers: [{name: a, issuer: 'https://u@login.example.com', audiences: [a]}]}", "issuers[0].issuer", "no plain address"),
        ("identity: {issuers: [{name: a, issuer: 'https://login.example.com', audiences: []}]}", "issuers[0].audiences", ""),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], algorithms: [HS256]}]}", "issuers[0].algorithms[0]", ""),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], algorithms: [none]}]}", "issuers[0].algorithms[0]", ""),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], claims: {tenant: org}}]}", "issuers[0].tenants", "none is listed"),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], jwks_stale_s: 10}]}", "issuers[0].jwks_stale_s", "shorter than `refresh_s`"),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], roles: {x: king}}]}", "issuers[0].roles.x", ""),
        ("identity: {issuers: [{name: a, issuer: 'https://l.example', audiences: [a], ca_file: nowhere.pem}]}", "issuers[0].ca_file", "nowhere.pem"),
        (f"identity: {{issuers: [{CORP}, {CORP}]}}", "issuers[1].name", "another one is called corp"),
        (f"identity: {{issuers: [{CORP}, {CORP.replace('corp', 'two')}]}}", "issuers[1].issuer", "is that of corp too"),
        ("identity: {certificates: [{name: a, cn: b}]}", "certificates", "no client certificate is asked for"),
        ("identity: {certificates: [{name: a}]}", "certificates[0]", "exactly one of"),
        ("identity: {bindings: [{name: a, subject: key/x, role: member}, {name: a, subject: key/y, role: member}]}", "bindings[1].name", "another one"),
        ("identity: {bindings: [{name: a, subject: group/corp/x, role: member}]}", "bindings[0].subject", "there is no corp"),
        ("identity: {bindings: [{name: a, subject: token/corp, role: member}]}", "bindings[0].subject", "names no one"),
        ("identity: {bindings: [{name: a, subject: key/x, role: team_lead, tenant: '*'}]}", "bindings[0].tenant", "all of them"),
        ("keys: [{name: a, key: sk-0123456789, roles: [root]}]", "keys[0].roles[0]", ""),
        ("keys: [{name: a, key: sk-0123456789, clearance: public, data_class: internal}]", "keys[0].clearance", "is below"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(text: str, path: str, wrong: str) -> None:
    where = path if path.startswith("keys") else f"identity.{path}"
    assert [one for one in problems(text) if one[0] == where and wrong in one[1]], problems(text)


def test_broken_parts_are_told_once() -> None:
    assert [path for path, _ in problems("identity: 5")] == ["identity"]
    told = [path for path, _ in problems(f"identity: {{issuers: [{CORP}, 5], bindings: x}}")]
    assert sorted(told) == ["identity.bindings", "identity.issuers[1]"]


def test_where_others_than_keys_may_call_the_gateway_may_listen_beyond_loopback() -> None:
    loaded = load_text(f"{LAB}server: {{host: 0.0.0.0}}\nidentity: {{issuers: [{CORP}]}}", "a.yaml", Path("/tmp"), {})
    assert loaded.settings.identity.known
    assert [path for path, _ in problems("server: {host: 0.0.0.0}")] == ["server.host"]
