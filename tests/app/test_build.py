import datetime as dt
import json
import ssl
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes.house import House
from fakes.records import ListedStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.app.build import Built, build, tls_context
from antiphon.app.revisions import _accounts, _targets
from antiphon.config.load import Loaded, load_text
from antiphon.core.deployment import Deployment, Price, Timeouts
from antiphon.core.error import ConfigError
from antiphon.core.plan import Candidate
from antiphon.gateway.house import Revision
from antiphon.providers.profiles import PROFILES
from antiphon.providers.target import Target
from antiphon.routing.settings import LastResortSettings
from antiphon.server.settings import Tls
from antiphon.telemetry.page import page

Make = Callable[..., Built]
TWO = """
providers:
  openai: {key: sk-1}
  local: {profile: vllm, base_url: "http://127.0.0.1:9/v1"}
models:
  big: {provider: openai, model: gpt-4o, tier: premium, weight: 3}
  small: {provider: local, tier: fast}
"""


def load(text: str, **environ: str) -> Loaded:
    return load_text(text, "antiphon.yaml", Path("/tmp"), environ)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    house = House(tmp_path)

    def make(text: str, old: Built | None = None, labs: dict[str, str] | None = None, **environ: str) -> Built:
        loaded = load(text, **environ)
        return build(loaded, labs or {}, house.gateway.process, ListedStore(), tmp_path, lambda: "", old)

    return make


def revision(built: Built) -> Revision:
    return built.site.gateway.revision


def heads(target: Target) -> tuple[bytes, ...]:
    """Request line and headers of a chat, for each key."""
    return target.ways["openai_chat"].heads


# --- deployments


def test_a_deployment_is_what_its_settings_say(make: Make) -> None:
    built = make("""
providers:
  openai: {key: sk-1, connections: 7, networks: ["0.0.0.0/0"]}
models:
  big:
    provider: openai
    model: gpt-4o
    tier: premium
    zone: private
    region: eu
    weight: 2.5
    price: {input: 2.5, output: 10, cached_input: 1.25, cache_write: 3, call: 0.0001}
    limits: {context_tokens: 128000, output_tokens: 16000, concurrency: 9}
    capabilities: [tools, images]
    timeouts: {connect_s: 1, first_byte_s: 2, between_bytes_s: 3, total_s: 4}
""")

    target = revision(built).targets["big"]
    assert target.deployment == Deployment(
        name="big",
        provider="openai",
        model="gpt-4o",
        tier="premium",
        zone="private",
        networks=("0.0.0.0/0",),
        region="eu",
        weight=2.5,
        price=Price(
            input=2_500_000,
            output=10_000_000,
            cached_input=1_250_000,
            cache_write=3_000_000,
            call=100_000_000,
            source="configured",
        ),
        capabilities=frozenset({"tools", "images"}),
        dialects=frozenset(target.ways),
        context_tokens=128000,
        output_tokens=16000,
        concurrency=9,
        timeouts=Timeouts(connect_s=1, first_byte_s=2, between_bytes_s=3, total_s=4),
    )
    assert (target.origin.host, target.origin.port, target.origin.tls, target.origin.connections) == (
        "api.openai.com",
        443,
        True,
        7,
    )
    assert {"openai_chat", "anthropic_messages", "gemini", "openai_embeddings"} < target.ways.keys()
    assert b"authorization: Bearer sk-1\r\n" in heads(target)[0]
    assert built.longest_s == 600, "what any request may take"


def test_what_is_not_said_is_the_catalogues_the_profiles_or_unknown(make: Make) -> None:
    big, small = (revision(make(TWO)).targets[name].deployment for name in ("big", "small"))

    assert (big.model, small.model) == ("gpt-4o", "small")
    assert (big.context_tokens, big.output_tokens, big.concurrency) == (128_000, 16_384, None)
    assert (small.price, small.context_tokens, small.output_tokens) == (None, None, None)
    assert big.price is not None
    assert big.price.source.startswith("genai-prices ")
    assert big.capabilities == PROFILES["openai"].capabilities
    assert small.capabilities is None


def test_what_the_catalogue_denies_a_model_is_taken_off_what_its_endpoint_carries(make: Make) -> None:
    text = "providers: {openai: {key: sk-1}}\nmodels: {o3-mini: {provider: openai, price: {source: none}}}\n"

    deployment = revision(make(text)).targets["o3-mini"].deployment

    assert PROFILES["openai"].capabilities is not None
    assert deployment.capabilities == PROFILES["openai"].capabilities - {"images"}
    assert deployment.price is None, "as it says"


def test_an_endpoint_of_which_nothing_is_known_may_have_a_model_that_lacks_something(make: Make) -> None:
    text = "providers: {deepseek: {key: sk-1}}\nmodels: {a: {provider: deepseek, model: deepseek-v4-pro}}\n"

    capabilities = revision(make(text)).targets["a"].deployment.capabilities

    assert PROFILES["deepseek"].capabilities is None
    assert capabilities is not None
    assert "images" not in capabilities
    assert {"tools", "structured_output", "files"} <= capabilities


def test_an_empty_list_of_capabilities_is_none_at_all(make: Make) -> None:
    text = "providers: {openai: {key: sk-1}}\nmodels: {big: {provider: openai, capabilities: []}}\n"

    assert revision(make(text)).targets["big"].deployment.capabilities == frozenset()


def test_a_provider_without_its_key_is_off(make: Make) -> None:
    built = make(TWO.replace("sk-1", '"${env:KEY:-}"') + "routes: {auto: {models: [big, small]}}\n")

    assert revision(built).targets.keys() == {"small"}
    assert revision(built).routes.keys() == {"small", "auto"}
    assert revision(built).routes["auto"].lost == (Candidate(deployment="big", lost="no key"),)
    assert {origin.host for origin in built.origins} == {"127.0.0.1"}


def test_labs_are_found_where_they_run(make: Make) -> None:
    text = """
providers: {lab: {lab: {models: {lab-1: {}}}}}
models: {lab-1: {provider: lab}}
"""

    built = make(text, labs={"lab": "http://127.0.0.1:4321/v1"})

    (origin,) = built.origins
    assert (origin.host, origin.port, origin.tls) == ("127.0.0.1", 4321, False)


def test_headers_and_queries_are_revealed_to_the_upstream_alone(make: Make) -> None:
    built = make("""
providers:
  openai: {key: sk-1, headers: {X-Org: "${env:ORG}"}, query: {v: "${env:V}"}, proxy: "http://me:pw@proxy:3128"}
models: {big: {provider: openai}}
""", ORG="org-1", V="2")  # fmt: skip

    target = revision(built).targets["big"]
    assert b"X-Org: org-1\r\n" in heads(target)[0]
    assert heads(target)[0].startswith(b"POST /v1/chat/completions?v=2 HTTP/1.1\r\n")
    assert target.origin.proxy == "http://me:pw@proxy:3128"


# --- no value of a configuration can add a line to a request


def attempt(where: str, value: str) -> bytes | None:
    """The head that comes out when one value of a configuration is this; None when it is refused."""
    provider: dict[str, Any] = {"profile": "compatible", "base_url": "http://up.example/v1", "key": "sk-12345678"}
    model: dict[str, Any] = {"provider": "p", "model": "m"}
    match where:
        case "model":
            model["model"] = value
        case "header value":
            provider["headers"] = {"X-A": value}
        case "header name":
            provider["headers"] = {value: "a"}
        case "query value":
            provider["query"] = {"a": value}
        case "query name":
            provider["query"] = {value: "a"}
        case _:
            provider[where] = value
    text = json.dumps({"providers": {"p": provider}, "models": {"d": model}})
    try:
        loaded = load(text)
    except ConfigError:
        return None
    return heads(_targets(loaded.settings, _accounts(loaded.settings, {}))["d"])[0]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["key", "base_url", "proxy", "model", "header value", "header name", "query value", "query name"]),
    st.text(st.sampled_from("a1:/?#@% \r\n\t\0é€") | st.characters(exclude_categories=("Cs",)), max_size=10),
    st.sampled_from(["", "http://up.example/", "http://u:p@proxy:3128"]),
)
def test_no_value_can_add_a_line(where: str, value: str, before: str) -> None:
    head = attempt(where, before + value)

    if head is not None:
        check(head, added=where.startswith("header"))


@pytest.mark.parametrize("sign", ["\r", "\n", "\r\n", "\0", "\r\nX-Evil: 1", "\u2028", "\x85", "\x0b"])
@pytest.mark.parametrize("where", ["key", "header value", "header name", "base_url", "proxy"])
def test_line_breaks_are_refused_with_the_configuration(where: str, sign: str) -> None:
    start = {"base_url": "http://up.example/v1", "proxy": "http://proxy:3128/"}.get(where, "sk-12345678")

    for value in (f"{start}{sign}", f"{start}{sign}x"):
        head = attempt(where, value)
        assert head is None or where == "header value"
        if head is not None:
            check(head, added=True)


def check(head: bytes, *, added: bool) -> None:
    """A request line, and as many headers as there are to be: no break or zero byte but theirs."""
    first, *rest = head.removesuffix(b"\r\n").split(b"\r\n")
    assert not set(b"\r\n\0") & set(head.replace(b"\r\n", b""))
    assert first.count(b" ") == 2
    assert first.startswith(b"POST ")
    assert first.endswith(b" HTTP/1.1")
    names = [line.partition(b":")[0].lower() for line in rest]
    usual = [b"accept", b"authorization", b"content-type", b"host", b"user-agent"]
    others = [name for name in names if name not in usual]
    assert len(others) <= added + (b"proxy-authorization" in names)
    assert len(set(names)) == len(names)


# --- routes


def test_routes_lead_to_their_deployments_and_models_to_themselves(make: Make) -> None:
    built = make(TWO + "routes: {auto: {tiers: [fast, premium], description: Any.}, best: {models: [big]}}\n")

    routes = revision(built).routes
    assert {name: [one.name for one in route.deployments] for name, route in routes.items()} == {
        "big": ["big"],
        "small": ["small"],
        "auto": ["small", "big"],
        "best": ["big"],
    }
    assert routes["auto"].description == "Any."
    assert routes["auto"].deployments[1] is revision(built).targets["big"].deployment


def test_an_unlisted_model_is_reached_by_routes_alone(make: Make) -> None:
    built = make(TWO.replace("tier: premium", "tier: premium, listed: false") + "routes: {best: {models: [big]}}\n")

    assert revision(built).routes.keys() == {"small", "best"}
    assert "big" in revision(built).targets


def test_a_prompt_is_named_by_what_it_says(make: Make) -> None:
    text = TWO + "routes: {auto: {models: [big], prompt: brief}}\nprompts: {brief: {text: %s}}\n"

    first, same, other = (revision(make(text % said)).routes["auto"].prompt for said in ("Brief.", "Brief.", "Long."))

    assert first is not None
    assert first.name == f"brief@{sha256(b'Brief.').hexdigest()[:12]}"
    assert first == same
    assert other is not None
    assert first.version != other.version
    assert revision(make(text % "Brief.")).routes["big"].prompt is None


def test_a_lab_leaves_a_route_that_has_a_real_model(make: Make) -> None:
    text = TWO.replace(
        "models:", "  lab: {lab: {models: {lab-1: {}}}}\nmodels:\n  lab-1: {provider: lab}", 1
    ) + "routes: {auto: {models: [lab-1, big]}}\n"  # fmt: skip

    route = revision(make(text, labs={"lab": "http://127.0.0.1:1/v1"})).routes["auto"]

    assert [one.name for one in route.deployments] == ["big"]
    assert route.lost == (Candidate(deployment="lab-1", lost="lab"),)


def test_a_route_says_how_its_calls_are_made(make: Make) -> None:
    built = make(
        TWO
        + """
routes:
  auto:
    models: [big]
    attempts: 7
    timeout_s: 9
    on_cut: continue
    fallbacks: {any: [small], context_window: [small]}
    last_resort: {respond: Call us., hand_off: support}
    balance: {strategy: round_robin}
    hedge: {enabled: true}
"""
    )

    route, policy = revision(built).routes["auto"], revision(built).policies["auto"]
    assert (route.attempts, route.seconds, route.bounds_time, route.on_cut) == (7, 9, True, "continue")
    assert route.last_resort == LastResortSettings(respond="Call us.", hand_off="support")
    assert [(pool.on, [one.name for one in pool.deployments]) for pool in route.fallbacks] == [
        ("any", ["small"]),
        ("context_window", ["small"]),
    ]
    assert (policy.name, policy.balance.strategy, policy.coalescer) == ("auto", "round_robin", None)
    assert policy.hedging is not None


def test_a_model_by_its_own_name_is_called_by_default(make: Make) -> None:
    built = make(TWO + "calls: {deadline: {max_s: 33}}\n")

    route, policy = revision(built).routes["big"], revision(built).policies["big"]
    assert (route.attempts, route.seconds, route.bounds_time, route.on_cut) == (4, 33, False, "fail")
    assert (route.fallbacks, route.last_resort) == ((), LastResortSettings())
    assert (policy.name, policy.balance.strategy, policy.sticky, policy.hedging) == ("big", "weighted", None, None)
    assert revision(built).calls.deadline.max_s == 33


def test_an_account_may_have_several_keys(make: Make) -> None:
    keys = "keys: [{key: sk-one-00000, name: first}, {key: sk-two-00000, concurrency: 3}]"
    built = make(TWO.replace("key: sk-1", keys))

    target = revision(built).targets["big"]
    member = built.site.gateway.process.caller.fleet["big"]
    assert [b"Bearer sk-one-00000" in heads(target)[0], b"Bearer sk-two-00000" in heads(target)[1]] == [True, True]
    assert member.pool is not None
    assert [(key.name, key.limited) for key in member.pool.keys] == [("first", False), ("key 2", True)]
    assert built.site.gateway.process.caller.fleet["small"].pool is None, "it has no key"


def test_what_a_worker_knows_of_a_deployment_outlives_the_configuration(make: Make) -> None:
    first = make(TWO)
    before = first.site.gateway.process.caller.fleet["big"]

    again = make(TWO.replace("weight: 3", "weight: 4"), first)

    assert again.site.gateway.process.caller.fleet["big"] is before


@pytest.mark.parametrize(
    ("said", "profile", "continues"),
    [
        ("", "openai", False),
        (", continues: true", "openai", True),
        ("", "vllm", True),
        (", continues: false", "vllm", False),
    ],
)
def test_who_can_go_on_with_an_answer_is_the_profiles_unless_told(
    make: Make, said: str, profile: str, continues: bool
) -> None:
    built = make(f"""
providers: {{p: {{profile: {profile}, key: sk-1, base_url: "http://127.0.0.1:9/v1"}}}}
models: {{m: {{provider: p{said}}}}}
""")

    assert revision(built).targets["m"].deployment.continues is continues


# --- the rest of a revision


def test_a_revision_is_named_by_its_configuration(make: Make) -> None:
    built = make(TWO)

    assert built.revision == revision(built).id == load(TWO).revision.id
    assert built.revision != make(TWO.replace("weight: 3", "weight: 4")).revision


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("", 0),
        ("storage: {capture: content}", 1_048_576),
        ("storage: {capture: content, capture_most_bytes: 2048}", 2048),
    ],
)
def test_content_is_captured_only_when_the_configuration_says_so(make: Make, text: str, most: int) -> None:
    assert revision(make(TWO + text)).capture_most_bytes == most


@pytest.mark.parametrize(
    ("server", "is_open"),
    [
        ("{}", True),
        ("{host: localhost}", True),
        ("{host: 0.0.0.0, insecure: true}", False),
        ("{public_metrics: false}", False),
        ("{host: 0.0.0.0, insecure: true, public_metrics: true}", True),
    ],
)
def test_metrics_are_open_on_loopback_unless_told(make: Make, server: str, is_open: bool) -> None:
    assert make(f"{TWO}server: {server}\n").site.open_metrics == is_open


def test_the_site_knows_the_keys_and_the_metrics(make: Make, tmp_path: Path) -> None:
    built = make(TWO + "keys: [{name: ci, key: sk-12345678, models: [big]}]\n")

    principal = built.site.identity.principal(b"sk-12345678")
    assert principal is not None
    assert (principal.key, principal.models) == ("ci", ("big",))
    assert built.site.metrics() == page(tmp_path)
    assert built.drain_timeout_s == 30


OTLP = "telemetry: {otlp: {endpoint: 'http://127.0.0.1:1/v1/traces', sample_percent: %s}}\n"


def test_what_sends_traces_is_handed_on_when_it_is_set_as_it_was(make: Make) -> None:
    first = make(TWO + OTLP % 5)
    same = make(TWO.replace("weight: 3", "weight: 4") + OTLP % 5, first)
    other = make(TWO + OTLP % 6, same)
    none = make(TWO, other)
    try:
        assert first.tracer is not None
        assert first.tracer is same.tracer is revision(same).tracer
        assert other.tracer is not None
        assert other.tracer is not first.tracer
        assert none.tracer is None
    finally:
        for one in (first, other):
            assert one.tracer is not None
            one.tracer.close()


# --- TLS


def certificate(directory: Path, name: str) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (directory / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (directory / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Tls(cert_file=str(directory / f"{name}.pem"), key_file=str(directory / f"{name}.key"))


def test_without_tls_there_is_no_context() -> None:
    assert tls_context(None) is None


@pytest.mark.parametrize(("said", "least"), [("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)])
def test_the_least_version_is_kept(tmp_path: Path, said: Any, least: ssl.TLSVersion) -> None:
    plain = certificate(tmp_path, "a")

    context = tls_context(Tls(cert_file=plain.cert_file, key_file=plain.key_file, min_version=said))

    assert context is not None
    assert context.minimum_version == least
    assert context.verify_mode == ssl.CERT_NONE


def test_client_certificates_are_asked_for_when_told(tmp_path: Path) -> None:
    plain = certificate(tmp_path, "a")

    context = tls_context(
        Tls(cert_file=plain.cert_file, key_file=plain.key_file, client_ca_file=certificate(tmp_path, "ca").cert_file)
    )

    assert context is not None
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1


def test_files_are_read_again_into_the_same_context(tmp_path: Path) -> None:
    context = tls_context(certificate(tmp_path, "a"))

    assert tls_context(certificate(tmp_path, "b"), context) is context


def test_a_file_that_is_missing_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        tls_context(Tls(cert_file=str(tmp_path / "none"), key_file=str(tmp_path / "none")))
