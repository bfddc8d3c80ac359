"""A server made with the protocol's own SDK: by HTTP for a port, by standard input and output without one."""

import sys
from pathlib import Path

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("shop", version="7", instructions="Sells things.")
DESCRIPTION = Path(sys.argv[2]) if len(sys.argv) > 2 else None


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def price(item: str) -> dict[str, int]:
    """What an item costs, in cents."""
    if item == "void":
        raise ValueError("nobody sells the void")
    return {"cents": 100 * len(item)}


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def refund(order: int, note: str = "") -> str:
    """Give the money of an order back."""
    return f"order {order} is paid back {note}".strip()


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Count slowly."""
    for at in range(to):
        await ctx.report_progress(at + 1, to, f"at {at + 1}")
    return f"counted to {to}"


@server.tool()
async def hang() -> str:
    """Never answers."""
    await anyio.sleep_forever()
    return ""


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] != "-":
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
