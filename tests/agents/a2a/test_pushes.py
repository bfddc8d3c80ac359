"""News of tasks posted to whoever asked for them, signed."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.types.a2a_pb2 import (
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskPushNotificationConfig,
)
from agent_place import ALICE, Place, asks, document, says
from fakes.clock import StoppedClock

from antiphon.agents.a2a.pushes import TRIES, Pusher
from antiphon.core.principal import Principal
from antiphon.net.client import Client
from antiphon.net.egress import Egress
from antiphon.net.exchange import Exchange
from antiphon.net.post import signature

KEY = {"authorization": f"Bearer {ALICE}"}
LOOPBACK = ("127.0.0.0/8",)


class PushPlace(Place):
    """With a receiver of news at `/news`, which answers `status`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, {"helper": says, "asker": asks}, document("helper"), document("asker"))
        self.heard: list[tuple[dict[bytes, bytes], bytes]] = []
        self.status = 200

    async def _handle(self, exchange: Exchange) -> None:
        if exchange.path != b"/news":
            await super()._handle(exchange)
            return
        self.heard.append((exchange.headers, b"".join(exchange.body)))
        exchange.respond(self.status, b"", b"")


async def begun(here: PushPlace, agent: str, binding: str = "JSONRPC", **push: Any) -> Any:
    """A task with a push configuration, once it has stopped. Returns the client's view of its configurations."""
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {ALICE}"}, timeout=30) as http:
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding], streaming=False)
        client = await ClientFactory(config).create_from_url(f"{here.base}/a2a/{agent}")
        said = Message(message_id="m", role=Role.ROLE_USER, parts=[Part(text="hello")])
        made = TaskPushNotificationConfig(url=f"{here.base}/news", **push)
        request = SendMessageRequest(
            message=said, configuration=SendMessageConfiguration(task_push_notification_config=made)
        )
        task = (await anext(client.send_message(request))).task
        listed = await client.list_task_push_notification_configs(
            ListTaskPushNotificationConfigsRequest(task_id=task.id)
        )
        one = await client.get_task_push_notification_config(
            GetTaskPushNotificationConfigRequest(task_id=task.id, id=listed.configs[0].id)
        )
        other = await client.create_task_push_notification_config(
            TaskPushNotificationConfig(task_id=task.id, url=f"{here.base}/news", id="second")
        )
        await client.delete_task_push_notification_config(
            DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="second")
        )
    assert one == listed.configs[0]
    assert other.id == "second"
    return task


def pusher(here: PushPlace, client: Client, clock: Any = None) -> Pusher:
    return Pusher(here.store, client, clock or here.clock, LOOPBACK)


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_the_end_of_a_task_is_posted_once_and_signed(tmp_path: Path, binding: str) -> None:
    client = Client(Egress())
    async with PushPlace(tmp_path) as here:
        auth = {"scheme": "Bearer", "credentials": "c"}
        task = await begun(here, "helper", binding, token="t0ken", authentication=auth)
        assert await pusher(here, client).look() == 1
        assert await pusher(here, client).look() == 0
        client.close()
    ((headers, body),) = here.heard
    said = json.loads(body)["task"]
    assert (said["id"], said["status"]["state"]) == (task.id, "TASK_STATE_COMPLETED")
    assert said["artifacts"][0]["parts"] == [{"text": "You said: hello"}]
    assert headers[b"x-a2a-notification-token"] == b"t0ken"
    assert headers[b"authorization"] == b"Bearer c"
    signed = headers[b"x-antiphon-signature"].decode()
    assert signed == signature(body, "t0ken", int(signed.split(",")[0][2:]))


async def test_every_change_of_state_is_posted_in_turn(tmp_path: Path) -> None:
    client = Client(Egress())
    async with PushPlace(tmp_path) as here:
        task = await begun(here, "asker")
        work = pusher(here, client)
        await work.look()
        await work.look()
        await here.runs.answer(Principal(tenant="acme", key="alice"), task.id, "1.0", "blue")
        await here.runs.wait(
            Principal(tenant="acme", key="alice"), task.id, here.clock.steady_s() + 10, through_waits=True
        )
        await work.look()
        client.close()
    first, second = (json.loads(body) for _, body in here.heard)
    assert first["statusUpdate"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert second["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_what_is_not_taken_is_posted_again_later_and_given_up_in_the_end(tmp_path: Path) -> None:
    client = Client(Egress())
    async with PushPlace(tmp_path) as here:
        await begun(here, "helper")
        here.status = 500
        clock = StoppedClock(here.clock.now_ns())
        work = pusher(here, client, clock)
        for _ in range(TRIES + 2):
            await work.look()
            await work.look()  # not before its time
            clock.at_ns += 400 * 10**9
        client.close()
    assert len(here.heard) == TRIES


async def test_an_address_of_our_own_networks_is_not_posted_to(tmp_path: Path) -> None:
    client = Client(Egress())
    async with PushPlace(tmp_path) as here:
        await begun(here, "helper")
        assert await Pusher(here.store, client, here.clock).look() == 0
        client.close()
    assert here.heard == []


@pytest.mark.parametrize("push", [{"url": "ftp://x"}, {"url": "no"}, {"url": "https://x", "token": "a\r\nb: c"}])
async def test_a_configuration_that_can_not_be_is_refused(tmp_path: Path, push: dict[str, str]) -> None:
    async with PushPlace(tmp_path) as here, httpx.AsyncClient(headers=KEY, timeout=60) as http:
        message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]}
        params = {"message": message, "configuration": {"taskPushNotificationConfig": push}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
        answer = await http.post(f"{here.base}/a2a/helper", json=call)
    assert answer.json()["error"]["code"] == -32602
