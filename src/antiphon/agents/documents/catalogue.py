"""Every kind of documents that there is."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from antiphon.agents.a2a.document import KIND as REMOTE_AGENT
from antiphon.agents.documents.check_agent import check_agent
from antiphon.agents.documents.document import AgentSpec, Document, PromptSpec
from antiphon.agents.documents.kinds import Kind, own
from antiphon.agents.documents.library import Library, Wrong, near
from antiphon.agents.mcp.document import KIND as TOOL_SERVER
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.triggers.settings import KIND as TRIGGER
from antiphon.knowledge.settings import CollectionSpec


def check_tool(document: Document, library: Library) -> Iterator[Wrong]:
    """A tool's own mistakes, and collections that there are not."""
    yield from own(document, library)
    spec: ToolSpec = document.spec
    for at, name in enumerate(() if spec.documents is None else spec.documents.collections):
        if library.one("Collection", name) is None:
            remedy = near(name, library.names("Collection"), "document of kind Collection")
            yield ("spec", "documents", "collections", at), f"no Collection is called {name!r}", remedy


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        one.name: one
        for one in (
            Kind(name="Agent", spec=AgentSpec, check=check_agent, plural="agents"),
            Kind(name="Prompt", spec=PromptSpec, plural="prompts"),
            Kind(name="Tool", spec=ToolSpec, check=check_tool, plural="tools", fills=False),
            Kind(name="Collection", spec=CollectionSpec, plural="collections"),
            TOOL_SERVER,
            REMOTE_AGENT,
            TRIGGER,
        )
    }
)
"""By name."""
