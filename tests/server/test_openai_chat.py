import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from fakes.exchange import Asked
from fakes.house import DONE, chunk, completion, deployed, events_of
from fakes.upstream import Answer

from antiphon.core.error import UpstreamBroken, UpstreamTimeout
from antiphon.core.request import Lineage
from antiphon.routing.settings import LastResortSettings
from antiphon.wire.bounds import LONG_BYTES

CHAT = b'{"model":"fast","messages":[{"role":"user","content":"hi"}]}'
STREAM = CHAT[:-1] + b',"stream":true}'
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
Make = Callable[..., Any]


def receipt_of(place: Any, asked: Asked) -> Any:
    (found,) = [one for one in place.house.journal.shut if one.id == asked.headers["x-antiphon-receipt"]]
    return found


async def test_a_whole_answer_comes_as_the_upstream_gave_it(place: Make) -> None:
    upstream = {
        b"x-request-id": b"req-1",
        b"openai-processing-ms": b"12",
        b"openai-version": b"2020",
        b"set-cookie": b"x",
    }
    here = place(Answer(completion(), headers=upstream))

    asked = await here.chat(CHAT)

    assert (asked.status, asked.body) == (200, completion())
    assert asked.headers == {
        "date": "Thu, 01 Jan 1970 00:00:00 GMT",
        "x-antiphon-receipt": receipt_of(here, asked).id,
        "x-antiphon-deployment": "small",
        "content-type": "application/json",
        "x-request-id": "req-1",
        "openai-processing-ms": "12",
        "openai-version": "2020",
        "content-length": str(len(completion())),
    }


async def test_a_stream_comes_event_by_event(place: Make) -> None:
    here = place(events_of(chunk("a"), chunk(finish="stop"), DONE))

    asked = await here.chat(STREAM)

    assert asked.body == chunk("a") + chunk(finish="stop") + DONE
    assert asked.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert asked.headers["cache-control"] == "no-cache"
    assert asked.headers["x-antiphon-receipt"] == receipt_of(here, asked).id
    assert "content-length" not in asked.headers


async def test_a_stream_that_fails_ends_with_an_error_event(place: Make) -> None:
    here = place(events_of(chunk("a"), fails=UpstreamTimeout("slow")))

    asked = await here.chat(STREAM)

    assert asked.status == 200
    assert asked.body.startswith(chunk("a") + b"data: {")
    said = json.loads(asked.body.removeprefix(chunk("a"))[6:])["error"]
    assert (said["code"], said["type"]) == ("upstream_timeout", "timeout_error")


TWO = [deployed(), deployed("big")]
LAST = {"route": {"last_resort": LastResortSettings(respond="Call us.", hand_off="support")}}


async def test_a_caller_is_told_of_the_attempts_that_an_answer_took(place: Make) -> None:
    here = place(UpstreamBroken("cut"), Answer(completion()), house={"deployments": TWO, "attempts": 2})

    asked = await here.chat(CHAT)

    assert (asked.status, asked.headers["x-antiphon-attempts"]) == (200, "2")
    assert asked.headers["x-antiphon-deployment"] == receipt_of(here, asked).served


async def test_a_caller_is_told_of_the_attempts_that_an_error_took(place: Make) -> None:
    here = place(UpstreamBroken("cut"), UpstreamBroken("cut"), house={"deployments": TWO, "attempts": 2})

    asked = await here.chat(CHAT)

    assert (asked.status, asked.headers["x-antiphon-attempts"]) == (502, "2")


async def test_a_caller_that_asks_for_more_time_than_there_is_is_told(place: Make) -> None:
    asked = await place(Answer(completion())).chat(CHAT, x_antiphon_timeout="120m")

    assert asked.headers["x-antiphon-timeout"] == "600; asked=7200; by=server"


@pytest.mark.parametrize(
    ("header", "value"),
    [("x_antiphon_timeout", "soon"), ("x_antiphon_priority", "urgent"), ("x_stainless_read_timeout", "-1")],
)
async def test_a_header_that_is_not_understood_is_named(place: Make, header: str, value: str) -> None:
    asked = await place().chat(CHAT, **{header: value})

    assert asked.status == 400
    assert asked.json["error"]["param"] == header.replace("_", "-")
    assert repr(value) in asked.json["error"]["message"]


async def test_an_operators_own_text_comes_as_an_answer_that_is_told_apart(place: Make) -> None:
    here = place(UpstreamBroken("cut"), house=LAST)

    asked = await here.chat(CHAT)

    receipt = receipt_of(here, asked)
    assert (asked.status, asked.headers["content-type"]) == (200, "application/json")
    assert (asked.headers["x-antiphon-last-resort"], asked.headers["x-antiphon-hand-off"]) == ("respond", "support")
    assert "x-antiphon-deployment" not in asked.headers
    assert (asked.json["model"], asked.json["id"]) == ("antiphon/last-resort", f"chatcmpl-{receipt.id}")
    assert asked.json["choices"][0]["message"]["content"] == "Call us."
    assert (receipt.outcome, receipt.status, receipt.error) == ("failed", 200, "upstream_broken")


async def test_an_operators_own_text_comes_as_a_stream_to_who_asked_for_one(place: Make) -> None:
    asked = await place(UpstreamBroken("cut"), house=LAST).chat(STREAM)

    assert (asked.status, asked.headers["content-type"]) == (200, "text/event-stream")
    assert asked.headers["x-antiphon-last-resort"] == "respond"
    assert b'"content":"Call us."' in asked.body
    assert asked.body.endswith(DONE)


async def test_a_failure_says_when_to_come_back(place: Make) -> None:
    here = place(Answer(b"{}", status=429, headers={b"retry-after": b"1.2"}))

    asked = await here.chat(CHAT)

    assert (asked.status, asked.headers["retry-after"]) == (429, "2")
    assert asked.json["error"]["type"] == "rate_limit_error"
    assert "x-should-retry" not in asked.headers


async def test_a_failure_that_lasts_is_not_worth_trying_again(place: Make) -> None:
    asked = await place(Answer(b"{}", status=401)).chat(CHAT)

    assert (asked.status, asked.headers["x-should-retry"]) == (502, "false")


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"],
)
async def test_json_is_taken_however_its_type_is_written(place: Make, kind: str) -> None:
    assert (await place(Answer(completion())).chat(CHAT, content_type=kind)).status == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "text/json", "x application/json"])
async def test_anything_but_json_is_refused(place: Make, kind: str) -> None:
    here = place()

    asked = await here.ask("POST", "/v1/chat/completions", body=CHAT, **({"content_type": kind} if kind else {}))

    assert (asked.status, asked.json["error"]["code"]) == (415, "unsupported_media_type")
    assert receipt_of(here, asked).principal is not None


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "Identity"])
async def test_a_compressed_body_is_refused(place: Make, encoding: str) -> None:
    assert (await place().chat(CHAT, content_encoding=encoding)).status == 415


async def test_the_encoding_that_is_none_is_taken(place: Make) -> None:
    assert (await place(Answer(completion())).chat(CHAT, content_encoding="identity")).status == 200


async def test_a_mistake_is_named_in_openais_form(place: Make) -> None:
    here = place()

    asked = await here.chat(b'{"model":"fast","messages":[],"n":0}')

    assert (asked.status, asked.json["error"]["param"]) == (400, "n")
    assert asked.json["error"]["type"] == "invalid_request_error"
    assert (receipt_of(here, asked).outcome, receipt_of(here, asked).error) == ("refused", "invalid_request")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a":1,"a":2}', b"\xff"])
async def test_what_is_no_json_object_is_refused(place: Make, body: bytes) -> None:
    assert (await place().chat(body)).status == 400


async def test_who_asks_is_looked_at_before_what(place: Make) -> None:
    here = place()

    asked = await here.chat(b"nonsense", "sk-wrong-1", content_type="text/plain")

    assert asked.status == 401
    assert receipt_of(here, asked).principal is None


LINEAGE = {"x_antiphon_session": "s-1", "x_antiphon_run": "r-1", "x_antiphon_step": "2", "x_antiphon_parent": "p-1"}


async def test_what_a_request_belongs_to_is_in_its_receipt(place: Make) -> None:
    here = place(Answer(completion()))

    asked = await here.chat(CHAT, **LINEAGE)

    assert receipt_of(here, asked).lineage == Lineage(session="s-1", run="r-1", step="2", parent="p-1")


@pytest.mark.parametrize("header", LINEAGE)
@pytest.mark.parametrize(("size", "status"), [(128, 200), (129, 400)])
async def test_names_of_larger_things_are_bounded(place: Make, header: str, size: int, status: int) -> None:
    here = place(Answer(completion()))

    asked = await here.chat(CHAT, **{header: "n" * size})

    assert asked.status == status
    if status == 400:
        assert asked.json["error"]["param"] == header.replace("_", "-")


async def test_a_trace_is_read_from_its_headers(place: Make) -> None:
    here = place(Answer(completion()))

    asked = await here.chat(CHAT, traceparent=TRACE, tracestate="a=1")

    assert receipt_of(here, asked).trace_id == TRACE[3:35]
    assert b"tracestate: a=1\r\n" in here.house.transport.sent[0][0].head


async def test_a_wrong_trace_is_left_out(place: Make) -> None:
    here = place(Answer(completion()))

    asked = await here.chat(CHAT, traceparent="nonsense", tracestate="a=1")

    assert (asked.status, receipt_of(here, asked).trace_id) == (200, "")
    assert b"trace" not in here.house.transport.sent[0][0].head


@pytest.mark.parametrize("size", [LONG_BYTES - 1, LONG_BYTES, 3 * LONG_BYTES])
async def test_a_long_body_is_read_as_a_short_one(place: Make, size: int) -> None:
    start = b'{"messages":[{"role":"user","content":"'
    end = b'"}],"user":"eve","model":"fast"}'
    body = start + b"x" * (size - len(start) - len(end)) + end
    here = place(Answer(completion()))

    asked = await here.chat(body)

    receipt = receipt_of(here, asked)
    assert (asked.status, receipt.user, receipt.size_bytes) == (200, "eve", size)
    assert receipt.digest == sha256(body).hexdigest()
    sent, _ = here.house.transport.sent[0]
    assert b"".join(sent.body) == body.replace(b'"model":"fast"', b'"model":"gpt-4o-mini"')


async def test_while_a_long_body_is_read_others_are_served(place: Make) -> None:
    body = b'{"messages":[%b],"model":"fast"}' % b",".join([b'{"role":"user","content":"x"}'] * 40_000)
    here = place(Answer(completion()))
    long = asyncio.ensure_future(here.chat(body))
    await asyncio.sleep(0)

    short = await here.ask("GET", "/livez")

    assert (short.status, long.done()) == (200, False)
    assert (await long).status == 200


async def test_a_long_body_with_a_mistake_is_refused(place: Make) -> None:
    body = b'{"messages":[],"model":"fast","x":"%b","x":1}' % (b"x" * LONG_BYTES)

    asked = await place().chat(body)

    assert (asked.status, asked.json["error"]["param"]) == (400, "x")


async def test_the_body_is_let_go_of_once_it_is_read(place: Make) -> None:
    asked = Asked(
        "POST",
        "/v1/chat/completions",
        {"authorization": "Bearer sk-alice-1", "content-type": "application/json"},
        CHAT,
    )

    await place(Answer(completion())).site.handle(asked.exchange)

    assert asked.exchange.body == []
