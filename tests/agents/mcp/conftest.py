"""What tests of MCP share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from kept_in import not_kept_in, usual
from mcp_gateway import Front
from sdk_shop import library, shop
from sdk_sockets import sockets_are_let_go, sockets_may_be_left

from antiphon.agents.mcp.document import ToolHints, ToolServerSpec

__all__ = ["library", "not_kept_in", "shop", "sockets_are_let_go", "sockets_may_be_left", "usual"]


@pytest.fixture
async def front(tmp_path: Path, shop: str) -> AsyncIterator[Front]:
    """A gateway before a shop whose refunds are destructive."""
    async with Front(tmp_path).open() as made:
        await made.place.have(shop=ToolServerSpec(url=shop, hints={"refund": ToolHints(destructive=True)}))
        yield made
