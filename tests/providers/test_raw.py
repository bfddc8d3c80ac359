import pytest

from antiphon.core.deployment import Timeouts
from antiphon.core.secret import Secret
from antiphon.providers.profiles import PROFILES
from antiphon.providers.raw import Asking, Raw, outbound, raw
from antiphon.providers.settings import PassthroughSettings, ProviderSettings
from antiphon.providers.target import Account


def made(profile: str = "openai", allow: list[str] | None = None, **account: object) -> Raw:
    told = {"name": "up", "base_url": "https://up.test/v1", "keys": (Secret("sk-ours"),), **account}
    passes = PassthroughSettings(enabled=True, allow=allow or [])
    return raw(Account(profile=PROFILES[profile], **told), ProviderSettings(passthrough=passes), [], {}, 60.0)


def head(one: Raw, **asking: object) -> list[str]:
    asked = Asking(**{"method": "GET", "path": "/models", **asking})
    return outbound(one, asked, 0, Timeouts()).head.decode("latin-1").split("\r\n")


def test_a_request_goes_out_with_our_credential_alone() -> None:
    lines = head(made(), query="key=sk-callers&a=1&api-key=x", lines=b"x-more: 1\r\n")
    assert lines[:2] == ["GET /v1/models?a=1 HTTP/1.1", "Host: up.test"]
    assert "authorization: Bearer sk-ours" in lines
    assert not [one for one in lines if "sk-callers" in one]
    assert lines[-2:] == ["x-more: 1", ""]


def test_what_the_operator_says_goes_before_what_the_caller_says() -> None:
    one = made("azure", headers={"x-team": "ours"}, query={"api-version": "2026-01-01"})
    lines = head(one, query="api-version=2020&b=2")
    assert lines[0] == "GET /v1/models?b=2&api-version=2026-01-01 HTTP/1.1"
    assert "x-team: ours" in lines
    assert "api-key: sk-ours" in lines


def test_a_version_that_the_caller_says_replaces_the_profiles() -> None:
    lines = head(made("anthropic"), lines=b"anthropic-version: 2099-01-01\r\n")
    assert [one for one in lines if one.lower().startswith("anthropic-version")] == ["anthropic-version: 2099-01-01"]


def test_a_path_is_encoded_again() -> None:
    assert head(made(), path="/models/a b é%")[0] == "GET /v1/models/a%20b%20%C3%A9%25 HTTP/1.1"


@pytest.mark.parametrize(
    ("entry", "yes", "no"),
    [
        ("GET /models", ["GET /models"], ["POST /models", "GET /models/x", "GET /v1/models"]),
        ("* /files/*", ["GET /files/a", "DELETE /files/b"], ["GET /files", "GET /files/a/content"]),
        ("GET /files/**", ["GET /files/a", "GET /files/a/content"], ["GET /file", "POST /files/a"]),
        ("POST /models/*:generateContent", ["POST /models/g:generateContent"], ["POST /models/g:x"]),
        ("GET /a.b", ["GET /a.b"], ["GET /axb"]),
    ],
)
def test_what_may_be_asked_for_is_listed(entry: str, yes: list[str], no: list[str]) -> None:
    one = made(allow=[entry])
    assert all(one.allows(*asked.split(" ", 1)) for asked in yes)
    assert not any(one.allows(*asked.split(" ", 1)) for asked in no)


def test_nothing_is_listed_by_default() -> None:
    assert not made().allows("GET", "/models")


@pytest.mark.parametrize(
    ("profile", "path", "dialect", "model"),
    [
        ("openai", "/chat/completions", "openai_chat", ""),
        ("openai", "/responses", "openai_responses", ""),
        ("anthropic", "/messages", "anthropic_messages", ""),
        ("gemini", "/models/gemini-3:streamGenerateContent", "gemini", "gemini-3"),
        ("openai", "/fine_tuning/jobs", None, ""),
    ],
)
def test_answers_of_known_paths_are_metered(profile: str, path: str, dialect: str | None, model: str) -> None:
    meter, named = made(profile).meter(path)
    assert ((meter.dialect if meter else None), named) == (dialect, model)
