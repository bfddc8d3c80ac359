"""What is dangerous about the agents of a process with the tools that there are: told once, and kept from beginning."""

import logging
from collections.abc import Callable, Sequence

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.safety.trifecta import lint
from antiphon.core.tool import Tool, Tools

log = logging.getLogger("antiphon.agents")


class Hazards:
    """Of one process. Tools may come after the documents: those of servers, and of documents that are fetched."""

    def __init__(self, shelf: Callable[[], Shelf], tools: Tools) -> None:
        self._shelf, self._tools = shelf, tools
        self._told: set[tuple[str, str, str]] = set()

    def look(self) -> None:
        """Tell what is dangerous about each agent in its newest version; the same once."""
        for versions in self._shelf().agents.values():
            document = [*versions.values()][-1]
            for problem in lint(document, reachable(self._tools, document.metadata.tenant)):
                found = f"{document.name}@{document.version}", problem.code, problem.say
                if found in self._told:
                    continue
                self._told.add(found)
                if problem.fatal:
                    log.error("agent.refused", extra={"agent": found[0], "code": problem.code, "reason": problem.say})
                else:
                    log.warning("agent.unsafe", extra={"agent": found[0], "code": problem.code, "reason": problem.say})

    def unsafe(self, document: AgentDocument, tenant: str) -> str:
        """Why no run of an agent may begin or go on with the tools that a tenant has; empty: it may."""
        return fatal(document, reachable(self._tools, tenant))


def reachable(tools: Tools, tenant: str) -> list[Tool]:
    """Tools that an agent of a tenant may reach."""
    found = (tools.get(name) for name in tools.names() if tools.tenant(name) in ("", tenant))
    return [one for one in found if one is not None]


def fatal(document: AgentDocument, tools: Sequence[Tool]) -> str:
    """Why an agent is not to be run with these tools; empty: it may be."""
    if document.spec.safety.trifecta != "refuse":
        return ""
    return "; ".join(one.say for one in lint(document, tools) if one.fatal)
