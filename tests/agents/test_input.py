"""What a run is given, held to its agent's `input` whatever begins it."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from a2a.client import ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest
from agent_place import ALICE, Place, document
from fakes.agents import House, ScriptedMind, agent, says, shown
from google.protobuf.json_format import MessageToDict

from antiphon.agents.documents.taking import taken
from antiphon.agents.journal import Ended
from antiphon.config.documents import Read, read_text, shelf_of
from antiphon.config.load import load_text
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.run import Run
from antiphon.core.run_store import Asked

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"order": {"$ref": "#/$defs/order"}, "usd": {"type": "number"}},
    "required": ["order"],
    "additionalProperties": False,
    "$defs": {"order": {"type": "string", "minLength": 1}},
}
WITH_GOAL = {**SCHEMA, "properties": {**SCHEMA["properties"], "goal": {"type": "string"}}}
CALLER = Principal(tenant="acme", key="alice")


def echoes(run: Run, mail: list[Any]) -> Any:
    yield Ended(status="done", stop="finished", why="", result=run.input)


def place(tmp_path: Path) -> Place:
    clerk = document("clerk", input=SCHEMA)
    told = document("told", input=WITH_GOAL)
    return Place(tmp_path, {"clerk": echoes, "told": echoes}, clerk, told)


@pytest.mark.parametrize(
    ("given", "param", "said"),
    [
        ("refund it", "input", "no JSON object"),
        ([1], "input", "no JSON object"),
        ({}, "input", "order"),
        ({"order": 7}, "input.order", "7 is not of type"),
        ('{"order": "7", "usd": "x"}', "input.usd", "is not of type"),
        ({"order": "7", "more": 1}, "input", "more"),
        ({"order": "7", "untrusted": {"usd": "x"}}, "input.usd", "is not of type"),
    ],
)
async def test_a_run_that_is_given_something_else_is_not_begun(
    tmp_path: Path, given: Any, param: str, said: str
) -> None:
    async with place(tmp_path) as here:
        with pytest.raises(BadRequest, match=said) as caught:
            await here.runs.begin(CALLER, "clerk", given)
        assert await here.runs.page(CALLER, Asked()) == []
    assert (caught.value.param, caught.value.said_code) == (param, "input_mismatch")
    assert "see GET /v1/agents/clerk" in caught.value.message


def test_what_it_takes_is_given_as_it_is_and_a_text_is_read_as_json() -> None:
    clerk = document("clerk", input=SCHEMA)
    assert taken(clerk, '{"order": "7"}') == {"order": "7"}
    assert taken(clerk, {"untrusted": {"order": "7"}}) == {"untrusted": {"order": "7"}}
    assert taken(document("other"), "anything") == "anything"


BODIES: dict[str, Any] = {
    "/v1/chat/completions": lambda text: {
        "model": "agent/clerk",
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": text},
        ],
    },
    "/v1/responses": lambda text: {"model": "agent/clerk", "input": text},
    "/v1/messages": lambda text: {
        "model": "agent/clerk",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": text}],
    },
    "/v1beta/models/agent%2Fclerk:generateContent": lambda text: {
        "contents": [{"role": "user", "parts": [{"text": text}]}]
    },
}


@pytest.mark.parametrize("path", BODIES)
async def test_a_model_call_gives_it_as_the_last_message(tmp_path: Path, path: str) -> None:
    headers = {"authorization": f"Bearer {ALICE}"}
    async with place(tmp_path) as here, httpx.AsyncClient(base_url=here.base, headers=headers, timeout=30) as ask:
        right = await ask.post(path, json=BODIES[path]('{"order": "7"}'))
        wrong = await ask.post(path, json=BODIES[path]('{"order": 7}'))
        (run,) = await here.runs.page(CALLER, Asked())
    given = json.loads(run.input)
    assert given.pop("messages", None) == (
        [{"role": "user", "text": "hello"}, {"role": "assistant", "text": "hi"}] if "chat" in path else None
    )
    assert (right.status_code, given) == (200, {"order": "7"})
    assert wrong.status_code == 400
    error = wrong.json()["error"]
    assert "the last message is the run's input, as JSON: input.order: 7 is not of type" in error["message"]


@pytest.mark.parametrize(
    ("name", "parts", "given"),
    [
        ("clerk", [{"order": "7"}], {"order": "7"}),
        ("clerk", [{"order": "7"}, {"usd": 2}], {"order": "7", "usd": 2}),
        ("clerk", ['{"order": "7"}'], {"order": "7"}),
        ("clerk", ["please", {"order": "7"}], "no text beside it"),
        ("clerk", [{"order": 7}], "input.order"),
        ("told", ["Be quick.", {"order": "7"}], {"order": "7", "goal": "Be quick."}),
    ],
)
async def test_an_a2a_message_gives_it_as_data(tmp_path: Path, name: str, parts: list[Any], given: Any) -> None:
    message = Message(message_id="m1", role=Role.ROLE_USER)
    for one in parts:
        part = Part(text=one) if isinstance(one, str) else Part()
        if not isinstance(one, str):
            part.data.struct_value.update(one)
        message.parts.append(part)
    headers = {"authorization": f"Bearer {ALICE}"}
    async with place(tmp_path) as here, httpx.AsyncClient(headers=headers, timeout=30) as http:
        card = (await http.get(f"{here.base}/a2a/{name}/.well-known/agent-card.json")).json()
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=["JSONRPC"], streaming=False)
        client = await ClientFactory(config).create_from_url(f"{here.base}/a2a/{name}")
        if isinstance(given, str):
            with pytest.raises(Exception, match=given):
                _ = [one async for one in client.send_message(SendMessageRequest(message=message))]
            return
        (answer,) = [one async for one in client.send_message(SendMessageRequest(message=message))]
        (run,) = await here.runs.page(CALLER, Asked())
    assert json.loads(run.input) == given
    extension = card["capabilities"]["extensions"][1]
    assert (extension["uri"], extension["params"]["schema"]["required"]) == ("urn:antiphon:a2a:input:1", ["order"])
    asked = MessageToDict(answer)["task"]["history"][0]["parts"][0]
    assert asked.get("text", asked.get("data")) == given.get("goal", given)


def finish(answer: Any) -> Any:
    return says("", ("finish", {"answer": answer}))


async def test_the_model_of_a_parent_is_shown_it_as_a_tools_arguments() -> None:
    scripts = {
        "lead": [
            says("", ("ask_agent__clerk", {"order": 7})),
            says("", ("ask_agent", {"agent": "clerk", "task": "refund order 7"})),
            says("", ("ask_agent__clerk", {"order": "7"})),
            finish("All."),
        ],
        "clerk": [finish("Paid.")],
    }
    mind = ScriptedMind({"act": lambda ask: scripts[ask.agent].pop(0)})
    house = House(mind, agents=[agent("lead", children={"agents": ["clerk"]}), agent("clerk", input=SCHEMA)])
    run = await house.finish(house.begin(name="lead"))
    assert run.status == "done", run.why
    offered = {one.name: one for one in mind.asked[0].tools}
    assert offered["ask_agent__clerk"].parameters == SCHEMA
    (child,) = [one for one in house.store.runs.values() if one.parent == run.id]
    given = json.loads(child.input)
    given.pop("_above")
    assert given == {"order": "7"}
    last = shown(mind.asked[-1])
    assert "input.order: 7 is not of type" in last
    assert "it is no JSON object" in last
    assert "Paid." in last


SETTINGS = load_text(
    "providers: {lab: {lab: {models: {s: {}}}}}\nmodels: {s: {provider: lab, tier: fast}}\nroutes: {auto: {models: [s]}}\n",
    "a.yaml",
    Path(),
    {},
).settings


def problems(*documents: dict[str, Any]) -> list[str]:
    text = yaml.safe_dump_all([{"apiVersion": "antiphon/v1", **one} for one in documents])
    found = Read(documents=[], written=[], problems=[])
    read_text(found, text, "agents.yaml", {}, Path())
    return [str(one) for one in shelf_of(found, SETTINGS)[1]]


def clerk(schema: Any) -> dict[str, Any]:
    return {"kind": "Agent", "metadata": {"name": "clerk"}, "spec": {"goal": "Work.", "input": schema}}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "`type` has to be `object`"),
        ({"type": "object", "properties": 7}, "is not of type"),
        ({"type": "object", "$ref": "https://example.com/x"}, "leads out of the schema"),
    ],
)
def test_a_schema_that_describes_no_input_is_found_at_load(schema: Any, said: str) -> None:
    (problem,) = problems(clerk(schema))
    assert "input" in problem
    assert said in problem


def test_what_a_schedule_gives_is_held_to_it_at_load() -> None:
    metadata = {"name": "daily", "tenant": "acme"}
    spec = {"agent": "clerk", "cron": {"schedule": "0 7 * * *"}}
    right = {"kind": "Trigger", "metadata": metadata, "spec": {**spec, "inputs": {"order": "7"}}}
    wrong = {"kind": "Trigger", "metadata": metadata, "spec": {**spec, "inputs": {"order": 7}, "goal": "Go."}}
    assert problems(clerk(SCHEMA), right) == []
    found = problems(clerk(SCHEMA), wrong)
    assert len(found) == 2
    assert any("order" in one and "is not of type" in one for one in found)
    assert all("takes by its `input`" in one for one in found)
