"""The MCP gateway holds tools to the class of data that they take."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_gateway import ALICE, Front

from antiphon.agents.mcp.document import ToolHints, ToolServerSpec


@pytest.fixture
async def front(tmp_path: Path, shop: str) -> AsyncIterator[Front]:
    async with Front(tmp_path).open() as made:
        yield made


async def test_a_tool_is_given_nothing_above_what_it_takes(front: Front, shop: str) -> None:
    takes = {"price": ToolHints(takes="public"), "count": ToolHints(data_class="restricted")}
    await front.place.have(shop=ToolServerSpec(url=shop, takes="internal", hints=takes))

    async def priced(data_class: str, name: str = "price", **arguments: Any) -> types.CallToolResult:
        headers = {"authorization": f"Bearer {ALICE}", "x-antiphon-data-class": data_class}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(f"{front.url}/shop", http_client=http)
            async with Client(transport, mode="2026-07-28") as peer:
                return await peer.call_tool(name, arguments)

    free = await priced("public", item="pen")
    refused = await priced("internal", item="pen")
    counted = await priced("internal", "count", to=1)

    assert (free.is_error, counted.is_error) == (False, False), "what comes back may be of a higher class"
    assert refused.is_error
    (part,) = refused.content
    assert isinstance(part, types.TextContent)
    assert part.text.startswith("shop__price is given nothing above public, and this is internal")
    assert [(one.outcome, one.error, len(one.attempts)) for one in front.receipts] == [
        ("ok", "", 1),
        ("refused", "tool_not_allowed", 0),
        ("ok", "", 1),
    ]
