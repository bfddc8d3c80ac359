"""What `antiphon serve` tells a person."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from antiphon.app.supervisor import Ready
from antiphon.cli.greeting import greeting
from antiphon.config.load import load
from antiphon.config.settings import Settings
from antiphon.server.settings import ServerSettings, Tls
from rig.certs import Authority

MODELS = "providers: {lab: {lab: {models: {one: {}}}}, openai: {}}\n"
ONE = (
    MODELS
    + "models: {far: {provider: openai}, hidden: {provider: lab, model: one, listed: false}, one: {provider: lab}}\n"
)


@pytest.fixture
def settings(tmp_path):
    """Write a configuration; gives its settings."""

    def write(text: str) -> Settings:
        file = tmp_path / "antiphon.yaml"
        file.write_text(text)
        return load(file, {}).settings

    return write


def told(settings: Settings, host: str = "127.0.0.1") -> str:
    return greeting(settings, Ready(host=host, port=8080, revision="abc"), "antiphon receipt show --last")


def served(settings: Settings, cert_file: Path) -> str:
    tls = Tls(cert_file=str(cert_file), key_file="key.pem")
    return told(replace(settings, server=ServerSettings(tls=tls)))


def test_a_call_is_offered_of_a_model_that_can_be_asked_for(settings):
    said = told(settings(ONE))
    assert said.startswith("Antiphon listens on http://127.0.0.1:8080 (revision abc, 1 worker(s)).\n")
    assert '"model": "one"' in said
    assert said.endswith("Its receipt: antiphon receipt show --last")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the configuration has no models"),
        (MODELS + "models: {far: {provider: openai}}\n", "each model is unlisted, or its provider is off"),
        (MODELS + "models: {one: {provider: lab, listed: false}}\n", "each model is unlisted, or its provider is off"),
    ],
)
def test_where_no_model_can_be_asked_for_none_is_offered(settings, text, why):
    said = told(settings(text))
    assert f"warning: nothing can be asked for: {why}; " in said
    assert "curl" not in said


@pytest.mark.parametrize(
    ("host", "listens", "call"),
    [("0.0.0.0", "http://0.0.0.0:8080", "http://127.0.0.1:8080"), ("::", "http://[::]:8080", "http://[::1]:8080")],
)
def test_a_listener_on_every_address_says_so_and_is_called_on_loopback(settings, host, listens, call):
    said = told(settings(ONE), host)
    assert said.startswith(f"Antiphon listens on {listens} (revision abc, 1 worker(s), every address of this machine).")
    assert f"curl {call}/v1/chat/completions " in said


def test_a_certificate_that_signed_itself_is_named_for_curl_and_an_authority_s_is_not(settings, tmp_path):
    authority = Authority("house", tmp_path)
    issued, _, _ = authority.issue("gateway")
    calls = [served(settings(ONE), file) for file in (authority.file, issued, tmp_path / "gone.pem")]
    assert f"curl --cacert {authority.file} https://127.0.0.1:8080/v1/" in calls[0]
    assert all("curl https://127.0.0.1:8080/v1/" in call for call in calls[1:])
