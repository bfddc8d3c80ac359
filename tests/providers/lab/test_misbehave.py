"""What each fault looks like on the wire, seen by our own client."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing, suppress

import pytest
from msgspec import Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.error import UpstreamBroken, UpstreamError, UpstreamMalformed, UpstreamTimeout, UpstreamUnreachable
from antiphon.core.ports import Inbound, Origin, Outbound
from antiphon.net.client import Client
from antiphon.providers.lab.misbehave import HUGE_BYTES
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, LabSettings

MOST_BYTES = 1_000_000
PATIENT = Timeouts()
EVERY_FAULT: tuple[Fault, ...] = (
    "refuse", "hang", "rate_limited", "unauthorized", "payment_required", "hidden_quota", "error_500", "error_502",
    "error_503", "error_529", "slow_drip", "cut", "malformed_json", "malformed_sse", "no_usage", "wrong_usage",
    "wrong_content_type", "huge_body",
)  # fmt: skip


class Asker(Struct, frozen=True):
    """Sends requests to one lab."""

    client: Client
    lab: Running

    async def send(self, method: str, path: str, body: bytes = b"", timeouts: Timeouts = PATIENT) -> Inbound:
        head = f"{method} {path} HTTP/1.1\r\nhost: lab\r\n".encode()
        origin = Origin(host=self.lab.host, port=self.lab.port)
        return await self.client.send(
            Outbound(origin=origin, head=head, body=(body,), size_bytes=len(body), timeouts=timeouts)
        )

    async def chat(
        self, content: str = "Hello", *, stream: bool = False, timeouts: Timeouts = PATIENT, **more: object
    ) -> Inbound:
        body = {"model": "lab", "messages": [{"role": "user", "content": content}], "stream": stream, **more}
        return await self.send("POST", "/v1/chat/completions", json.dumps(body).encode(), timeouts)

    async def faults_met(self) -> list[str | None]:
        answer = await self.send("GET", "/lab/requests")
        return [received["fault"] for received in json.loads(await answer.read(MOST_BYTES))]

    async def statuses(self, count: int) -> list[int]:
        answers = [await self.chat(str(number)) for number in range(count)]
        for answer in answers:
            await answer.read(MOST_BYTES)
        return [answer.status for answer in answers]


@asynccontextmanager
async def asking(*faults: FaultSettings, seed: int = 1) -> AsyncGenerator[Asker]:
    model = LabModel(tokens_per_s=1e6, faults=list(faults))
    async with running(LabSettings(seed=seed, models={"lab": model})) as lab:
        with closing(Client()) as client:
            yield Asker(client, lab)


def header(answer: Inbound, name: bytes) -> bytes:
    return dict(answer.headers).get(name, b"")


def data_of(body: bytes) -> list[bytes]:
    """What the events of a stream say."""
    return [event.removeprefix(b"data: ") for event in body.split(b"\n\n") if event]


@pytest.mark.parametrize(
    ("kind", "status", "says"),
    [
        ("rate_limited", 429, "rate_limit_exceeded"),
        ("unauthorized", 401, "invalid_api_key"),
        ("payment_required", 402, "insufficient balance"),
        ("hidden_quota", 400, "insufficient_quota"),
        ("error_500", 500, "server_error"),
        ("error_502", 502, "502 Bad Gateway"),
        ("error_503", 503, "overloaded"),
        ("error_529", 529, "overloaded_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_has_its_status_and_says_it_is_the_labs(
    kind: Fault, status: int, says: str, stream: bool
) -> None:
    async with asking(FaultSettings(kind=kind)) as asker:
        answer = await asker.chat(stream=stream)
        body = (await answer.read(MOST_BYTES)).decode()
        assert await asker.faults_met() == [kind]
    assert answer.status == status
    assert says in body
    assert "lab fault" in body
    assert (header(answer, b"content-type") == b"application/json") == (kind != "error_502")


@pytest.mark.parametrize("kind", ["rate_limited", "error_503"])
async def test_retry_after_is_in_whole_seconds_and_in_milliseconds(kind: Fault) -> None:
    async with asking(FaultSettings(kind=kind, retry_after_s=1.25)) as asker:
        answer = await asker.chat()
        await answer.read(MOST_BYTES)
    assert header(answer, b"retry-after") == b"2"
    assert header(answer, b"retry-after-ms") == b"1250"


async def test_refuse_closes_the_connection_before_any_byte() -> None:
    async with asking(FaultSettings(kind="refuse")) as asker:
        with pytest.raises(UpstreamBroken, match="without an answer"):
            await asker.chat()
        assert await asker.faults_met() == ["refuse"]


async def test_a_stopped_lab_refuses_connections() -> None:
    async with asking() as asker:
        assert await asker.statuses(1) == [200]
        await asker.lab.server.stop()
        asker.client.retain(set())
        with pytest.raises((UpstreamUnreachable, UpstreamBroken)):
            await asker.chat()
        with pytest.raises(UpstreamUnreachable):
            await asker.chat()


async def test_hang_sends_nothing_until_the_caller_leaves() -> None:
    async with asking(FaultSettings(kind="hang", requests=[1])) as asker:
        with pytest.raises(UpstreamTimeout, match="first byte"):
            await asker.chat(timeouts=Timeouts(first_byte_s=0.01))
        answer = await asker.send("GET", "/lab/requests")
        [received] = json.loads(await answer.read(MOST_BYTES))
    assert (received["status"], received["left_early"]) == (0, True)


@pytest.mark.parametrize("stream", [False, True])
async def test_slow_drip_sends_a_byte_and_then_hardly_any(stream: bool) -> None:
    async with asking(FaultSettings(kind="slow_drip")) as asker:
        answer = await asker.chat(stream=stream, timeouts=Timeouts(between_bytes_s=0.05))
        pieces: list[bytes] = []
        with pytest.raises(UpstreamTimeout, match="between bytes"):
            await answer.relay(pieces.append)
    assert answer.status == 200
    assert pieces == [b"d" if stream else b"{"]


async def test_cut_ends_a_stream_after_some_events() -> None:
    async with asking(FaultSettings(kind="cut")) as asker:
        answer = await asker.chat(stream=True)
        pieces: list[bytes] = []
        with pytest.raises(UpstreamBroken, match="before its answer was whole"):
            await answer.relay(pieces.append)
    assert answer.status == 200
    events = data_of(b"".join(pieces))
    assert len(events) == 3
    assert [json.loads(event)["choices"][0]["delta"]["content"] for event in events] == ["", "[lab", ", a "]


async def test_cut_ends_a_whole_answer_amid_its_body() -> None:
    async with asking(FaultSettings(kind="cut")) as asker:
        answer = await asker.chat()
        pieces: list[bytes] = []
        with pytest.raises(UpstreamBroken, match="before its answer was whole"):
            await answer.relay(pieces.append)
    assert b"".join(pieces).startswith(b'{"id":"chatcmpl-lab')


@pytest.mark.parametrize("stream", [False, True])
async def test_malformed_json_is_a_200_that_breaks_off(stream: bool) -> None:
    async with asking(FaultSettings(kind="malformed_json")) as asker:
        answer = await asker.chat(stream=stream)
        body = await answer.read(MOST_BYTES)
    assert answer.status == 200
    assert header(answer, b"content-type") == b"application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_malformed_sse_begins_well_and_then_breaks() -> None:
    async with asking(FaultSettings(kind="malformed_sse")) as asker:
        answer = await asker.chat(stream=True)
        events = data_of(await answer.read(MOST_BYTES))
    assert header(answer, b"content-type").startswith(b"text/event-stream")
    assert json.loads(events[0])["choices"][0]["delta"]["content"] == "[lab fault] "
    with pytest.raises(json.JSONDecodeError):
        json.loads(events[1])
    assert events[2] == b"this line names no field"
    with pytest.raises(UnicodeDecodeError):
        events[3].decode()
    assert b"[DONE]" not in events


async def test_no_usage_leaves_the_usage_out_and_nothing_else() -> None:
    async with asking(FaultSettings(kind="no_usage")) as asker:
        whole = json.loads(await (await asker.chat()).read(MOST_BYTES))
        stream = await asker.chat(stream=True, stream_options={"include_usage": True})
        events = data_of(await stream.read(MOST_BYTES))
    assert "usage" not in whole
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert events[-1] == b"[DONE]"
    assert not any(json.loads(event).get("usage") for event in events[:-1])


async def test_wrong_usage_is_negative_and_absurd() -> None:
    async with asking(FaultSettings(kind="wrong_usage")) as asker:
        whole = json.loads(await (await asker.chat()).read(MOST_BYTES))
        stream = await asker.chat(stream=True, stream_options={"include_usage": True})
        events = data_of(await stream.read(MOST_BYTES))
    assert whole["usage"]["prompt_tokens"] < 0
    assert whole["usage"]["completion_tokens"] > 10**12
    assert json.loads(events[-2])["usage"] == whole["usage"]


async def test_wrong_content_type_is_a_web_page() -> None:
    async with asking(FaultSettings(kind="wrong_content_type")) as asker:
        answer = await asker.chat()
        body = await answer.read(MOST_BYTES)
    assert answer.status == 200
    assert header(answer, b"content-type") == b"text/html; charset=utf-8"
    assert body.startswith(b"<!doctype html>")


@pytest.mark.parametrize("stream", [False, True])
async def test_huge_body_goes_on_until_its_caller_has_enough(stream: bool) -> None:
    async with asking(FaultSettings(kind="huge_body", requests=[1])) as asker:
        answer = await asker.chat(stream=stream)
        with pytest.raises(UpstreamMalformed, match="longer than 1000000 bytes"):
            await answer.read(MOST_BYTES)
        received = await asker.send("GET", "/lab/requests")
        assert json.loads(await received.read(MOST_BYTES))[0]["left_early"]


async def test_huge_body_is_one_valid_answer_for_who_reads_all_of_it() -> None:
    async with asking(FaultSettings(kind="huge_body")) as asker:
        answer = await asker.chat()
        size = 0
        ends = [b"", b""]

        def count(piece: bytes) -> None:
            nonlocal size
            size += len(piece)
            ends[0] = ends[0] or piece[:20]
            ends[1] = (ends[1] + piece)[-20:]

        await answer.relay(count)
    assert 0.99 * HUGE_BYTES < size < 1.01 * HUGE_BYTES
    assert ends[0].startswith(b'{"id":"chatcmpl-lab"')
    assert ends[1].endswith(b'lab "}}]}')


async def test_a_schedule_names_the_requests_that_meet_a_fault() -> None:
    faults = (FaultSettings(kind="error_500", requests=[2, 3]), FaultSettings(kind="error_503", requests=[3, 5]))
    async with asking(*faults) as asker:
        assert await asker.statuses(6) == [200, 500, 500, 200, 503, 200]


async def test_a_rate_meets_its_percent_of_requests_and_the_same_ones_each_time() -> None:
    fault = FaultSettings(kind="error_500", percent=30)
    async with asking(fault) as asker:
        first = await asker.statuses(100)
    async with asking(fault) as asker:
        second = await asker.statuses(100)
    async with asking(fault, seed=2) as asker:
        other = await asker.statuses(100)
    assert first == second != other
    assert 18 <= first.count(500) <= 42


async def test_faults_are_replaced_while_it_runs_and_count_anew() -> None:
    async with asking(FaultSettings(kind="error_500")) as asker:
        assert await asker.statuses(2) == [500, 500]
        answer = await asker.send("PUT", "/lab/faults/lab", b'[{"kind": "error_503", "requests": [2]}]')
        assert json.loads(await answer.read(MOST_BYTES))[0]["kind"] == "error_503"
        assert await asker.statuses(3) == [200, 503, 200]
        answer = await asker.send("PUT", "/lab/faults/lab", b"[]")
        await answer.read(MOST_BYTES)
        assert await asker.statuses(1) == [200]


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/lab/faults/lab", b'[{"kind": "earthquake"}]', 400, "earthquake"),
        ("/lab/faults/lab", b"{}", 400, "not a list of faults"),
        ("/lab/faults/lab", b"[", 400, "not a list of faults"),
        ("/lab/faults/other", b"[]", 404, "does not exist"),
        ("/lab/elsewhere", b"[]", 404, "PUT /lab/elsewhere"),
    ],
)
async def test_wrong_faults_are_refused_and_change_nothing(path: str, body: bytes, status: int, says: str) -> None:
    async with asking(FaultSettings(kind="error_500")) as asker:
        answer = await asker.send("PUT", path, body)
        assert answer.status == status
        assert says in json.loads(await answer.read(MOST_BYTES))["error"]["message"]
        assert await asker.statuses(1) == [500]


@pytest.mark.parametrize("kind", EVERY_FAULT)
@pytest.mark.parametrize("stream", [False, True])
async def test_no_fault_leaves_a_connection_or_a_stream_open_once_its_caller_is_gone(kind: Fault, stream: bool) -> None:
    timeouts = Timeouts(first_byte_s=0.01, between_bytes_s=0.05, total_s=0.1)
    async with asking(FaultSettings(kind=kind)) as asker:
        with suppress(UpstreamError):
            await (await asker.chat(stream=stream, timeouts=timeouts)).read(MOST_BYTES)
        await asyncio.sleep(0)  # an answer's connection is free again a turn of the loop later
        stats = json.loads(await (await asker.send("GET", "/lab/stats")).read(MOST_BYTES))
    assert stats["faults"] == {kind: 1}
    assert (stats["requests"], stats["running"], stats["open_streams"], stats["open_connections"]) == (1, 0, 0, 1)
