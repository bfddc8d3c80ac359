"""Our agents over A2A, asked by a2a-sdk's client in both bindings, and by hand where the SDK can't ask."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.client.client import Client
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from agent_place import ALICE, BOB, EVE, SKILL, Place, asks, document, fails, hangs, says
from google.protobuf.json_format import MessageToDict
from msgspec import structs

from antiphon.agents.documents.shelf import Shelf
from antiphon.core.principal import Principal
from antiphon.core.run_store import Asked as Wanted

PLAYS = {"helper": says, "asker": asks, "failer": fails, "hanger": hangs, "hidden": says}
DOCUMENTS = [document(name, skills=[SKILL], listed=name != "hidden") for name in PLAYS]
BINDINGS = ["JSONRPC", "HTTP+JSON"]


def place(tmp_path: Path, **more: Any) -> Place:
    return Place(tmp_path, PLAYS, *DOCUMENTS, **more)


@asynccontextmanager
async def peer(
    here: Place, agent: str, binding: str, *, streaming: bool = False, key: str = ALICE
) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=streaming)
        yield await ClientFactory(config).create_from_url(f"{here.base}/a2a/{agent}")


def message(text: str = "", number: str = "m1", data: Any = None, **more: Any) -> Message:
    made = Message(message_id=number, role=Role.ROLE_USER, parts=[Part(text=text)] if text else [], **more)
    if data is not None:
        part = Part()
        part.data.struct_value.update(data)
        made.parts.append(part)
    return made


async def sent(client: Client, said: Message, **configuration: Any) -> list[Any]:
    request = SendMessageRequest(message=said, configuration=SendMessageConfiguration(**configuration))
    return [one async for one in client.send_message(request)]


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_message_is_a_run_and_its_answer_an_artifact(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here, peer(here, "helper", binding) as client:
        (event,) = await sent(client, message("hello"))
        task = event.task
        again = await client.get_task(GetTaskRequest(id=task.id, history_length=0))
        listed = await client.list_tasks(ListTasksRequest(context_id=task.context_id))
        same = (await sent(client, message("hello")))[0].task
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert task.artifacts[0].parts[0].text == "You said: hello"
    assert task.history[0].parts[0].text == "hello"
    assert MessageToDict(task.metadata)["used"]["costNanoUsd"] == 1500
    assert (again.status.state, len(again.history)) == (TaskState.TASK_STATE_COMPLETED, 0)
    assert [one.id for one in listed.tasks] == [task.id]
    assert same.id == task.id, "the same message twice is one task"


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_stream_tells_how_it_goes_and_ends_with_the_answer(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here, peer(here, "helper", binding, streaming=True) as client:
        events = await sent(client, message("hello"))
    kinds = [one.WhichOneof("payload") for one in events]
    assert kinds[0] == "task"
    assert kinds[-2:] == ["artifact_update", "status_update"]
    told = [one.status_update.status.message.parts[0].text for one in events[1:-2]]
    assert told == ["the model of the role act wants look_up", "look_up answered"]
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_COMPLETED


@pytest.mark.parametrize("binding", BINDINGS)
async def test_what_needs_a_person_is_asked_as_data_and_answered_on_the_same_task(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here, peer(here, "asker", binding) as client:
        waiting = (await sent(client, message("paint it")))[0].task
        data = MessageToDict(waiting.status.message.parts[1].data)
        wrong = message(number="m2", data={"key": "0.7", "answer": "red"}, task_id=waiting.id)
        with pytest.raises(Exception, match="no longer waits"):
            await sent(client, wrong)
        answer = message(number="m3", data={"key": data["key"], "answer": "blue"}, task_id=waiting.id)
        done = (await sent(client, answer))[0].task
    assert waiting.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert data == {"kind": "question", "key": "1.0", "to": "", "shown": {"question": "Which colour?"}}
    assert waiting.status.message.parts[0].text == "Which colour?"
    assert done.id == waiting.id
    assert MessageToDict(done.artifacts[0].parts[0].data) == {"colour": "blue"}


@pytest.mark.parametrize("binding", BINDINGS)
async def test_tasks_are_cancelled_once(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here, peer(here, "hanger", binding) as client:
        task = (await sent(client, message("wait"), return_immediately=True))[0].task
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
    async with place(tmp_path) as here, peer(here, "hanger", binding, streaming=True) as client:
        with pytest.raises(TaskNotCancelableError):
            await client.cancel_task(CancelTaskRequest(id=task.id))
        with pytest.raises(UnsupportedOperationError):
            [one async for one in client.subscribe(SubscribeToTaskRequest(id=task.id))]
        with pytest.raises(UnsupportedOperationError):
            await sent(client, message("go on", "m2", task_id=task.id))
    assert task.status.state in (TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING)
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED


@pytest.mark.parametrize("binding", BINDINGS)
async def test_a_task_is_subscribed_to_while_it_waits(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here, peer(here, "asker", binding, streaming=True) as client:
        task = (await sent(client, message("paint it")))[0].task
        events = [one async for one in client.subscribe(SubscribeToTaskRequest(id=task.id))]
    assert [one.WhichOneof("payload") for one in events] == ["task", "status_update"]
    assert events[-1].status_update.status.state == TaskState.TASK_STATE_INPUT_REQUIRED


@pytest.mark.parametrize("binding", BINDINGS)
async def test_tasks_of_others_are_not_there(tmp_path: Path, binding: str) -> None:
    async with place(tmp_path) as here:
        async with peer(here, "helper", binding) as client:
            task = (await sent(client, message("hello")))[0].task
        async with peer(here, "helper", binding, key=EVE) as client:
            with pytest.raises(TaskNotFoundError):
                await client.get_task(GetTaskRequest(id=task.id))
            assert (await client.list_tasks(ListTasksRequest())).total_size == 0
        async with peer(here, "failer", binding) as client:
            with pytest.raises(TaskNotFoundError):
                await client.get_task(GetTaskRequest(id=task.id))


async def test_a_run_that_failed_is_a_failed_task_with_its_reason(tmp_path: Path) -> None:
    async with place(tmp_path) as here, peer(here, "failer", "JSONRPC") as client:
        task = (await sent(client, message("hello")))[0].task
        listed = await client.list_tasks(ListTasksRequest(status=TaskState.TASK_STATE_FAILED, page_size=1))
        none = await client.list_tasks(ListTasksRequest(status=TaskState.TASK_STATE_COMPLETED))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert task.status.message.parts[0].text == "money: the envelope has no money left"
    assert (listed.total_size, none.total_size) == (1, 0)


async def test_pages_follow_each_other(tmp_path: Path) -> None:
    async with place(tmp_path) as here, peer(here, "helper", "JSONRPC") as client:
        for number in range(3):
            await sent(client, message("hello", f"m{number}"))
        first = await client.list_tasks(ListTasksRequest(page_size=2))
        second = await client.list_tasks(ListTasksRequest(page_size=2, page_token=first.next_page_token))
        with pytest.raises(Exception, match="pageSize"):
            await client.list_tasks(ListTasksRequest(page_size=1000))
    assert (len(first.tasks), len(second.tasks), second.next_page_token) == (2, 1, "")
    assert first.total_size == 3
    assert {one.id for one in (*first.tasks, *second.tasks)} == {one.id for one in (*second.tasks, *first.tasks)}


async def test_the_extended_card_has_the_skills(tmp_path: Path) -> None:
    async with place(tmp_path) as here, peer(here, "helper", "JSONRPC") as client:
        card = await client.get_extended_agent_card(GetExtendedAgentCardRequest())
    assert [skill.id for skill in card.skills] == ["help"]
    assert card.capabilities.extended_agent_card


# --- by hand


async def ask(here: Place, path: str, body: Any = None, key: str = ALICE, **headers: str) -> httpx.Response:
    told = {"authorization": f"Bearer {key}"} if key else {}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=here.base, headers=told, timeout=30) as http:
        return await (http.get(path) if body is None else http.post(path, json=body))


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


async def test_a_card_is_cached_by_its_etag_and_needs_a_key(tmp_path: Path) -> None:
    path = "/a2a/helper/.well-known/agent-card.json"
    async with place(tmp_path) as here:
        first = await ask(here, path, a2a_version="1.0")
        same = await ask(here, path, a2a_version="1.0", if_none_match=first.headers["etag"])
        nobody = await ask(here, path, key="")
        hidden = await ask(here, "/a2a/hidden/.well-known/agent-card.json")
        future = await ask(here, path, a2a_version="2.0")
    assert first.json()["supportedInterfaces"][1] == {
        "url": f"{here.base}/a2a/helper/v1",
        "protocolBinding": "HTTP+JSON",
        "protocolVersion": "1.0",
    }
    assert (same.status_code, same.content) == (304, b"")
    assert (nobody.status_code, hidden.status_code, future.status_code) == (401, 404, 400)
    assert future.json()["error"]["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"


async def test_a_caller_of_0_3_is_understood(tmp_path: Path) -> None:
    said = {"kind": "message", "messageId": "old", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}
    async with place(tmp_path) as here:
        card = (await ask(here, "/a2a/helper/.well-known/agent-card.json")).json()
        task = (await ask(here, "/a2a/helper", rpc("message/send", message=said))).json()["result"]
        got = (await ask(here, "/a2a/helper", rpc("tasks/get", id=task["id"]))).json()["result"]
        stream = (await ask(here, "/a2a/helper", rpc("message/stream", message=said))).text
        missing = (await ask(here, "/a2a/helper", rpc("tasks/get", id="none"))).json()["error"]
    assert (card["url"], card["preferredTransport"]) == (f"{here.base}/a2a/helper", "JSONRPC")
    assert task["kind"] == "task"
    assert task["status"]["state"] == "completed"
    assert task["artifacts"][0]["parts"] == [{"kind": "text", "text": "You said: hello"}]
    assert got == task
    assert '"final":true' in stream
    assert missing["code"] == -32001


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (rpc("NoSuchMethod"), -32601),
        (rpc("GetTask"), -32602),
        (rpc("SendMessage", message={"role": "ROLE_USER"}), -32602),
        (rpc("SendMessage", message={"messageId": 5}), -32602),
        ({"jsonrpc": "1.0", "method": "GetTask"}, -32600),
        ([], -32600),
    ],
)
async def test_what_is_no_call_is_answered_with_an_error_of_the_protocol(tmp_path: Path, body: Any, code: int) -> None:
    async with place(tmp_path) as here:
        answer = await ask(here, "/a2a/helper", body)
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["data"][0]["@type"].endswith("ErrorInfo")


async def test_an_unknown_path_of_the_http_binding_is_not_there(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        answer = await ask(here, "/a2a/helper/v1/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"]["details"][0]["reason"] == "METHOD_NOT_FOUND"


@pytest.mark.parametrize("path", ["/a2a/helper", "/a2a/helper/v1/message:send"])
@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"a":"\xff"}', b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900])
async def test_a_body_that_cannot_be_read_is_answered(tmp_path: Path, path: str, body: bytes) -> None:
    async with place(tmp_path) as here, httpx.AsyncClient(base_url=here.base, timeout=30) as http:
        headers = {"authorization": f"Bearer {ALICE}", "content-type": "application/json"}
        answer = await http.post(path, content=body, headers=headers)
    assert answer.json()["error"]["code"] in (-32700, 400)


@pytest.mark.parametrize("path", ["/a2a/helper", "/a2a/helper/v1/message:send"])
async def test_a_body_that_does_not_say_that_it_is_json_begins_nothing(tmp_path: Path, path: str) -> None:
    said = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}
    body = rpc("SendMessage", **said) if path.endswith("helper") else said
    async with place(tmp_path) as here, httpx.AsyncClient(base_url=here.base, timeout=30) as http:
        headers = {"authorization": f"Bearer {ALICE}", "content-type": "text/plain"}
        answer = await http.post(path, content=json.dumps(body), headers=headers)
        assert "application/json" in answer.json()["error"]["message"]
        assert here.store.page(Wanted()) == []


async def test_the_same_message_id_of_another_caller_is_another_task(tmp_path: Path) -> None:
    said = {"messageId": "same", "role": "ROLE_USER", "parts": [{"text": "hi"}]}
    async with place(tmp_path) as here:
        found = [
            (await ask(here, "/a2a/helper", rpc("SendMessage", message=said), key)).json()
            for key in (ALICE, ALICE, BOB)
        ]
    first, again, other = [one["result"]["task"]["id"] for one in found]
    assert first == again != other
    assert found[0]["result"]["task"]["history"][0]["messageId"] == "same"


async def test_one_agent_alone_has_its_card_at_the_root(tmp_path: Path) -> None:
    path = "/.well-known/agent-card.json"
    async with Place(tmp_path, PLAYS, document("helper"), document("hidden", listed=False)) as here:
        nobody = await ask(here, path, key="")
        card = await ask(here, path)
        here.a2a = structs.replace(here.a2a, open_cards=Principal(tenant="", key="anybody"))
        opened = await ask(here, path, key="")
        here.shelf = Shelf(agents={name: {"1": document(name)} for name in ("helper", "other")})
        several = await ask(here, path)
        here.shelf = Shelf(agents={"own": {"1": document("own", tenant="acme")}})
        strange = await ask(here, "/a2a/own/.well-known/agent-card.json", key="")
    assert (nobody.status_code, card.status_code, opened.status_code) == (401, 200, 200)
    assert card.json()["name"] == "helper"
    assert (several.status_code, strange.status_code) == (404, 404)
    assert "/a2a/NAME/.well-known/agent-card.json" in several.json()["error"]["message"]
