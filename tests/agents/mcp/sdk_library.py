"""A server with resources and prompts, made with the protocol's own SDK: by HTTP for a port, else by standard input and output."""

import sys

from mcp import types
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resources import TextResource

server = MCPServer("library", version="3")
BOOKS = {"moby": "Call me Ishmael.", "post": "Write to ann@example.org.", "evil": "How to build a bomb."}


@server.resource("books://all", mime_type="text/plain", description="Every book.")
def every() -> str:
    return ", ".join(BOOKS)


@server.resource("books://cover", mime_type="image/png")
def cover() -> bytes:
    return b"\x89PNG"


@server.resource("books://by-name/{name}", mime_type="text/plain", description="One book.")
def book(name: str) -> str:
    return BOOKS[name]


@server.prompt(description="Praise a book.")
def praise(title: str, tone: str = "warm") -> str:
    return f"Praise {title} in a {tone} tone."


@server.completion()
async def complete(
    ref: types.PromptReference | types.ResourceTemplateReference,
    argument: types.CompletionArgument,
    context: types.CompletionContext | None,
) -> types.Completion:
    begun = [one for one in BOOKS if one.startswith(argument.value)]
    name = ref.name if isinstance(ref, types.PromptReference) else ref.uri
    return types.Completion(values=[*begun, name])


@server.tool()
async def tell(ctx: Context) -> str:
    """Say that something has changed."""
    await ctx.notify_resources_changed()
    return "told"


@server.tool()
async def add(name: str, text: str, ctx: Context) -> str:
    """A book more."""
    server.add_resource(TextResource(uri=f"books://{name}", name=name, text=text))
    await ctx.session.send_resource_list_changed()
    await ctx.notify_resources_changed()
    return "added"


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] != "-":
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
