"""Alerts reach the webhook once, signed, and tried again; none is lost unseen."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator

import pytest

from antiphon.control.alerts import MOST_WAITING, Alerts
from antiphon.control.settings_alerts import AlertSettings, WebhookSettings
from antiphon.core.alert import Alert
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from antiphon.net.post import signature

ALERT = Alert(
    at_ns=1, budget="team-month", account="team-month|acme|support", tenant="acme", measure="money", threshold=0.8,
    fraction=0.81, limit=500,
)  # fmt: skip
NOW_NS = 1_790_000_000_000_000_000


class Receiver:
    """A webhook on a real socket that answers with the given statuses, the last of them for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.port = 0
        self.enough = asyncio.Event()
        self.wanted = len(statuses)
        self.tasks = set[asyncio.Task[None]]()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
                self.seen.append((headers, await reader.readexactly(int(headers["content-length"]))))
                status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
                if len(self.seen) >= self.wanted:
                    self.enough.set()
        writer.close()
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver
        server.close()
        await asyncio.gather(*receiver.tasks)


def settings(port: int, **more: object) -> AlertSettings:
    url = Secret(f"http://127.0.0.1:{port}/hook?token=t")
    return AlertSettings(webhook=WebhookSettings(url=url, secret=Secret("shared"), **more))  # type: ignore[arg-type]


async def told(receiver: Receiver, given: AlertSettings, *alerts: Alert) -> list[float]:
    """Tell alerts, and wait until the receiver has what it wants. Returns: the gaps between tries."""
    client, gaps = Client(), list[float]()

    async def pause(gap_s: float) -> None:
        gaps.append(gap_s)

    sender = Alerts(client, given, lambda: NOW_NS, pause)
    for alert in alerts:
        sender.tell(alert)
    running = asyncio.create_task(sender.run())
    async with asyncio.timeout(10):
        await receiver.enough.wait()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    client.close()
    return gaps


async def test_an_alert_is_posted_as_json_with_its_signature() -> None:
    async with receiving(204) as receiver:
        assert await told(receiver, settings(receiver.port), ALERT) == []
        headers, body = receiver.seen[0]
    said = json.loads(body)
    assert said["type"] == "budget.threshold"
    assert (said["budget"], said["threshold"], said["limit"]) == ("team-month", 0.8, 500)
    assert headers["x-antiphon-signature"] == signature(body, "shared", NOW_NS // 10**9)
    assert headers["content-type"] == "application/json"


async def test_a_webhook_that_fails_is_tried_again_at_growing_gaps() -> None:
    async with receiving(500, 503, 200) as receiver:
        gaps = await told(receiver, settings(receiver.port), ALERT)
        bodies = {body for _, body in receiver.seen}
    assert gaps == [1.0, 4.0]
    assert len(bodies) == 1


async def test_one_that_never_works_is_told_in_the_log_and_the_next_goes_out(caplog: pytest.LogCaptureFixture) -> None:
    async with receiving(500, 500, 200) as receiver:
        with caplog.at_level(logging.ERROR, "antiphon.alerts"):
            await told(receiver, settings(receiver.port, tries=2), ALERT, ALERT)
    assert [record.message for record in caplog.records] == ["alert.not_sent"]
    assert caplog.records[0].__dict__["reason"] == "the webhook answered 500"


async def test_what_finds_no_room_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    sender = Alerts(client, settings(9), lambda: NOW_NS)
    with caplog.at_level(logging.ERROR, "antiphon.alerts"):
        for _ in range(MOST_WAITING + 1):
            sender.tell(ALERT)
    client.close()
    assert [record.message for record in caplog.records] == ["alert.not_sent"]
