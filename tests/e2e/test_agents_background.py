"""Responses that run in the background, by the real SDK: held upstreams, deaths, cancels, streams."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

from rig.config import ALICE, BOB, KEYS
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.loop import LoopThread
from rig.processes import open_files
from rig.scripts import Held, fails
from rig.sdk import client
from rig.upstream import SSE, Script, Seen, Upstream, head, upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes
ENDED = frozenset({"completed", "failed", "cancelled", "incomplete"})


def answered(text: str, **more: Any) -> Script:
    """A whole answer of an upstream that speaks Responses."""
    return whole(said(text, **more))


def said(text: str, name: str = "msg_1", **more: Any) -> bytes:
    """A response."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": name, "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    counts = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    one = {"id": "resp_up", "object": "response", "created_at": 1, "status": "completed", "model": "up-1"}
    return json.dumps({**one, "output": [item], "usage": {**counts, **details}, **more}).encode()


def config(url: str, **more: Any) -> Config:
    return {
        "keys": [*KEYS[:1], {"name": "bob", "key": BOB, "tenant": "globex"}],
        "providers": {"up": {"profile": "openai", "base_url": url, "key": "sk-upstream"}},
        "models": {"fast": {"provider": "up", "model": "up-1", "price": {"input": 1.0, "output": 2.0}}},
        "routes": {"fast": {"models": ["fast"], "attempts": 1}},
        "storage": {"ship_interval_s": 0.05},
        **more,
    }


def config_of_agents(url: str) -> Config:
    made = config(url, agents={"enabled": True})
    made["models"]["fast"]["listed"] = False
    return made


@pytest.fixture(scope="module")
def behind(servers: LoopThread) -> Iterator[Upstream]:
    context = upstream()
    yield servers.enter(context)
    servers.leave(context)


@pytest.fixture(scope="module")
def house(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    one = Gateway(tmp_path_factory.mktemp("background"), config_of_agents(behind.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture(scope="module")
def sdk(house: Gateway) -> Iterator[OpenAI]:
    with client(house) as one:
        yield one


@pytest.fixture
def held(behind: Upstream, servers: LoopThread) -> Iterator[Held]:
    """The upstream answers once this is released."""
    one = Held(answered("Forty-two."))
    behind.seen.clear()
    behind.script = one.script
    yield one
    servers.run(one.release())


def ended(sdk: OpenAI, name: str) -> Response:
    def found() -> Response | None:
        now = sdk.responses.retrieve(name)
        return now if now.status in ENDED else None

    return until(found, f"the end of {name}", 60)


def test_it_is_queued_at_once_polled_and_gone_on_from(
    sdk: OpenAI, house: Gateway, behind: Upstream, held: Held, servers: LoopThread
) -> None:
    first = sdk.responses.create(model="fast", input="What is it?", background=True, metadata={"a": "b"})
    assert (first.status, first.background, first.metadata) == ("queued", True, {"a": "b"})
    until(lambda: behind.seen, "the call")
    assert sdk.responses.retrieve(first.id).status == "in_progress"
    assert [one.content[0].text for one in sdk.responses.input_items.list(first.id)] == ["What is it?"]
    servers.run(held.release())

    done = ended(sdk, first.id)
    assert (done.id, done.status, done.output_text, done.background) == (first.id, "completed", "Forty-two.", True)
    second = sdk.responses.create(model="fast", input="Sure?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    sent = json.loads(behind.last.body)
    assert [one["role"] for one in sent["input"]] == ["user", "assistant", "user"]
    calls = [json.loads(one.body) for one in behind.seen]
    assert not any("background" in one or one.get("stream") for one in calls[:1])
    receipt = until(lambda: [one for one in house.stored() if one.lineage.run == first.id], "its receipt")[0]
    assert (receipt.outcome, receipt.principal and receipt.principal.key) == ("ok", "alice")
    sdk.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(first.id)


class Speaker:
    """An upstream that streams words as it is let; each call has an item of its own."""

    def __init__(self, words: list[str]) -> None:
        self.words, self.may = words, [asyncio.Event() for _ in words]
        self.calls = 0

    def let(self, servers: LoopThread, words: int) -> None:
        async def more() -> None:
            for one in self.may[:words]:
                one.set()

        servers.run(more())

    async def script(self, seen: Seen, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        text = "".join(self.words)
        full = json.loads(said(text, f"msg_{self.calls}"))
        (item,) = full["output"]
        (part,) = item["content"]
        begun = {**full, "status": "in_progress", "output": [], "usage": None}
        at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        opening: list[tuple[str, dict[str, Any]]] = [
            ("created", {"response": begun}),
            ("in_progress", {"response": begun}),
            ("output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
            ("content_part.added", {**at, "part": {**part, "text": ""}}),
        ]
        words = [("output_text.delta", {**at, "delta": one, "logprobs": []}) for one in self.words]
        closing: list[tuple[str, dict[str, Any]]] = [
            ("output_text.done", {**at, "text": text, "logprobs": []}),
            ("content_part.done", {**at, "part": part}),
            ("output_item.done", {"output_index": 0, "item": item}),
            ("completed", {"response": full}),
        ]
        writer.write(head(b"200 OK", SSE, b"transfer-encoding: chunked\r\n\r\n"))
        for number, (kind, told) in enumerate([*opening, *words, *closing]):
            place = number - len(opening)
            if 0 <= place < len(words):
                await self.may[place].wait()
            body = json.dumps({"type": f"response.{kind}", "sequence_number": number, **told})
            piece = f"event: response.{kind}\ndata: {body}\n\n".encode()
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")


def deltas(events: list[Any]) -> str:
    return "".join(one.delta for one in events if one.type == "response.output_text.delta")


def test_its_text_is_told_as_it_comes_and_numbered_the_same_for_all_who_come_back(
    sdk: OpenAI, behind: Upstream, servers: LoopThread
) -> None:
    speaker = Speaker(["0 ", "1 ", "2 ", "3 "])
    behind.script = speaker.script
    live: list[Any] = []
    with sdk.responses.create(model="fast", input="Count", background=True, stream=True) as stream:
        for words in (1, 2):
            speaker.let(servers, words)
            while deltas(live) != "0 1 "[: 2 * words]:
                live.append(next(stream))
    name = live[0].response.id
    assert sdk.responses.retrieve(name).status == "in_progress", "nobody has its end, and its text was told"

    rest = sdk.responses.retrieve(name, stream=True, starting_after=live[-1].sequence_number)
    speaker.let(servers, 4)
    live += list(rest)

    assert deltas(live) == "0 1 2 3 "
    assert [one.sequence_number for one in live] == [*range(len(live))]
    assert [one.type.removeprefix("response.") for one in live[:5]] == [
        "created",
        "queued",
        "in_progress",
        "output_item.added",
        "content_part.added",
    ]
    assert (live[-1].type, live[-1].response.id) == ("response.completed", name)
    assert live[-1].response.output_text == "0 1 2 3 "
    assert list(sdk.responses.retrieve(name, stream=True)) == live
    assert list(sdk.responses.retrieve(name, stream=True, starting_after=6)) == live[7:]


def test_a_stream_that_was_left_is_gone_on_with(sdk: OpenAI, behind: Upstream, servers: LoopThread) -> None:
    speaker = Speaker(["Forty-two."])
    behind.script = speaker.script
    with sdk.responses.create(model="fast", input="Tell me", background=True, stream=True) as stream:
        opened = [next(stream) for _ in range(2)]
    assert [one.type for one in opened] == ["response.created", "response.queued"]
    name = opened[0].response.id
    until(lambda: speaker.calls, "the call")

    rest = sdk.responses.retrieve(name, stream=True, starting_after=1)
    assert next(rest).type == "response.in_progress"
    speaker.let(servers, 1)
    told = list(rest)
    assert "".join(one.delta for one in told if one.type == "response.output_text.delta") == "Forty-two."
    assert told[-1].type == "response.completed"
    assert (told[-1].response.id, told[-1].response.output_text) == (name, "Forty-two.")
    assert [one.sequence_number for one in told] == [*range(3, 3 + len(told))]
    assert list(sdk.responses.retrieve(name, stream=True, starting_after=2)) == told
    with sdk.responses.stream(response_id=name) as again:
        assert again.get_final_response().output_text == "Forty-two."


def test_a_cancel_ends_the_upstream_s_call(sdk: OpenAI, behind: Upstream, held: Held) -> None:
    made = sdk.responses.create(model="fast", input="Never mind", background=True)
    until(lambda: behind.seen, "the call")
    with pytest.raises(openai.ConflictError) as refused:
        sdk.responses.delete(made.id)
    assert refused.value.code == "response_in_progress"

    assert sdk.responses.cancel(made.id).status == "cancelled"

    assert ended(sdk, made.id).status == "cancelled"
    until(lambda: behind.last.gone_s is not None, "the end of the upstream's call")
    assert sdk.responses.cancel(made.id).status == "cancelled"


def test_what_fails_says_why_and_what_stops_early_is_incomplete(sdk: OpenAI, behind: Upstream) -> None:
    behind.script = fails(b"400 Bad Request", "no such thing", code="odd", type="invalid_request_error")
    failed = ended(sdk, sdk.responses.create(model="fast", input="x", background=True).id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "no such thing" in failed.error.message
    told = list(sdk.responses.retrieve(failed.id, stream=True))
    assert [one.type.removeprefix("response.") for one in told] == ["created", "queued", "in_progress", "failed"]

    behind.script = answered("Forty", status="incomplete", incomplete_details={"reason": "max_output_tokens"})
    short = ended(sdk, sdk.responses.create(model="fast", input="x", background=True).id)
    assert (short.status, short.output_text) == ("incomplete", "Forty")


def test_what_can_only_fail_is_refused_at_once(sdk: OpenAI, house: Gateway, behind: Upstream) -> None:
    behind.seen.clear()

    ask: Any = sdk.responses.create

    def refused(**more: Any) -> openai.APIStatusError:
        with pytest.raises(openai.APIStatusError) as raised:
            ask(**{"model": "fast", "input": "x", "background": True, **more})
        return raised.value

    assert refused(model="no-such-model").code == "model_not_found"
    assert refused(store=False).param == "store"
    assert refused(previous_response_id="resp_none").code == "previous_response_not_found"
    assert "POST /v1/runs" in refused(model="agent/clerk").message
    with client(house, BOB) as bob, pytest.raises(openai.NotFoundError):
        bob.responses.retrieve(sdk.responses.create(model="fast", input="x", background=True).id)
    plain = sdk.responses.create(model="fast", input='Say "background": true', background=False)
    assert plain.background is not True


def test_the_death_of_its_process_has_the_call_made_once_more_and_no_more(
    start: Start, up: Upstream, servers: LoopThread
) -> None:
    gateway = start(config_of_agents(up.url))
    let = asyncio.Event()

    async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if b"always" in seen.body or len(up.seen) == 1:
            await let.wait()
        await answered("Forty-two.")(seen, writer)

    up.script = script

    def agents() -> list[int]:
        """The process that runs agents, once it has the journal open."""
        return [one for one in gateway.children() if any("agents.db" in file for file in open_files(one))]

    def killed(calls: int) -> None:
        until(lambda: len(up.seen) == calls, f"call {calls}")
        os.kill(until(agents, "a process that runs agents")[0], signal.SIGKILL)

    with client(gateway) as sdk:
        made = sdk.responses.create(model="fast", input="once", background=True)
        killed(1)
        done = ended(sdk, made.id)
        assert (done.status, done.output_text, len(up.seen)) == ("completed", "Forty-two.", 2)

        twice = sdk.responses.create(model="fast", input="always", background=True)
        killed(3)
        killed(4)
        failed = ended(sdk, twice.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code == "response_interrupted"
    assert len(up.seen) == 4
    paid = until(lambda: (found := gateway.stored())[3:] and found, "the end of every call")
    assert sorted(one.lineage.run for one in paid) == sorted([made.id, made.id, twice.id, twice.id])


def test_a_call_that_is_made_again_begins_its_item_anew(start: Start, up: Upstream, servers: LoopThread) -> None:
    gateway = start(config_of_agents(up.url))
    speaker = Speaker(["0 ", "1 ", "2 "])
    up.script = speaker.script

    def agents() -> list[int]:
        return [one for one in gateway.children() if any("agents.db" in file for file in open_files(one))]

    live: list[Any] = []
    with client(gateway) as sdk:
        with sdk.responses.create(model="fast", input="Count", background=True, stream=True) as stream:
            speaker.let(servers, 2)
            while deltas(live) != "0 1 ":
                live.append(next(stream))
            os.kill(until(agents, "a process that runs agents", 20)[0], signal.SIGKILL)
            until(lambda: speaker.calls == 2, "the call again", 20)
            speaker.let(servers, 3)
            live += list(stream)
        again = list(sdk.responses.retrieve(live[0].response.id, stream=True))

    assert again == live
    assert [one.sequence_number for one in live] == [*range(len(live))]
    texts: dict[int, str] = {}
    for one in live:
        if one.type == "response.output_text.delta":
            texts[one.output_index] = texts.get(one.output_index, "") + one.delta
    assert texts == {0: "0 1 ", 1: "0 1 2 "}
    ended_items = [one for one in live if one.type == "response.output_item.done"]
    assert [(one.output_index, one.item.status) for one in ended_items] == [(0, "incomplete"), (1, "completed")]
    assert ended_items[0].item.content[0].text == "0 1 "
    assert live[-1].response.output_text == "0 1 2 "


def test_without_agents_it_is_refused_with_the_remedy(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url, routes={}))
    with client(gateway) as sdk, pytest.raises(openai.BadRequestError, match=r"agents: \{enabled: true\}") as refused:
        sdk.responses.create(model="fast", input="x", background=True)
    assert refused.value.param == "background"
