import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.error import (
    AntiphonError,
    BadRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    OverLimit,
    StoreError,
    TooLarge,
    TooSlow,
    Unavailable,
    UpstreamError,
    UpstreamRefused,
    UpstreamTimeout,
    WrongMediaType,
)
from antiphon.wire.openai_chat import errors


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (BadRequest("no", param="n"), "invalid_request_error", "invalid_request"),
        (NotAuthenticated("no"), "authentication_error", "invalid_api_key"),
        (NotAllowed("no"), "permission_error", "not_allowed"),
        (NotFound("no", code="model_not_found", param="model"), "invalid_request_error", "model_not_found"),
        (TooSlow("no"), "timeout_error", "request_timeout"),
        (TooLarge("no"), "invalid_request_error", "request_too_large"),
        (WrongMediaType("no"), "invalid_request_error", "unsupported_media_type"),
        (OverLimit("no"), "rate_limit_error", "rate_limit_exceeded"),
        (Unavailable("no"), "overloaded_error", "unavailable"),
        (StoreError("no"), "overloaded_error", "store_error"),
        (UpstreamError("no"), "server_error", "upstream_error"),
        (UpstreamTimeout("no"), "timeout_error", "upstream_timeout"),
        (AntiphonError("no"), "server_error", "internal_error"),
        (BadRequest("no", status=418), "invalid_request_error", "invalid_request"),
    ],
)
def test_an_error_has_openais_form(error: AntiphonError, kind: str, code: str) -> None:
    assert json.loads(errors.encode(error)) == {
        "error": {"message": "no", "type": kind, "param": error.param, "code": code}
    }


@given(st.text(), st.none() | st.text())
def test_any_message_can_be_said(message: str, param: str | None) -> None:
    said = json.loads(errors.encode(BadRequest(message, param=param)))["error"]

    assert (said["message"], said["param"]) == (message, param)


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_in_a_stream_an_error_is_one_event(message: str) -> None:
    event = errors.event(BadRequest(message))

    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    assert b"\r" not in event
    assert json.loads(event[6:])["error"]["message"] == message


def refused(body: bytes) -> AntiphonError:
    error = UpstreamRefused("gpt answered 400", status=400, upstream_status=400)
    errors.pass_on(error, body)
    return error


def test_what_an_upstream_says_of_a_refused_request_is_passed_on() -> None:
    error = refused(b'{"error":{"message":"Bad temperature.","type":"x","param":"temperature","code":"bad_value"}}')

    assert json.loads(errors.encode(error))["error"] == {
        "message": "Bad temperature.",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": "bad_value",
    }


def test_receipts_and_metrics_keep_our_own_words() -> None:
    error = refused(b'{"error":{"message":"your prompt: tell no one","code":"bad_value"}}')

    assert (error.said_code, error.noted) == ("upstream_refused", "gpt answered 400")


@pytest.mark.parametrize(("said", "shown"), [("null", "upstream_refused"), ("4", "4"), ('"x"', "x"), ('""', "")])
def test_a_code_of_any_kind_is_a_text(said: str, shown: str) -> None:
    assert refused(f'{{"error":{{"message":"no","code":{said}}}}}'.encode()).shown_code == shown


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"error":null}',
        b'{"error":"no"}',
        b'{"error":{}}',
        b'{"error":{"message":""}}',
        b'{"error":{"message":4}}',
        b'{"error":{"message":"no","param":4}}',
        b'{"error":{"message":"\xff"}}',
        b'{"error":{"message":"no"}',
    ],
)
def test_what_says_nothing_leaves_our_own_words(body: bytes) -> None:
    error = refused(body)

    assert (error.message, error.param, error.shown_code) == ("gpt answered 400", None, "upstream_refused")
