"""The real `openai` SDK raises the exception that it would raise of OpenAI."""

import asyncio
from typing import Any

import openai
import pytest

from antiphon.core.receipt import Receipt
from rig.config import BOB
from rig.gateway import Gateway
from rig.labs import RETRY_S
from rig.sdk import async_client, client, says
from rig.wait import until

pytestmark = pytest.mark.processes


def refused(gateway: Gateway, key: str = "", **request: Any) -> openai.APIStatusError:
    """What a request is refused with; its receipt says the same."""
    one = client(gateway, key or gateway.key)
    with one, pytest.raises(openai.APIStatusError) as caught:
        one.chat.completions.create(**{"model": "chat", "messages": says("Hello!"), **request})
    error = caught.value
    assert isinstance(error.body, dict)
    assert error.body["message"]
    assert {"message", "type", "param", "code"} == error.body.keys()
    return error


def receipt_of(gateway: Gateway, error: openai.APIStatusError, key: str | None = None) -> dict[str, Any]:
    return gateway.receipt(error.response.headers["x-antiphon-receipt"], key=key)


def by_session(gateway: Gateway, session: str) -> Receipt:
    """The receipt of a request that never got to know its id."""

    def found() -> list[Receipt]:
        return [one for one in gateway.stored() if one.lineage.session == session]

    return until(found, f"a receipt of session {session}")[0]


def test_an_unknown_key(gateway: Gateway) -> None:
    error = refused(gateway, "sk-nobody-000")

    assert isinstance(error, openai.AuthenticationError)
    assert (error.code, error.type) == ("invalid_api_key", "authentication_error")
    assert error.response.headers["www-authenticate"].startswith("Bearer")


def test_a_model_that_the_key_may_not_ask_for(gateway: Gateway) -> None:
    error = refused(gateway, BOB)

    assert isinstance(error, openai.PermissionDeniedError)
    assert (error.code, error.param) == ("model_not_allowed", "model")
    receipt = receipt_of(gateway, error, BOB)
    assert (receipt["outcome"], receipt["error"], receipt["verdict"]["allowed"]) == (
        "refused",
        "model_not_allowed",
        False,
    )


def test_a_model_that_is_not_there(gateway: Gateway) -> None:
    error = refused(gateway, model="gpt-none")

    assert isinstance(error, openai.NotFoundError)
    assert (error.code, error.param) == ("model_not_found", "model")
    assert "'gpt-none'" in error.message
    assert receipt_of(gateway, error)["asked"] == "gpt-none"
    with client(gateway) as sdk, pytest.raises(openai.NotFoundError) as caught:
        sdk.models.retrieve("gpt-none")
    assert receipt_of(gateway, caught.value)["principal"]["key"] == "alice"


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"messages": "hello"}, "messages"),
        ({"messages": says("x"), "n": 0}, "n"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"extra_body": {"stream_options": {"include_usage": True}}}, "stream_options"),
        ({"extra_body": {"stream": "yes"}}, "stream"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
    ],
    ids=["messages", "n", "max tokens", "stream options", "stream", "told by the upstream", "a role"],
)
def test_a_bad_field_is_named(gateway: Gateway, request_: dict[str, Any], param: str) -> None:
    error = refused(gateway, **request_)

    assert isinstance(error, openai.BadRequestError)
    assert error.param == param
    assert receipt_of(gateway, error)["status"] == 400


def test_a_context_that_is_too_long_is_told_in_the_upstreams_words(gateway: Gateway) -> None:
    error = refused(gateway, model="small", messages=says("word " * 100))

    assert isinstance(error, openai.BadRequestError)
    assert (error.code, error.param) == ("context_length_exceeded", "messages")
    assert "maximum context length is 50 tokens" in error.message
    assert receipt_of(gateway, error)["error"] == "upstream_refused"


def test_a_model_that_can_not_do_it(gateway: Gateway) -> None:
    error = refused(gateway, model="text-only", response_format={"type": "json_object"})

    assert isinstance(error, openai.BadRequestError)
    assert error.code == "no_capable_model"
    assert receipt_of(gateway, error)["outcome"] == "refused"


def test_a_body_that_is_too_large(gateway: Gateway) -> None:
    error = refused(gateway, messages=says("x" * 4_100_000))

    assert (error.status_code, error.code) == (413, "request_too_large")


def test_a_body_that_is_no_json(gateway: Gateway) -> None:
    error = refused(gateway, extra_headers={"content-type": "text/plain"})

    assert (error.status_code, error.code) == (415, "unsupported_media_type")
    assert receipt_of(gateway, error)["principal"]["key"] == "alice"


def test_a_rate_limit_says_when_to_come_back(gateway: Gateway) -> None:
    error = refused(gateway, model="fault-rate_limited")

    assert isinstance(error, openai.RateLimitError)
    assert error.code == "upstream_rate_limited"
    assert error.response.headers["retry-after"] == f"{RETRY_S:.0f}"


def test_upstreams_that_fail(gateway: Gateway) -> None:
    said = {model: refused(gateway, model=model) for model in ("fault-error_500", "fault-hang", "nowhere")}

    assert all(isinstance(error, openai.InternalServerError) for error in said.values())
    assert {model: (error.status_code, error.code) for model, error in said.items()} == {
        "fault-error_500": (502, "upstream_error"),
        "fault-hang": (504, "upstream_timeout"),
        "nowhere": (502, "upstream_unreachable"),
    }


def test_a_stream_that_breaks_raises_amid_it(gateway: Gateway) -> None:
    with client(gateway) as sdk:
        stream = sdk.chat.completions.create(model="fault-cut", messages=says("Hello!"), stream=True)
        chunks = []
        with pytest.raises(openai.APIError) as caught:
            chunks.extend(stream)

    assert caught.value.code == "upstream_broken"
    receipt = gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["error"], receipt["status"]) == ("failed", "upstream_broken", 200)


def test_more_than_a_deployments_concurrency_where_none_may_wait(gateway: Gateway) -> None:
    async def both() -> openai.RateLimitError:
        async with async_client(gateway) as sdk:
            first = asyncio.ensure_future(sdk.chat.completions.create(model="single", messages=says("first")))
            running = 'deployment="single"'
            await asyncio.to_thread(
                until, lambda: gateway.metric("antiphon_attempts_in_flight", running), "the first runs"
            )
            try:
                with pytest.raises(openai.RateLimitError) as caught:
                    await sdk.chat.completions.create(model="single", messages=says("second"))
            finally:
                first.cancel()
                await asyncio.gather(first, return_exceptions=True)
            return caught.value

    error = asyncio.run(both())

    assert error.code == "rate_limit_exceeded"
    assert error.response.headers["retry-after"] == "1"
    receipt = receipt_of(gateway, error)
    assert (receipt["outcome"], receipt.get("attempts", [])) == ("refused", [])


def test_a_client_that_times_out_has_gone(gateway: Gateway) -> None:
    patience = openai.Timeout(60, read=2)  # enough for the gateway to have asked its upstream
    untold = {"x-stainless-read-timeout": "60"}  # the gateway would give up at the same moment
    with client(gateway, timeout=patience) as sdk, pytest.raises(openai.APITimeoutError):
        sdk.chat.completions.create(
            model="slow", messages=says("Hello!"), extra_headers={"x-antiphon-session": "timed-out", **untold}
        )

    receipt = by_session(gateway, "timed-out")
    assert (receipt.outcome, receipt.status, receipt.error) == ("client_gone", 0, "")
    assert receipt.attempts[0].usage is None


async def test_a_client_that_cancels_has_gone(gateway: Gateway) -> None:
    async with async_client(gateway) as sdk:
        task = asyncio.ensure_future(
            sdk.chat.completions.create(
                model="slow",
                messages=says("Hello!"),
                stream=True,
                extra_headers={"x-antiphon-session": "cancelled"},
            )
        )
        while not gateway.metric("antiphon_attempts_in_flight", 'deployment="slow"'):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert by_session(gateway, "cancelled").outcome == "client_gone"
