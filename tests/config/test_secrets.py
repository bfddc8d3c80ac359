"""No secret is ever printed: not in messages, not in what is shown or compared, not by repr."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.config.diff import diff
from antiphon.config.load import Loaded, load_text
from antiphon.config.show import show, shown
from antiphon.core.error import ConfigError

Load = Callable[..., Loaded]

MARK = "s3cr3t"
TEXT = f"""\
keys:
  - {{name: inline, key: {MARK}-inline}}
  - {{name: env, key: "${{env:KEY}}"}}
  - {{name: file, key: "${{file:key}}"}}
providers:
  openai:
    key: "${{env:KEY}}-2"
    headers: {{X-Token: {MARK}-header, X-Other: "Bearer ${{env:KEY}}"}}
    query: {{token: {MARK}-query}}
    proxy: http://user:{MARK}-proxy@proxy:3128
  groq:
    keys: [{{key: {MARK}-first}}, {{key: "${{env:KEY}}-2nd", name: second}}]
telemetry:
  otlp: {{endpoint: "http://user:{MARK}-otlp@collector/v1", headers: {{authorization: {MARK}-otlp-header}}}}
"""


@pytest.fixture
def one(tmp_path: Path, loaded: Load) -> Loaded:
    (tmp_path / "key").write_text(f"{MARK}-file\n")
    return loaded(TEXT, {"KEY": f"{MARK}-env"}, at=tmp_path)


def test_the_secrets_are_read(one: Loaded) -> None:
    assert [key.key.reveal() for key in one.settings.keys] == [f"{MARK}-inline", f"{MARK}-env", f"{MARK}-file"]
    provider = one.settings.providers["openai"]
    assert provider.key is not None
    assert provider.key.reveal() == f"{MARK}-env-2"
    assert provider.headers["X-Other"].reveal() == f"Bearer {MARK}-env"


def test_what_is_shown_has_stars_in_their_place(one: Loaded) -> None:
    assert MARK not in show(one)
    assert MARK not in json.dumps(shown(one))
    assert show(one).count("***") == 12


def test_what_is_compared_has_digests_in_their_place(one: Loaded, loaded: Load) -> None:
    changes = diff(loaded("").settings, one.settings)
    assert MARK not in repr(changes)
    assert len([change for change in changes if str(change.new).startswith("secret ")]) == 10


def test_neither_a_configuration_nor_its_keys_are_printed(one: Loaded) -> None:
    assert MARK not in repr(one)
    assert MARK not in str(one)
    assert MARK not in f"{one!r} {one.settings.keys!r} {one.settings.providers['openai'].key!r}"


def test_a_configuration_with_secrets_is_not_pickled(one: Loaded) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(one.settings)


def test_the_revision_says_nothing_of_them(one: Loaded) -> None:
    assert MARK not in repr(one.revision)


MISTAKES = [
    "keys: [{name: a, key: [s3cr3t-x]}]",
    "keys: [{name: a, key: {x: s3cr3t-x}}]",
    "keys: [{name: a, key: s3cr3t}]",
    "keys: [{name: a, key: s3cr3t-ä-long}]",
    "keys: [{name: a, key: 's3cr3t long'}]",
    "keys: [{name: a, key: s3cr3t-long}, {name: b, key: s3cr3t-long}]",
    "keys: [{name: a, kye: s3cr3t-long}]",
    "keys: s3cr3t-x",
    "keys: [s3cr3t-x]",
    "providers: {openai: s3cr3t-x}",
    "providers: {openai: {headers: s3cr3t}}",
    "providers: {openai: {headers: [s3cr3t]}}",
    "providers: {openai: {headers: {a: [s3cr3t]}}}",
    'providers: {openai: {headers: {a: "s3cr3t\\n"}}}',
    "providers: {openai: {headers: {host: s3cr3t}}}",
    "providers: {openai: {base_url: 'https://u:s3cr3t@h/v1'}}",
    "providers: {openai: {base_url: 'ftp://u:s3cr3t@h/v1'}}",
    "providers: {openai: {proxy: 'https://u:s3cr3t@h'}}",
    "providers: {openai: {proxy: 'http://u:s3cr3t@h:x'}}",
    "providers: {openai: {keys: [s3cr3t-x]}}",
    "providers: {openai: {keys: [{key: [s3cr3t-x]}]}}",
    "providers: {openai: {keys: [{key: 's3cr3t x'}]}}",
    "providers: {openai: {keys: [{key: s3cr3t-x, name: s3cr3t}]}}",
    "providers: {openai: {keys: [{key: s3cr3t-x, name: s3cr3t}, {key: s3cr3t-x, name: b}]}}",
    "providers: {openai: {key: s3cr3t-y, keys: [{key: s3cr3t-x}]}}",
    "providers: {openai: {key: ${s3cr3t}}}",
    "providers: {openai: {key: '${s3cr3t}'}}",
    "providers: {openai: {key: *s3cr3t}}",
    "providers: {openai: {key: !s3cr3t x}}",
    "providers: {openai: {key: &s3cr3t, key: 5}}",
    "providers: {openai: {key: 's3cr3t}}",
    "providers:\n  openai:\n    key: s3cr3t: x",
    "server: {port: '${env:KEY}'}",
    "server: {limits: {max_pipelined: 'x${env:KEY}'}}",
    "telemetry: {log_level: '${env:KEY}'}",
    "telemetry: {otlp: {endpoint: 'http://u:s3cr3t@h:x'}}",
    "models: {a: {provider: b, weight: '${env:KEY}'}}",
]


@pytest.mark.parametrize("text", MISTAKES)
def test_no_mistake_repeats_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "f", Path("/nowhere"), {"KEY": MARK})
    assert MARK not in str(caught.value)
    assert MARK not in repr(caught.value.problems)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8))
@settings(deadline=None)
def test_no_key_of_any_signs_is_shown(loaded: Load, secret: str) -> None:
    key = f"{MARK}{secret}"
    one = loaded("keys: [{name: a, key: '${env:KEY}'}]", {"KEY": key})
    assert one.settings.keys[0].key.reveal() == key
    assert MARK not in show(one) + repr(one.settings.keys) + repr(diff(loaded("").settings, one.settings))
