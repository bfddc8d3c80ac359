"""Networks, hosts and private deployments whose mistakes only show across settings."""

from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]
TEXT = """\
providers:
  own: {profile: compatible, base_url: 'https://api.example.com/v1'}
models:
  one: {provider: own, price: {source: none}}
"""
PRIVATE = """\
providers:
  own: {profile: compatible, base_url: 'HOST'MORE}
models:
  one: {provider: own, zone: private, price: {source: none}}
"""


@pytest.mark.parametrize(
    "egress",
    [
        "{allow: [api.example.com]}",
        "{allow: ['*.example.com']}",
        "{allow: ['API.example.com:443']}",
        "{networks: [10.0.0.0/8, 'fd00::/8', 192.168.1.1]}",
        "{allow: ['api.example.com', '[fd00::1]:8080', 'fd00::2']}",
    ],
)
def test_rules_that_fit_are_taken(loaded: Load, egress: str) -> None:
    assert loaded(f"{TEXT}egress: {egress}\n")


@pytest.mark.parametrize(
    ("more", "path", "wrong"),
    [
        ("egress: {networks: [10.0.0.0/40]}", "egress.networks[0]", "10.0.0.0/40 is no network"),
        ("egress: {networks: [10.0.0.0/8, 10.0.0.1/8]}", "egress.networks[1]", "10.0.0.1/8 is no network"),
        ("egress: {allow: [api.example.com, 'https://x.example']}", "egress.allow[1]", "is no host"),
        ("egress: {allow: [api.example.com, 'a.*.example']}", "egress.allow[1]", "is no host"),
        ("egress: {allow: [api.example.com, '*']}", "egress.allow[1]", "is no host"),
        ("egress: {allow: [other.example]}", "providers.own.base_url", "api.example.com is not in `egress.allow`"),
        ("egress: {allow: ['api.example.com:8443']}", "providers.own.base_url", "is not in `egress.allow`"),
        ("egress: {allow: []}", "providers.own.base_url", "is not in `egress.allow`"),
    ],
)
def test_what_does_not_fit_is_told_where_it_stands(mistakes: Mistakes, more: str, path: str, wrong: str) -> None:
    (found,) = mistakes(f"{TEXT}{more}\n")
    assert found.path == path
    assert wrong in found.wrong


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("alerts: {webhook: {url: 'https://hooks.example/x'}}", "alerts.webhook.url"),
        ("telemetry: {otlp: {endpoint: 'https://otlp.example/v1/traces'}}", "telemetry.otlp.endpoint"),
        ("embedders: {e: {endpoint: {base_url: 'https://e.example/v1', model: m, dimensions: 3}}}", "embedders.e.endpoint.base_url"),
        ("guards: {g: {webhook: {url: 'https://g.example/'}}}", "guards.g.webhook.url"),
        ("approvals: {notify: [{url: 'https://chat.example/'}]}", "approvals.notify[0].url"),
        ("storage: {export: {to: 's3://bucket/x?region=eu-west-1'}}", "storage.export.to"),
        ("storage: {export: {to: 's3://bucket/x?endpoint_override=minio.example:9000'}}", "storage.export.to"),
        ("storage: {export: {to: 's3://bucket/x?endpoint_override=http://minio.example:9000'}}", "storage.export.to"),
    ],
)  # fmt: skip
def test_every_host_that_is_asked_has_to_be_allowed(mistakes: Mistakes, more: str, path: str) -> None:
    text = f"{TEXT}egress: {{allow: [api.example.com]}}\n{more}\n"
    assert [one.path for one in mistakes(text) if "egress.allow" in one.wrong] == [path]


def test_this_machine_and_its_lab_models_need_no_place_in_the_list(loaded: Load) -> None:
    assert loaded(
        "providers:\n"
        "  sim: {profile: lab, lab: {models: {m: {}}}}\n"
        "  own: {profile: compatible, base_url: 'http://localhost:8000/v1'}\n"
        "models:\n  m: {provider: sim}\n  n: {provider: own, price: {source: none}}\n"
        "egress: {allow: []}\n"
    )


@pytest.mark.parametrize(
    ("host", "more"),
    [
        ("http://127.0.0.1:8000/v1", ""),
        ("http://localhost:8000/v1", ""),
        ("http://10.2.3.4:8000/v1", ""),
        ("http://[fd00::1]:8000/v1", ""),
        ("http://vllm:8000/v1", ", networks: [172.16.0.0/12]"),
        ("http://10.2.3.4:8000/v1", ", networks: [10.0.0.0/8], proxy: 'http://127.0.0.1:3128'"),
    ],
)
def test_a_private_deployment_that_is_bound_to_something_is_taken(loaded: Load, host: str, more: str) -> None:
    target = loaded(PRIVATE.replace("HOST", host).replace("MORE", more)).settings
    assert target.models["one"].zone == "private"


@pytest.mark.parametrize(
    ("host", "more", "path", "wrong"),
    [
        ("http://vllm:8000/v1", "", "models.one.zone", "nothing says in which networks vllm is"),
        ("https://api.example.com/v1", "", "models.one.zone", "nothing says in which networks api.example.com is"),
        ("http://10.2.3.4/v1", ", networks: [10.1.0.0/16]", "providers.own.base_url", "outside the networks"),
        ("http://vllm/v1", ", networks: [10.1.0.0/33]", "providers.own.networks[0]", "is no network"),
        (
            "http://vllm/v1",
            ", networks: [10.0.0.0/8], proxy: 'http://127.0.0.1:3128'",
            "providers.own.base_url",
            "a proxy looks the name up",
        ),
    ],
)
def test_one_that_could_lead_anywhere_is_told(mistakes: Mistakes, host: str, more: str, path: str, wrong: str) -> None:
    (found,) = mistakes(PRIVATE.replace("HOST", host).replace("MORE", more))
    assert found.path == path
    assert wrong in found.wrong


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::ffff:169.254.169.254]"])
def test_no_provider_lives_at_a_metadata_address(mistakes: Mistakes, host: str) -> None:
    (found,) = mistakes(TEXT.replace("https://api.example.com/v1", f"http://{host}/v1"))
    assert found.path == "providers.own.base_url"
    assert "is refused" in found.wrong
