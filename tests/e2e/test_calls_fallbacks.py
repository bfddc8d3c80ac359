"""Fallbacks by what went wrong, and what a caller is told when nobody is left."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from rig.config import ALICE
from rig.fleet import Json, asked, fleet, said, told
from rig.gateway import Gateway
from rig.loop import LoopThread
from rig.scripts import answers, by_model, fails
from rig.sdk import async_client, client, says
from rig.upstream import Script, Upstream, upstream
from rig.wait import until

pytestmark = pytest.mark.processes

TOO_LONG = fails(b"400 Bad Request", "the maximum context length is 50 tokens", code="context_length_exceeded")
FLAGGED = fails(b"400 Bad Request", "the content is not allowed", code="content_policy_violation")
BAD = fails(b"400 Bad Request", "n is wrong", code="bad_n", param="n")
SCRIPTS: dict[str, Script] = {
    "small": TOO_LONG,
    "strict": FLAGGED,
    "broken": fails(b"500 Internal Server Error"),
    "picky": BAD,
    "busy": fails(b"429 Too Many Requests", more=b"retry-after: 90\r\n"),
    "busier": fails(b"503 Service Unavailable", more=b"retry-after: 40\r\n"),
    "broke": fails(b"402 Payment Required"),
    "long": answers("with a long context"),
    "lenient": answers("with another policy"),
    "spare": answers("with whatever there is"),
    "too": TOO_LONG,
}
FALLBACKS = {"context_window": ["long"], "content_policy": ["lenient"], "any": ["spare"]}
ROUTES: dict[str, Json] = {
    "to-small": {"models": ["small"], "fallbacks": FALLBACKS},
    "to-strict": {"models": ["strict"], "fallbacks": FALLBACKS},
    "to-broken": {"models": ["broken"], "fallbacks": FALLBACKS},
    "to-picky": {"models": ["picky"], "fallbacks": FALLBACKS},
    "to-small-alone": {"models": ["small"], "fallbacks": {"any": ["spare"], "content_policy": ["lenient"]}},
    "to-broken-then-small": {"models": ["broken"], "fallbacks": {"any": ["too"]}, "attempts": 2},
    "to-all-bad": {"models": ["broken", "broke", "busy", "busier"], "attempts": 8},
    "to-broke": {"models": ["broke"]},
    "respond": {"models": ["broken"], "attempts": 2, "last_resort": {"respond": "We are sorry; come back later."}},
    "hand-off": {"models": ["broken"], "attempts": 2, "last_resort": {"hand_off": "support-desk"}},
    "both": {"models": ["broken"], "attempts": 1, "last_resort": {"respond": "Sorry.", "hand_off": "support-desk"}},
    "theirs": {"models": ["picky"], "last_resort": {"respond": "Sorry.", "hand_off": "support-desk"}},
}


@dataclass
class House:
    gateway: Gateway
    up: Upstream


@pytest.fixture(scope="module")
def house(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    context = upstream()
    up = servers.enter(context)
    up.script = by_model(**SCRIPTS)
    deployments: dict[str, Json] = {name: {"priority": 0} for name in SCRIPTS}
    one = Gateway(
        tmp_path_factory.mktemp("fallbacks"),
        fleet(up.url, deployments, ROUTES, breaker={"consecutive_failures": 1000, "min_volume": 1000}),
        key=ALICE,
    )
    try:
        yield House(one.start(), up)
    finally:
        one.close()
        servers.leave(context)


def ask(model: str, **more: Any) -> Json:
    return {"model": model, "messages": says("Hi"), **more}


@pytest.mark.parametrize(
    ("route", "text", "attempts"),
    [
        ("to-small", "with a long context", [("small", "", "context_window"), ("long", "", "")]),
        ("to-strict", "with another policy", [("strict", "", "content_policy"), ("lenient", "", "")]),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_the_request_is_to_blame_for_goes_to_its_own_fallback_alone(
    house: House, route: str, text: str, attempts: list[tuple[str, str, str]], stream: bool
) -> None:
    before = len(house.up.seen)
    with client(house.gateway) as sdk:
        if stream:
            chunks = list(sdk.chat.completions.create(**ask(route), stream=True))
            content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        else:
            content = sdk.chat.completions.create(**ask(route)).choices[0].message.content or ""

    assert content == text
    assert asked(house.up)[before:] == [name for name, _, _ in attempts]


def test_the_receipt_names_the_fallback_and_why_it_was_asked(house: House) -> None:
    receipt = house.gateway.receipt(house.gateway.chat(ask("to-small")))

    assert told(receipt) == [
        ("small", "", "context_window"),
        ("long", "fallback:context_window: context_window", ""),
    ]
    assert [one["on"] for one in receipt["plan"]["steps"][0]["fallbacks"]] == [
        "any",
        "context_window",
        "content_policy",
    ]
    counted = "antiphon_fallbacks_total", 'route="to-small"', 'on="context_window"'
    until(lambda: house.gateway.metric(*counted) >= 1, "it is counted")


def test_without_its_fallback_a_context_that_is_too_long_is_told_as_it_was_said(house: House) -> None:
    before = len(house.up.seen)
    with client(house.gateway) as sdk, pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**ask("to-small-alone"))

    assert caught.value.code == "context_length_exceeded"
    assert asked(house.up)[before:] == ["small"]
    receipt = house.gateway.receipt(caught.value.response.headers["x-antiphon-receipt"])
    assert receipt["stopped"] == "nobody is left who could be asked"


def test_a_request_that_is_wrong_is_tried_nowhere_else(house: House) -> None:
    before = len(house.up.seen)
    with client(house.gateway) as sdk, pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(**ask("to-picky"))

    assert (caught.value.code, caught.value.param) == ("bad_n", "n")
    assert asked(house.up)[before:] == ["picky"]
    receipt = house.gateway.receipt(caught.value.response.headers["x-antiphon-receipt"])
    assert receipt["stopped"] == "refused is not tried again"


def test_anything_else_goes_to_the_fallback_for_any(house: House) -> None:
    receipt = house.gateway.receipt(answer := house.gateway.chat(ask("to-broken")))

    assert said(answer) == "with whatever there is"
    assert told(receipt)[-1][:2] == ("spare", "fallback:any: server_error")
    assert told(receipt)[:-1] == [
        ("broken", "", "server_error"),
        ("broken", "same_key: server_error", "server_error"),
    ]


def test_when_all_is_exhausted_the_most_telling_error_comes_with_the_soonest_time(house: House) -> None:
    with client(house.gateway) as sdk, pytest.raises(openai.RateLimitError) as caught:
        sdk.chat.completions.create(**ask("to-all-bad"))

    assert caught.value.code == "upstream_rate_limited"
    assert 20 < int(caught.value.response.headers["retry-after"]) <= 40
    receipt = house.gateway.receipt(caught.value.response.headers["x-antiphon-receipt"])
    assert {name for name, _, _ in told(receipt)} == {"broken", "broke", "busy", "busier"}
    assert len(receipt["attempts"]) <= 8
    assert f"({len(receipt['attempts'])} attempts were made)" in caught.value.message
    assert receipt["stopped"]


def test_the_sdk_does_not_retry_what_was_retried_here(house: House) -> None:
    before = len(house.up.seen)
    with client(house.gateway) as sdk, pytest.raises(openai.InternalServerError) as caught:
        sdk.with_options(max_retries=3).chat.completions.create(**ask("hand-off"))

    assert asked(house.up)[before:] == ["broken", "broken"]
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_what_a_fallback_thinks_of_the_request_does_not_hide_what_went_wrong(house: House) -> None:
    answer = house.gateway.chat(ask("to-broken-then-small"))

    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    assert answer.headers["x-antiphon-attempts"] == "2"


def test_the_operators_own_text_is_told_apart_from_an_answer(house: House) -> None:
    with client(house.gateway) as sdk:
        raw = sdk.chat.completions.with_raw_response.create(**ask("respond"))
    answer = raw.parse()

    assert answer.choices[0].message.content == "We are sorry; come back later."
    assert (answer.model, answer.usage) == ("antiphon/last-resort", None)
    assert raw.headers["x-antiphon-last-resort"] == "respond"
    assert "x-antiphon-deployment" not in raw.headers
    receipt = house.gateway.receipt(raw.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["status"], receipt["error"]) == ("failed", 200, "upstream_error")
    assert "served" not in receipt
    assert len(receipt["attempts"]) == 2


async def test_it_is_streamed_where_a_stream_was_asked_for(house: House) -> None:
    async with async_client(house.gateway) as sdk:
        stream = await sdk.chat.completions.create(**ask("respond"), stream=True)
        chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "We are sorry; come back later."
    assert {chunk.model for chunk in chunks} == {"antiphon/last-resort"}
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert stream.response.headers["x-antiphon-last-resort"] == "respond"


def test_a_hand_off_is_named_in_the_answer_the_receipt_and_the_log(house: House) -> None:
    answer = house.gateway.chat(ask("hand-off"))

    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    assert answer.headers["x-antiphon-hand-off"] == "support-desk"
    assert house.gateway.receipt(answer)["handed_off"] == "support-desk"
    (event,) = [one for one in house.gateway.events("request.handed_off") if one["receipt"] == answer.receipt_id]
    assert (event["to"], event["error"], event["tenant"]) == ("support-desk", "upstream_error", "acme")


def test_a_text_and_a_hand_off_go_together(house: House) -> None:
    answer = house.gateway.chat(ask("both"))

    assert said(answer) == "Sorry."
    assert answer.headers["x-antiphon-hand-off"] == "support-desk"
    assert answer.headers["x-antiphon-last-resort"] == "respond"


def test_what_the_caller_has_to_mend_is_no_case_for_the_last_resort(house: House) -> None:
    answer = house.gateway.chat(ask("theirs"))

    assert (answer.status, answer.error["code"]) == (400, "bad_n")
    assert "x-antiphon-hand-off" not in answer.headers
    assert "handed_off" not in house.gateway.receipt(answer)
