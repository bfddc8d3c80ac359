"""Requests of a whole gateway on fakes, and what holds of each whatever comes of it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from bodies import request
from fakes.house import House, NotedReply
from receipts import ALICE

from antiphon.core.principal import Principal
from antiphon.core.request import Request


def asking(**fields: Any) -> Request:
    return request(json.dumps({"model": "fast", "messages": [{"role": "user", "content": "hello"}], **fields}).encode())


async def told(
    house: House,
    asked: Request | None = None,
    principal: Principal = ALICE,
    headers: Mapping[bytes, bytes] | None = None,
) -> NotedReply:
    """Ask, see to it that there is one answer, one receipt and nothing left open."""
    reply = await house.answer(asked or asking(), principal, headers)
    assert reply.ended
    house.check_settled()
    assert house.receipt.outcome != "running"
    return reply


async def gone(house: House, asked: Request, *, when: str) -> NotedReply:
    """Ask, and leave as soon as something has happened; see to it that nothing is left open."""
    reply = NotedReply(house.events)
    task = asyncio.ensure_future(house.gateway.answer(asked, ALICE, house.arrival(), reply))
    for _ in range(100):
        if when in house.events:
            break
        await asyncio.sleep(0)
    assert when in house.events
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    house.check_settled()
    return reply
