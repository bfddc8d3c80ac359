import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.error import (
    UpstreamAuth,
    UpstreamError,
    UpstreamLimited,
    UpstreamOverloaded,
    UpstreamQuota,
    UpstreamRefused,
    UpstreamTimeout,
)
from antiphon.core.request import Dialect
from antiphon.providers.failure import MAX_RETRY_AFTER_S, failure, retry_after
from antiphon.wire.codecs import CODECS, UPSTREAMS

CHAT = CODECS["openai_chat"]

QUOTA = [
    b'{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}',
    b'{"error":{"code":"billing_hard_limit_reached"}}',
    b'{"error":{"message":"Your Credit Balance is too low"}}',
    b'{"error":{"type":"insufficient_balance"}}',
    b"You are OUT OF CREDITS",
]
GOOGLE = b"""{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota","details":[
{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"%b"}]},
{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"d","url":"u"}]},
{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"""
A_MINUTE, A_DAY = b"GenerateRequestsPerMinutePerProjectPerModel", b"GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PLAIN = b'{"error":{"message":"no"}}'
TABLE: list[tuple[int, type[UpstreamError], int]] = [
    (400, UpstreamRefused, 400),
    (401, UpstreamAuth, 502),
    (402, UpstreamQuota, 429),
    (403, UpstreamAuth, 502),
    (404, UpstreamRefused, 404),
    (405, UpstreamRefused, 405),
    (408, UpstreamTimeout, 504),
    (409, UpstreamRefused, 409),
    (413, UpstreamRefused, 413),
    (415, UpstreamRefused, 415),
    (418, UpstreamError, 502),
    (422, UpstreamRefused, 422),
    (429, UpstreamLimited, 429),
    (500, UpstreamError, 502),
    (501, UpstreamError, 502),
    (502, UpstreamError, 502),
    (503, UpstreamOverloaded, 503),
    (504, UpstreamTimeout, 504),
    (529, UpstreamOverloaded, 503),
    (201, UpstreamError, 502),
    (204, UpstreamError, 502),
    (302, UpstreamError, 502),
]


@pytest.mark.parametrize(("status", "kind", "told"), TABLE)
@pytest.mark.parametrize("body", [b"", PLAIN, b"<html>", b"\xff\xfe"])
def test_a_status_means_one_kind_of_failure(status: int, kind: type[UpstreamError], told: int, body: bytes) -> None:
    error = failure(status, {}, body, "small", CHAT)

    assert type(error) is kind
    assert (error.said_status, error.upstream_status, error.body) == (told, status, body)
    assert error.said_code == kind.code
    assert error.retry_after_s is None


@pytest.mark.parametrize("body", QUOTA)
@pytest.mark.parametrize("status", [400, 403, 429, 402])
def test_a_quota_is_known_by_its_words_whatever_the_status(status: int, body: bytes) -> None:
    assert type(failure(status, {}, body, "small", CHAT)) is UpstreamQuota


@pytest.mark.parametrize("body", QUOTA)
@pytest.mark.parametrize(("status", "kind"), [(500, UpstreamError), (404, UpstreamRefused), (503, UpstreamOverloaded)])
def test_other_statuses_say_enough(status: int, kind: type[UpstreamError], body: bytes) -> None:
    assert type(failure(status, {}, body, "small", CHAT)) is kind


@given(st.integers(100, 999), st.binary(max_size=60))
def test_any_answer_is_some_failure_that_names_the_deployment(status: int, body: bytes) -> None:
    error = failure(status, {}, body, "small", CHAT)

    assert 400 <= error.said_status < 600
    assert error.noted.startswith("small ")
    assert str(status) in error.noted


@pytest.mark.parametrize(("status", "kind", "_told"), TABLE)
def test_what_an_upstream_quotes_stays_out_of_receipts(status: int, kind: type[UpstreamError], _told: int) -> None:
    error = failure(status, {}, b'{"error":{"message":"your prompt was: tell no one"}}', "small", CHAT)

    assert "tell no one" not in error.noted
    assert ("tell no one" in error.message) == (kind in (UpstreamRefused, UpstreamError))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"7"}, 7),
        ({b"retry-after": b" 7 "}, 7),
        ({b"retry-after": b"0"}, 0),
        ({b"retry-after": b"1.5"}, 1.5),
        ({b"retry-after-ms": b"250"}, 0.25),
        ({b"retry-after-ms": b"250", b"retry-after": b"7"}, 0.25),
        ({b"retry-after-ms": b"-5"}, 0),
        ({b"retry-after": b"Thu, 01 Jan 1970 00:01:40 GMT"}, 40),
        ({b"retry-after": b"Thu, 01 Jan 1970 00:00:10 GMT"}, 0),
        ({b"retry-after": b"Fri, 31 Dec 9999 23:59:59 GMT"}, MAX_RETRY_AFTER_S),
        ({b"retry-after": b"9" * 400}, MAX_RETRY_AFTER_S),
        ({b"retry-after-ms": b"inf"}, MAX_RETRY_AFTER_S),
        ({b"retry-after-ms": b"nan"}, None),
        ({b"retry-after-ms": b"soon"}, None),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after": b""}, None),
        ({b"retry-after": b"-5"}, None),
        ({b"retry-after": b"\xff"}, None),
        ({b"retry-after": b"1.2.3"}, None),
        ({b"retry-after": b"Mon, 99 Foo 2026 00:00:00 GMT"}, None),
    ],
)
def test_when_to_come_back_is_read_in_every_form(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after(headers, now_s=60) == seconds


@given(
    st.sampled_from([b"retry-after", b"retry-after-ms"]),
    st.binary(max_size=20) | st.floats().map(lambda number: str(number).encode()),
)
def test_whatever_an_upstream_says_is_a_time_or_nothing(name: bytes, value: bytes) -> None:
    seconds = retry_after({name: value}, now_s=60)

    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S


def test_a_failure_carries_when_to_come_back() -> None:
    date = formatdate(time.time() + 3600, usegmt=True).encode()

    assert failure(429, {b"retry-after": b"7"}, b"", "small", CHAT).retry_after_s == 7
    later = failure(503, {b"retry-after": date}, b"", "small", CHAT).retry_after_s
    assert later is not None
    assert 3500 < later <= 3600


@pytest.mark.parametrize(
    ("status", "exception", "kind"),
    [
        (429, "ThrottlingException", UpstreamLimited),
        (400, "ServiceQuotaExceededException", UpstreamQuota),
        (402, "ServiceQuotaExceededException", UpstreamQuota),
        (408, "ModelTimeoutException", UpstreamTimeout),
        (424, "ModelErrorException", UpstreamError),
        (429, "ModelNotReadyException", UpstreamOverloaded),
        (403, "AccessDeniedException", UpstreamAuth),
        (403, "UnrecognizedClientException", UpstreamAuth),
        (503, "ServiceUnavailableException", UpstreamOverloaded),
        (500, "InternalServerException", UpstreamError),
        (404, "ResourceNotFoundException", UpstreamRefused),
        (400, "ValidationException", UpstreamRefused),
        (400, "SomeNewException", UpstreamRefused),
    ],
)
@pytest.mark.parametrize("where", ["", ":http://internal.amazon.com/coral/com.amazon.bedrock/"])
def test_what_bedrock_names_counts_before_its_status(
    status: int, exception: str, kind: type[UpstreamError], where: str
) -> None:
    headers = {b"x-amzn-errortype": f"{exception}{where}".encode()}

    error = failure(status, headers, b'{"message":"no"}', "small", UPSTREAMS["bedrock_converse"])

    assert (type(error), error.upstream_status) == (kind, status)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', UpstreamOverloaded),
        (500, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', UpstreamOverloaded),
        (429, b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}', UpstreamLimited),
        (400, b'{"type":"error","error":{"type":"billing_error","message":"pay"}}', UpstreamQuota),
        (400, b'{"error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}', UpstreamQuota),
        (400, b'{"error":{"message":"you wrote {\\"type\\":\\"overloaded_error\\"}"}}', UpstreamRefused),
        (498, b'{"error":{"message":"full","code":"capacity_exceeded"}}', UpstreamOverloaded),
        (429, b'{"message":"You are using a Trial key, which is limited to 1000 API calls / month"}', UpstreamQuota),
        (429, b'{"message":"You are using a Trial key, which is limited to 20 API calls / minute."}', UpstreamLimited),
    ],
)
def test_what_an_upstream_calls_its_error_counts_before_its_status(
    status: int, body: bytes, kind: type[UpstreamError]
) -> None:
    assert type(failure(status, {}, body, "small", CHAT)) is kind


@pytest.mark.parametrize("upstream", ["cohere_chat", "cohere_embeddings", "cohere_rerank"])
def test_what_cohere_blocks_is_refused_under_a_code_that_clients_know(upstream: Dialect) -> None:
    error = failure(498, {}, b'{"message":"blocked"}', "small", UPSTREAMS[upstream])

    assert (type(error), error.said_status, error.shown_code) == (UpstreamRefused, 400, "content_policy_violation")
    assert type(failure(498, {}, b'{"message":"blocked"}', "small", CHAT)) is UpstreamError


@pytest.mark.parametrize(
    ("body", "headers", "kind", "back_s"),
    [
        (GOOGLE % A_MINUTE, {}, UpstreamLimited, 34.5),
        (b"[%b]" % (GOOGLE % A_MINUTE), {}, UpstreamLimited, 34.5),
        (GOOGLE % A_MINUTE, {b"retry-after": b"7"}, UpstreamLimited, 7.0),
        (GOOGLE % A_DAY, {}, UpstreamQuota, None),
        (GOOGLE % A_DAY, {b"retry-after": b"7"}, UpstreamQuota, 7.0),
        ((GOOGLE % A_MINUTE).replace(b"34.5s", b"1e400s"), {}, UpstreamLimited, None),
        ((GOOGLE % A_MINUTE).replace(b"34.5s", b"999999999s"), {}, UpstreamLimited, MAX_RETRY_AFTER_S),
        ((GOOGLE % A_MINUTE)[:-9], {}, UpstreamLimited, None),
        (b'{"error":{"details":"google.rpc."}}', {}, UpstreamLimited, None),
    ],
)
def test_google_says_in_details_which_quota_is_spent_and_when_to_come_back(
    body: bytes, headers: dict[bytes, bytes], kind: type[UpstreamError], back_s: float | None
) -> None:
    error = failure(429, headers, body, "small", CODECS["gemini"])

    assert (type(error), error.retry_after_s) == (kind, back_s)


def test_a_server_of_google_that_is_full_says_when_to_come_back_too() -> None:
    assert failure(503, {}, GOOGLE % A_DAY, "small", CODECS["gemini"]).retry_after_s is None
    assert failure(503, {}, GOOGLE % A_MINUTE, "small", CODECS["gemini"]).retry_after_s == 34.5


def test_a_key_that_gemini_answers_400_to_is_a_refused_credential() -> None:
    reason = b'{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}'
    body = b'{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT","details":[%b]}}' % reason

    assert type(failure(400, {}, body, "small", CODECS["gemini"])) is UpstreamAuth
