"""Every dialect of the lab without an SDK: whole, as a stream, and with each fault that is said in its own form."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from msgspec import Struct

from antiphon.core.deployment import Timeouts
from antiphon.core.error import UpstreamBroken
from antiphon.core.ports import Inbound, Origin, Outbound
from antiphon.net.client import Client
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, LabSettings
from antiphon.wire.eventstream import FrameReader

MOST_BYTES = 4_000_000
HELLO: dict[str, Any] = {"role": "user", "content": "Hello"}
GOOGLE: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
CLAUDE: dict[str, Any] = {"max_tokens": 4096, "messages": [HELLO]}
BEDROCK = {"anthropic_version": "bedrock-2023-05-31", **CLAUDE}


class Way(Struct, frozen=True):
    """One way of asking: paths and bodies of a whole answer and of a stream, and where its tokens are counted."""

    dialect: str
    path: str
    body: dict[str, Any]
    stream_path: str
    stream_body: dict[str, Any]
    usage: tuple[str, ...]
    wrong: str
    """The field of its usage that no provider would state so."""
    headers: str = ""
    frames: bool = False


def both(path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    given = {"model": "lab", **body}
    return path, given, path, {**given, "stream": True}


WAYS = (
    Way("openai_chat", *both("/v1/chat/completions", {"messages": [HELLO]}), ("usage",), "prompt_tokens"),
    Way("openai_completions", *both("/v1/completions", {"prompt": "Hello"}), ("usage",), "prompt_tokens"),
    Way("openai_responses", *both("/v1/responses", {"input": "Hello"}), ("usage",), "input_tokens"),
    Way("anthropic_messages", *both("/v1/messages", CLAUDE), ("usage",), "input_tokens", "anthropic-version: 2023-06-01\r\n"),
    Way("cohere_chat", *both("/v2/chat", {"messages": [HELLO]}), ("usage", "tokens"), "input_tokens"),
    Way(
        "gemini", "/v1beta/models/lab:generateContent", GOOGLE, "/v1/models/lab:streamGenerateContent?alt=sse", GOOGLE,
        ("usageMetadata",), "promptTokenCount",
    ),
    Way(
        "bedrock_converse", "/model/lab/converse", CONVERSE, "/model/lab/converse-stream", CONVERSE, ("usage",),
        "inputTokens", frames=True,
    ),
    Way(
        "bedrock_invoke", "/model/lab/invoke", BEDROCK, "/model/lab/invoke-with-response-stream", BEDROCK, ("usage",),
        "input_tokens", frames=True,
    ),
)  # fmt: skip
every_way = pytest.mark.parametrize("way", WAYS, ids=[way.dialect for way in WAYS])


class Asker(Struct, frozen=True):
    client: Client
    lab: Running

    async def send(self, method: str, path: str, body: bytes = b"", headers: str = "") -> Inbound:
        head = f"{method} {path} HTTP/1.1\r\nhost: lab\r\n{headers}".encode()
        origin = Origin(host=self.lab.host, port=self.lab.port)
        return await self.client.send(
            Outbound(origin=origin, head=head, body=(body,), size_bytes=len(body), timeouts=Timeouts())
        )

    async def ask(self, way: Way, *, stream: bool = False) -> Inbound:
        path, body = (way.stream_path, way.stream_body) if stream else (way.path, way.body)
        return await self.send("POST", path, json.dumps(body).encode(), way.headers)

    async def whole(self, way: Way) -> Any:
        answer = await self.ask(way)
        return json.loads(await answer.read(MOST_BYTES))


@asynccontextmanager
async def asking(*kinds: Fault) -> AsyncGenerator[Asker]:
    model = LabModel(tokens_per_s=1e6, faults=[FaultSettings(kind=kind) for kind in kinds])
    async with running(LabSettings(models={"lab": model})) as lab:
        with closing(Client()) as client:
            yield Asker(client, lab)


def events_of(way: Way, body: bytes) -> list[Any]:
    """What the events of a stream hold."""
    if way.frames:
        return [json.loads(frame.payload) for frame in FrameReader().feed(body)]
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    data = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    return [json.loads(one) for one in data if one != b"[DONE]"]


@every_way
async def test_it_answers_whole_and_as_a_stream_and_the_record_says_how(way: Way) -> None:
    async with asking() as asker:
        whole = await asker.ask(way)
        assert b"a simulated model" in await whole.read(MOST_BYTES)
        stream = await asker.ask(way, stream=True)
        events = events_of(way, await stream.read(MOST_BYTES))
        answer = await asker.send("GET", "/lab/requests")
        records = json.loads(await answer.read(MOST_BYTES))
    assert (whole.status, stream.status) == (200, 200)
    assert len(events) > 5
    assert [record["dialect"] for record in records] == [way.dialect] * 2
    assert [record["path"] for record in records] == [way.path, way.stream_path.partition("?")[0]]
    assert [record["stream"] for record in records] == [False, True]
    assert all(record["input_tokens"] == 2 for record in records)


@every_way
async def test_an_answer_can_lack_its_usage_or_state_a_wrong_one(way: Way) -> None:
    async with asking("wrong_usage") as asker:
        found = await asker.whole(way)
        for name in way.usage:
            found = found[name]
        assert found[way.wrong] < 0
    async with asking("no_usage") as asker:
        assert way.usage[0] not in await asker.whole(way)
        stream = await asker.ask(way, stream=True)
        said = events_of(way, await stream.read(MOST_BYTES))
        assert not [event for event in said if event.get(way.usage[0])]


@every_way
async def test_broken_answers_begin_as_its_own_do(way: Way) -> None:
    async with asking("malformed_json") as asker:
        body = await (await asker.ask(way)).read(MOST_BYTES)
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    async with asking("malformed_sse") as asker:
        body = await (await asker.ask(way, stream=True)).read(MOST_BYTES)
    assert b"[lab fault]" in body
    with pytest.raises(Exception, match=r"checksum|Unterminated|control character|Expecting"):
        events_of(way, body)


@every_way
async def test_a_cut_stream_ends_after_three_events(way: Way) -> None:
    async with asking("cut") as asker:
        answer = await asker.ask(way, stream=True)
        pieces: list[bytes] = []
        with pytest.raises(UpstreamBroken):
            await answer.relay(pieces.append)
    assert len(events_of(way, b"".join(pieces))) == 3


@every_way
@pytest.mark.parametrize(
    ("kind", "status"),
    [("rate_limited", 429), ("hidden_quota", 400), ("payment_required", 402), ("error_500", 500), ("error_529", 529)],
)
async def test_an_error_says_that_it_is_the_labs(way: Way, kind: Fault, status: int) -> None:
    async with asking(kind) as asker:
        answer = await asker.ask(way, stream=True)
        said = json.loads(await answer.read(MOST_BYTES))
    assert answer.status == status
    assert "lab fault" in json.dumps(said)


@every_way
async def test_a_body_that_is_no_json_is_refused(way: Way) -> None:
    async with asking() as asker:
        for body in (b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000):
            answer = await asker.send("POST", way.path, body, way.headers)
            await answer.read(MOST_BYTES)
            assert answer.status == 400


async def test_gemini_streams_an_array_for_want_of_alt_sse_and_its_errors_too() -> None:
    async with asking() as asker:
        answer = await asker.send("POST", "/v1beta/models/lab:streamGenerateContent", json.dumps(GOOGLE).encode())
        assert len(json.loads(await answer.read(MOST_BYTES))) > 5
        answer = await asker.send("POST", "/v1beta/models/lab:streamGenerateContent", b'{"contents": []}')
        [said] = json.loads(await answer.read(MOST_BYTES))
    assert said["error"]["status"] == "INVALID_ARGUMENT"


async def test_jina_ranks_with_a_usage_in_tokens() -> None:
    body = {"model": "lab", "query": "red", "documents": ["blue", {"text": "red"}], "return_documents": True}
    async with asking() as asker:
        answer = await asker.send("POST", "/v1/rerank", json.dumps(body).encode())
        said = json.loads(await answer.read(MOST_BYTES))
    assert [(one["index"], one["document"]["text"]) for one in said["results"]] == [(1, "red"), (0, "blue")]
    assert said["usage"] == {"total_tokens": 3}
