"""Tools as they will be, made of documents alone: nothing is reached, so that they can be judged before anything runs.

What documents don't say by themselves is missing: functions of Python, which would have to be loaded, and documents of
OpenAPI that are fetched.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from antiphon.agents.documents.document import Document
from antiphon.agents.tools.documents import MayRead
from antiphon.agents.tools.grip import Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.secrets import Secrets
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.agents.tools.workshop import Workshop
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.core.clock import SystemClock
from antiphon.core.tool import Tool, ToolContext
from antiphon.knowledge.collection import Collection

_NOTHING: Any = cast("Any", object())
"""Stands for ports that hands are given and don't use before they are called."""


class Sketched(dict[str, tuple[Tool, str]]):
    """Tools by name, each with the tenant whose it is; empty: everybody's."""

    def of(self, tenant: str) -> list[Tool]:
        """Those that an agent of a tenant may reach."""
        return [tool for tool, whose in self.values() if whose in ("", tenant)]


class _Nobody(MayRead):
    def may_read(self, context: ToolContext, collection: Collection) -> bool:
        return False


def sketched(others: Mapping[str, Mapping[str, Document]], base: Path, secrets: Secrets) -> Sketched:
    """The tools of documents by kind and name (`Shelf.others`). Reads files that they name; loads no code."""
    clock = SystemClock()
    box = Toolbox(
        Surroundings(clock=clock, fraction=lambda: 0.0, breakers=MemoryBreakers()), Kept(entries=1, size_bytes=1)
    )
    parts = Parts(
        clock=clock,
        secrets=secrets,
        base=base,
        transport=_NOTHING,
        store=_NOTHING,
        sandbox=_NOTHING,
        may=_Nobody(),
    )
    workshop = Workshop(box, parts)
    tools = {name: one for name, one in others.get("Tool", {}).items() if one.spec.python is None}
    try:
        workshop.know({**others, "Tool": tools})
        found = ((name, box.get(name)) for name in box.names())
        return Sketched({name: (tool, box.tenant(name)) for name, tool in found if tool is not None})
    finally:
        workshop.close()
