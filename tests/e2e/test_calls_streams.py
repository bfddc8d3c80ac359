"""A stream that breaks: unseen before its first content, by contract after it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from openai import OpenAI

from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings
from rig.config import ALICE
from rig.fleet import Json, fleet, told
from rig.gateway import Gateway
from rig.labs import FAST
from rig.loop import LoopThread
from rig.scripts import DONE, ROLE, USED, answers, breaks_after, by_model, event, word
from rig.sdk import async_client, client, says, tool
from rig.upstream import Upstream, streamed, upstream
from rig.wait import until

pytestmark = pytest.mark.processes

ERROR = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'
CALL = event({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f"}}]})
SCRIPTS = {
    "role-only": breaks_after(ROLE),
    "error-first": streamed(ROLE, ERROR, DONE),
    "done-without-end": breaks_after(b": a comment\n\n"),
    "amid": breaks_after(ROLE, word("one"), word(" two")),
    "amid-used": breaks_after(ROLE, word("one"), USED),
    "error-amid": streamed(ROLE, word("one"), ERROR),
    "calls": breaks_after(ROLE, word("I will."), CALL),
    "good": answers("three whole words"),
}
UNSEEN = ("role-only", "error-first", "done-without-end")
CUT = ("cut-1", "cut-2", "cut-3", "cut-4")
"""Lab models whose first request is cut after three events."""


@dataclass
class House:
    gateway: Gateway
    up: Upstream
    lab: Running


@pytest.fixture(scope="module")
def house(servers: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    contexts = upstream(), running(_lab())
    up, lab = servers.enter(contexts[0]), servers.enter(contexts[1])
    up.script = by_model(**SCRIPTS)
    deployments: dict[str, Json] = {name: {} for name in SCRIPTS}
    routes: dict[str, Json] = {f"over-{name}": {"models": [name, "good"]} for name in SCRIPTS if name != "good"}
    deployments["calls"]["continues"] = deployments["good"]["continues"] = True
    deployments["good"]["priority"] = 1
    routes["over-calls"]["on_cut"] = "continue"
    for name in CUT:
        at = {"base_url": f"{lab.url}/v1", "model": name, "continues": True}
        deployments |= {f"{name}-a": dict(at), f"{name}-b": dict(at)}
        routes[name] = {"models": [f"{name}-a", f"{name}-b"], "on_cut": "continue"}
    one = Gateway(tmp_path_factory.mktemp("streams"), fleet(up.url, deployments, routes), key=ALICE)
    try:
        yield House(one.start(), up, lab)
    finally:
        one.close()
        for context in contexts:
            servers.leave(context)


def _lab() -> LabSettings:
    model = LabModel(tokens_per_s=FAST, answer_tokens=40)
    cut = LabModel(tokens_per_s=FAST, answer_tokens=40, faults=[FaultSettings(kind="cut", requests=[1])])
    return LabSettings(seed=3, models={"whole": model} | dict.fromkeys(CUT, cut))


@pytest.fixture
def sdk(house: House) -> Iterator[OpenAI]:
    with client(house.gateway) as one:
        yield one


def text(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def quiet(gateway: Gateway) -> None:
    until(lambda: gateway.metric("antiphon_attempts_in_flight") == 0, "every ticket is settled")


@pytest.mark.parametrize("model", UNSEEN)
def test_one_that_breaks_before_its_first_content_is_taken_over_unseen(sdk: OpenAI, house: House, model: str) -> None:
    stream = sdk.chat.completions.create(model=f"over-{model}", messages=says("Hi"), stream=True)
    chunks = list(stream)

    assert text(chunks) == "three whole words"
    assert [chunk.choices[0].delta.role for chunk in chunks].count("assistant") == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks].count("stop") == 1
    assert stream.response.headers["x-antiphon-deployment"] == "good"
    receipt = house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    failure = receipt["attempts"][0]["failure"]
    assert failure in ("broken", "server_error")
    assert told(receipt) == [(model, "", failure), ("good", f"other_deployment: {failure}", "")]
    assert receipt["usage"] == {"input_tokens": 3, "output_tokens": 2}


@pytest.mark.parametrize(
    ("model", "said", "code", "usage"),
    [
        ("amid", "one two", "upstream_broken", None),
        ("amid-used", "one", "upstream_broken", {"input_tokens": 3, "output_tokens": 2}),
        ("error-amid", "one", "upstream_error", None),
    ],
)
def test_one_that_breaks_after_it_ends_with_a_typed_error_and_is_paid_for(
    sdk: OpenAI, house: House, model: str, said: str, code: str, usage: Json | None
) -> None:
    stream = sdk.chat.completions.create(model=f"over-{model}", messages=says("Hi"), stream=True)
    chunks: list[Any] = []
    with pytest.raises(openai.APIError) as caught:
        chunks.extend(stream)

    assert text(chunks) == said
    assert caught.value.code == code
    receipt = house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    assert (receipt["outcome"], receipt["status"], receipt["error"]) == ("failed", 200, code)
    (attempt,) = receipt["attempts"]
    assert receipt.get("usage") == attempt.get("usage") == usage
    assert attempt.get("assumed", False) == (usage is None)
    assert attempt["cost_nano_usd"] > 0
    assert receipt.get("spent_nano_usd", receipt.get("cost_nano_usd")) == attempt["cost_nano_usd"]
    quiet(house.gateway)


def test_another_deployment_goes_on_with_the_very_text_of_an_unbroken_answer(sdk: OpenAI, house: House) -> None:
    stream = sdk.chat.completions.create(model="cut-1", messages=says("Tell me more"), stream=True)
    chunks = list(stream)
    whole = sdk.chat.completions.create(model="cut-1", messages=says("Tell me more"))

    assert text(chunks) == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == len({chunk.model for chunk in chunks}) == 1
    assert [chunk.choices[0].delta.role for chunk in chunks].count("assistant") == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    receipt = house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    assert receipt["outcome"] == "ok"
    assert told(receipt) == [("cut-1-a", "", "broken"), ("cut-1-b", "other_deployment: broken", "")]
    assert "stream: cut-1-b went on after cut-1-a broke off" in receipt["notes"]
    assert receipt["served"] == "cut-1-b"
    first, second = receipt["attempts"]
    assert first["assumed"]
    assert receipt["spent_nano_usd"] == first["cost_nano_usd"] + second["cost_nano_usd"]


async def test_the_async_client_notices_nothing_of_the_change_either(house: House) -> None:
    async with async_client(house.gateway) as sdk:
        stream = await sdk.chat.completions.create(
            model="cut-2", messages=says("Tell me more"), stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        whole = await sdk.chat.completions.create(model="cut-2", messages=says("Tell me more"))

    assert text(chunks) == whole.choices[0].message.content
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].usage is not None


def test_tool_calls_are_not_gone_on_with(sdk: OpenAI, house: House) -> None:
    stream = sdk.chat.completions.create(
        model="over-calls", messages=says("Hi"), tools=[tool("f", x="string")], stream=True
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)

    assert caught.value.code == "upstream_broken"
    receipt = house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])
    assert told(receipt) == [("calls", "", "broken")]


def test_several_answers_at_once_are_not_gone_on_with(sdk: OpenAI, house: House) -> None:
    stream = sdk.chat.completions.create(model="cut-3", messages=says("Twice"), n=2, stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(stream)

    assert caught.value.code == "upstream_broken"
    assert told(house.gateway.closed_receipt(stream.response.headers["x-antiphon-receipt"])) == [
        ("cut-3-a", "", "broken")
    ]


def test_the_events_of_a_continued_stream_are_each_well_formed(house: House) -> None:
    answer = house.gateway.chat({"model": "cut-4", "messages": says("Tell me more"), "stream": True})

    events = answer.body.decode().removesuffix("\n\n").split("\n\n")
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(one.removeprefix("data: ")) for one in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all("usage" not in chunk for chunk in chunks)
    assert house.gateway.receipt(answer)["outcome"] == "ok"
