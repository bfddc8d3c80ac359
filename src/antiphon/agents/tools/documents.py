"""Collections as tools: passages with where they stand, for those who may read them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import to_builtins

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.settings_data import DocumentsSpec
from antiphon.core.data_class import DataClass, highest
from antiphon.core.tool import Origins, Tool, ToolContext, ToolResult
from antiphon.knowledge.collection import Collection
from antiphon.knowledge.index import Passage

READ_PASSAGES = 8
Named = Callable[[str], Collection | None]
"""A collection by its name."""


class MayRead(ABC):
    """Asks policies whether a call may read a collection: as its caller and as its agent, both."""

    @abstractmethod
    def may_read(self, context: ToolContext, collection: Collection) -> bool: ...


def search_schema(spec: DocumentsSpec) -> dict[str, Any]:
    """Arguments of a search."""
    return {
        "type": "object",
        "properties": {
            "query": {"type": "string", "minLength": 1, "description": "Words that the passages have."},
            "most": {
                "type": "integer",
                "minimum": 1,
                "maximum": spec.passages,
                "description": f"Most passages. Default {spec.passages}.",
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    }


READ: dict[str, Any] = {
    "type": "object",
    "properties": {
        "document": {"type": "string", "description": "As a search names it, without lines."},
        "place": {"type": "integer", "minimum": 0, "description": "Passage to begin with. Default 0."},
    },
    "required": ["document"],
    "additionalProperties": False,
}


class DocumentsHand(Hand):
    """Searches some collections, or reads on in a document of theirs."""

    personal = True

    def __init__(self, tool: Tool, spec: DocumentsSpec, collection: Named, may: MayRead, *, read: bool = False) -> None:
        self.tool, self._spec, self._collection, self._may, self._read = tool, spec, collection, may, read

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        named = map(self._collection, self._spec.collections)
        readable = [one for one in named if one and one.reads(context.principal) and self._may.may_read(context, one)]
        if not readable:
            raise ToolFailed("policy_denied", "None of these collections may be read here.")
        found: list[Passage] = []
        for collection in readable:
            if self._read:
                found += await collection.around(
                    str(arguments["document"]), int(arguments.get("place", 0)), READ_PASSAGES
                )
            else:
                found += await collection.search(
                    str(arguments["query"]), int(arguments.get("most", self._spec.passages))
                )
        if self._read and not found:
            raise ToolFailed("not_found", f"There is no document {arguments['document']!r}, or nothing more of it.")
        most = READ_PASSAGES if self._read else int(arguments.get("most", self._spec.passages))
        best = found if self._read else sorted(found, key=lambda one: -one.score)
        return _told(best[:most], readable)


def _told(passages: Sequence[Passage], of: Sequence[Collection]) -> ToolResult:
    """Passages with numbers to cite by. They are of the class of the collections that they come from."""
    if not passages:
        return ToolResult(text="Nothing was found. Try other words.", data=[])
    names = {one.collection for one in passages}
    used = [one for one in of if one.name in names]
    lines = [f"[{number}] {_titled(one)} ({one.cited})\n{one.text}" for number, one in enumerate(passages, 1)]
    data = [{"citation": one.cited, **to_builtins(one)} for one in passages]
    classes: list[DataClass] = [one.data_class for one in used]
    origins = Origins(
        data_class=highest(*classes),
        untrusted=any(one.spec.untrusted for one in used),
    )
    return ToolResult(text="\n\n".join(lines), data=data, origins=origins)


def _titled(one: Passage) -> str:
    """The document and the headings that a passage stands below."""
    if one.heading.startswith(one.title):
        return one.heading
    return f"{one.title} > {one.heading}" if one.heading else one.title
