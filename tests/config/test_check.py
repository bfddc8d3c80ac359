from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]

GOOD = """\
server: {host: 127.0.0.1}
keys:
  - {name: app, key: sk-0123456789, models: [fast, "m*", one]}
providers:
  openai: {key: sk-9876543210}
  sim: {profile: lab, lab: {models: {sim-1: {}}}}
models:
  one: {provider: openai, tier: quick}
  sim-1: {provider: sim}
  m2: {provider: sim, model: sim-1, listed: true}
routes:
  fast: {tiers: [quick], prompt: polite}
  both: {models: [one, sim-1]}
prompts:
  polite: {text: Be polite.}
"""


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_the_configuration_that_the_cases_change_is_right(loaded: Load) -> None:
    loaded(GOOD)


CASES = [
    # server
    ('host: 127.0.0.1}\nkeys:\n  - {name: app, key: sk-0123456789, models: [fast, "m*", one]}', "host: 0.0.0.0}", 1, "server.host", "no key is set", "insecure: true"),
    ("host: 127.0.0.1", "tls: {cert_file: gone.pem, key_file: gone.key}", 1, "server.tls.cert_file", "gone.pem can't be read: No such file", "PEM"),
    ("host: 127.0.0.1", "tls: {cert_file: gone.pem, key_file: gone.key, client_ca_file: ca}", 1, "server.tls.client_ca_file", "ca can't be read", "PEM"),
    # tokenizers
    ("server: {host: 127.0.0.1}", "server: {host: 127.0.0.1}\ntokenizers: {dir: gone}", 2, "tokenizers.dir", "gone holds no vocabulary", "put cl100k_base.tiktoken or o200k_base.tiktoken there"),
    # keys
    ("  - {name: app", "  - {name: app, key: sk-other-key}\n  - {name: app", 4, "keys[1].name", "another key is called app", "its own name"),
    ("  - {name: app", "  - {name: first, key: sk-0123456789}\n  - {name: app", 4, "keys[1].key", "is the same as that of first", "its own key"),
    ("key: sk-0123456789", "key: sk-0123", 3, "keys[0].key", "is shorter than 8 characters", "longer"),
    ("key: sk-0123456789", "key: sk-01 23456789", 3, "keys[0].key", "has a space", "copied"),
    ("key: sk-0123456789", "key: sk-0123456789ä", 3, "keys[0].key", "has a space, a line break or another character", "copied"),
    ('[fast, "m*", one]', "[fats]", 3, "keys[0].models[0]", "no model or route is called fats", "did you mean `fast`?"),
    ('[fast, "m*", one]', '[fast, "z*"]', 3, "keys[0].models[1]", "no model or route is called z*", "write one of both, fast"),
    ("listed: true}\n", "listed: false}\n", 3, "keys[0].models[1]", "no model or route is called m*", "write one of"),
    ("key: sk-0123456789", "key: sk-0123456789, passthrough: [sum]", 3, "keys[0].passthrough[0]", "there is no provider sum", "did you mean `sim`?"),
    # providers
    ("  sim: {", "  opnai: {}\n  sim: {", 6, "providers.opnai", "there is no profile opnai", "did you mean `openai`? Name it under `profile`"),
    ("openai: {", "openai: {profile: opnai, ", 5, "providers.openai.profile", "there is no profile opnai", "did you mean `openai`?"),
    ("{key: sk-9876543210}", "{profile: azure, key: sk-9876543210}", 5, "providers.openai.base_url", "the profile azure has no address", "RESOURCE.openai.azure.com"),
    ("{key: sk-9876543210}", "{profile: compatible}", 5, "providers.openai.base_url", "has no address of its own", "write `base_url:`"),
    ("sk-9876543210}", "sk-9876543210, base_url: 'https://'}", 5, "providers.openai.base_url", "not a URL with a host", "https://host"),
    ("sk-9876543210}", "sk-9876543210, base_url: 'https://a:port/v1'}", 5, "providers.openai.base_url", "not a URL with a host", "https://host"),
    ("sk-9876543210}", "sk-9876543210, base_url: 'https://a/v 1'}", 5, "providers.openai.base_url", "not a URL with a host", "https://host"),
    ("sk-9876543210}", "sk-9876543210, base_url: 'https://a/v1?x=1'}", 5, "providers.openai.base_url", "has a ? or #", "`query`"),
    ("sk-9876543210}", "sk-9876543210, base_url: 'https://u:pw@a/v1'}", 5, "providers.openai.base_url", "has a user or password", "`key`"),
    ("sk-9876543210}", "sk-9876543210, proxy: 'http://:80'}", 5, "providers.openai.proxy", "not a URL with a host", "https://host"),
    ("sk-9876543210}", '"sk-98765\\n43210"}', 5, "providers.openai.key", "line break", "copied"),
    ("sk-9876543210}", 'sk-9876543210, headers: {"a b": c}}', 5, "providers.openai.headers.a b", "not a header's name", "letters"),
    ("sk-9876543210}", 'sk-9876543210, headers: {a: "b\\r\\nc: d"}}', 5, "providers.openai.headers.a", "can't carry", "line breaks"),
    ("sk-9876543210}", "sk-9876543210, headers: {Content-Length: '5'}}", 5, "providers.openai.headers.Content-Length", "own to write", "leave it out"),
    ("sk-9876543210}", "sk-9876543210, ca_file: gone.pem}", 5, "providers.openai.ca_file", "gone.pem can't be read", "PEM"),
    ("sk-9876543210}", "sk-9876543210, lab: {models: {x: {}}}}", 5, "providers.openai.lab", "lab models go with the profile lab, not with openai", "`profile: lab`"),
    ("{profile: lab, lab: {models: {sim-1: {}}}}", "{profile: lab}", 6, "providers.sim.lab", "is missing", "write `lab:`"),
    ("{profile: lab, lab", "{profile: lab, base_url: 'http://a', lab", 6, "providers.sim.base_url", "runs lab models itself", "compatible"),
    ("{sim-1: {}}", "{sim-1: {first_token: {p50_ms: 9, p99_ms: 5}}}", 6, "providers.sim.lab.models.sim-1.first_token.p99_ms", "5 is below the median, 9", "p50_ms"),
    ("{sim-1: {}}", "{sim-1: {replay: gone.jsonl}}", 6, "providers.sim.lab.models.sim-1.replay", "gone.jsonl can't be read", "path of a file"),
    ("{sim-1: {}}", "{sim-1: {replay: gone.csv}}", 6, "providers.sim.lab.models.sim-1.replay", "none of the known endings", ".parquet"),
    # models
    ("one: {provider: openai", "one: {provider: opnai", 8, "models.one.provider", "there is no provider opnai", "did you mean `openai`?"),
    ("sim-1: {provider: sim}", "sim-1: {provider: sim, model: sim-2}", 9, "models.sim-1.model", "the provider sim has no lab model sim-2", "did you mean `sim-1`?"),
    ("  m2: {provider: sim, model: sim-1, listed", "  m2: {provider: sim, listed", 10, "models.m2", "the provider sim has no lab model m2", "write one of sim-1"),
    ("tier: quick}", "tier: quick, timeouts: {first_byte_s: 20, total_s: 10}}", 8, "models.one.timeouts.first_byte_s", "20 is more than total_s, 10", "raise `total_s`"),
    ("tier: quick}", "tier: quick, timeouts: {between_bytes_s: 601}}", 8, "models.one.timeouts.between_bytes_s", "601 is more than total_s, 600", "raise"),
    ("tier: quick}", "tier: quick, timeouts: {connect_s: 5, total_s: 1}}", 8, "models.one.timeouts.connect_s", "5 is more than total_s, 1", "raise"),
    ("tier: quick}", "tier: quick, limits: {context_tokens: 10, output_tokens: 11}}", 8, "models.one.limits.output_tokens", "11 is more than context_tokens, 10", "at most"),
    ("  both:", "  one:", 8, "models.one", "a route has the same name", "`listed: false`"),
    # routes
    ("[one, sim-1]", "[one, sim]", 13, "routes.both.models[1]", "there is no model sim", "did you mean `sim-1`?"),
    ("[one, sim-1]", "[one, sim-1, one]", 13, "routes.both.models[2]", "one stands in this list twice", "leave one of them out"),
    ("tiers: [quick]", "tiers: [quikc]", 12, "routes.fast.tiers[0]", "no model has the tier quikc", "did you mean `quick`?"),
    ("prompt: polite", "prompt: rude", 12, "routes.fast.prompt", "there is no prompt rude", "write one of polite"),
    ("{models: [one, sim-1]}", "{}", 13, "routes.both", "leads to no model", "write `models:` or `tiers:`"),
    ("tier: quick}", "tier: quick, weight: 0}", 12, "routes.fast", "no model is left that could answer: one (weight 0)", "weight above 0"),
    ("key: sk-9876543210", "key: '${env:OPENAI_API_KEY:-}'", 12, "routes.fast", "one (no key)", "set OPENAI_API_KEY"),
    ("{key: sk-9876543210}", "{}", 12, "routes.fast", "one (no key)", "give the provider openai a `key`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "wrong", "remedy"), CASES, ids=[f"{c[3]}: {c[4]}" for c in CASES]
)
def test_one_mistake_is_one_problem(
    mistakes: Mistakes, old: str, new: str, line: int, path: str, wrong: str, remedy: str
) -> None:
    problems = mistakes(changed(old, new))
    found = [problem for problem in problems if problem.path == path and wrong in problem.wrong]
    assert [(one.file, one.line) for one in found] == [("antiphon.yaml", line)], problems
    assert remedy in found[0].remedy
    assert not any(secret in str(problems) for secret in ("sk-0123456789", "sk-9876543210", "pw@"))
    follow_ups = {"server.tls.cert_file", "server.tls.key_file", "server.tls.client_ca_file"}
    assert {problem.path for problem in problems} - follow_ups <= {path}


def test_all_mistakes_are_reported_at_once_in_order_of_lines(mistakes: Mistakes) -> None:
    text = """\
server: {port: 99999, hosst: x}
keys:
  - {name: a b, key: sk-0123456789}
  - {name: ok, key: short}
budgets: {}
providers:
  openai: {key: "${env:GONE}", conections: 5}
  other: {profile: nothing}
models:
  one: {provider: openai, weight: -1, timeouts: {first_byte_s: 20, total_s: 10}}
  two: {provider: missing}
  three: {model: x}
routes:
  fast: {models: [one, four], prompt: gone}
  slow: {}
"""
    assert [(one.line, one.path) for one in mistakes(text)] == [
        (1, "server.hosst"),
        (1, "server.port"),
        (3, "keys[0].name"),
        (4, "keys[1].key"),
        (5, "budgets"),
        (7, "providers.openai.conections"),
        (7, "providers.openai.key"),
        (8, "providers.other.profile"),
        (10, "models.one.timeouts.first_byte_s"),
        (10, "models.one.weight"),
        (11, "models.two.provider"),
        (12, "models.three.provider"),
        (14, "routes.fast.models[1]"),
        (14, "routes.fast.prompt"),
        (15, "routes.slow"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        "providers: {openai: 5}\nmodels: {one: {provider: openai}}\nroutes: {r: {models: [one]}}",
        "providers: {openai: {profile: 5}}\nmodels: {one: {provider: openai}}",
        "providers: {x: {profile: 5}}\nmodels: {one: {provider: x}}",
        "providers: {x: {profile: compatible, base_url: 5}}",
        "providers: {x: {profile: lab, lab: 5}}",
        "providers: {lab: {lab: {models: 5}}}\nmodels: {one: {provider: lab}}",
        "models: {one: 5}\nroutes: {r: {models: [one]}}",
        "providers: {lab: {lab: {models: {one: {}}}}}\nmodels: {one: {provider: lab, tier: 5}}\nroutes: {r: {tiers: [t]}}",
        "routes: {r: {models: 5}}",
        "routes: {r: {models: [5]}}",
        "prompts: {p: 5}\nproviders: {lab: {lab: {models: {m: {}}}}}\nmodels: {m: {provider: lab}}\nroutes: {r: {models: [m], prompt: p}}",
        "keys: [{name: a, key: 5}]\nserver: {host: 0.0.0.0}",
        "keys: [5, {name: a, key: sk-0123456789}]",
        "server: {host: 0.0.0.0, insecure: maybe}",
        "keys: [{name: a, key: sk-0123456789, models: [r]}]\nroutes: {r: 5}",
        "server: {tls: {cert_file: 5, key_file: gone}}",
        "models: {one: {provider: lab, weight: no}}\nproviders: {lab: {lab: {models: {one: {}}}}}\nroutes: {r: {models: [one]}}",
    ],
)
def test_a_mistake_does_not_make_others_up(mistakes: Mistakes, broken: str) -> None:
    assert len(mistakes(broken)) == 1


def test_a_provider_without_its_key_is_off_and_no_mistake(loaded: Load) -> None:
    loaded("providers: {openai: {key: '${env:OPENAI_API_KEY:-}'}}\nmodels: {one: {provider: openai}}")


def test_a_provider_that_is_off_needs_no_address(loaded: Load) -> None:
    loaded("providers: {azure: {key: '${env:AZURE_API_KEY:-}'}}")


def test_deadlines_that_are_not_written_contradict_nothing(loaded: Load) -> None:
    models = loaded(
        "providers: {openai: {key: sk-0123456789}}\nmodels: {one: {provider: openai, timeouts: {total_s: 2}}}"
    ).settings.models
    assert models["one"].timeouts.first_byte_s > models["one"].timeouts.total_s


def test_listening_beyond_loopback_needs_a_key_or_a_word(loaded: Load) -> None:
    loaded("server: {host: 0.0.0.0, insecure: true}")
    loaded("server: {host: 0.0.0.0}\nkeys: [{name: a, key: sk-0123456789}]")


def certificate(at: Path, name: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (at / f"{name}.pem").write_bytes(signed.public_bytes(pem))
    (at / f"{name}.key").write_bytes(key.private_bytes(pem, encoding, serialization.NoEncryption()))
    locked = serialization.BestAvailableEncryption(b"word")
    (at / f"{name}.locked").write_bytes(key.private_bytes(pem, encoding, locked))
    return f"{name}.pem", f"{name}.key"


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("pems")
    certificate(at, "one")
    certificate(at, "two")
    (at / "junk").write_text("junk")
    return at


def test_certificates_that_load_are_taken_relative_to_the_file(loaded: Load, pems: Path) -> None:
    text = "server: {tls: {cert_file: one.pem, key_file: one.key, client_ca_file: two.pem}}"
    tls = loaded(text, at=pems).settings.server.tls
    assert tls is not None
    assert (tls.cert_file, tls.key_file) == (str(pems / "one.pem"), str(pems / "one.key"))
    assert tls.client_ca_file == str(pems / "two.pem")


@pytest.mark.parametrize(
    ("tls", "path", "wrong"),
    [
        ("cert_file: one.pem, key_file: two.key", "cert_file", "key values mismatch"),
        ("cert_file: one.pem, key_file: one.locked", "cert_file", "can't be served"),
        ("cert_file: junk, key_file: one.key", "cert_file", "can't be served"),
        ("cert_file: one.pem, key_file: junk", "cert_file", "can't be served"),
        ("cert_file: one.pem, key_file: gone", "key_file", "No such file"),
        ("cert_file: one.pem, key_file: one.key, client_ca_file: junk", "client_ca_file", "no certificate"),
    ],
)
def test_certificates_that_do_not_load_are_refused(
    mistakes: Mistakes, pems: Path, tls: str, path: str, wrong: str
) -> None:
    problems = mistakes(f"server:\n  tls: {{{tls}}}", at=pems)
    assert [(one.line, one.path) for one in problems] == [(2, f"server.tls.{path}")]
    assert wrong in problems[0].wrong


def test_a_file_of_authorities_must_hold_some(mistakes: Mistakes, loaded: Load, pems: Path) -> None:
    provider = "providers: {openai: {ca_file: %s}}"
    assert "no certificate" in mistakes(provider % "junk", at=pems)[0].wrong
    assert loaded(provider % "one.pem", at=pems).settings.providers["openai"].ca_file == str(pems / "one.pem")
