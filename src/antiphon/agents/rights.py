"""What policies let whom do with agents, tools and collections: what the agent may, and what the caller may, both."""

from collections.abc import Callable, Mapping

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.core.data_class import DataClass
from antiphon.core.deployment import Deployment
from antiphon.core.principal import Principal
from antiphon.core.tool import Origins, Tool
from antiphon.core.verdict import Verdict
from antiphon.policy.asked import Context, Resource
from antiphon.policy.policies import Policies
from antiphon.policy.verdict import KEY_MODELS, refusal

PROVIDER = "antiphon"
"""The provider of agents, as policies see them among deployments."""
TOOL = "tool/"
"""Begins what a key's list of models calls a tool."""


class Rights:
    """Asks the policies in force."""

    def __init__(self, policies: Callable[[], Policies], shelf: Callable[[], Shelf]) -> None:
        self._policies = policies
        self._shelf = shelf
        self._agents: tuple[Shelf, Mapping[str, Deployment]] | None = None

    def run(self, principal: Principal, document: AgentDocument, data_class: DataClass) -> None:
        """Whether a caller may begin a run: `call_model` on the deployment `agent/NAME`. Raises: PolicyDenied, NotAllowed."""
        name = f"agent/{document.name}"
        context = Context(data_class=data_class, model=name, route=name, operation="agent")
        verdict = self._policies().verdict(principal, context, self._deployments())
        if not verdict.allowed or name in verdict.excluded:
            raise refusal(verdict, principal, name)

    def tool(
        self, principal: Principal, agent: AgentDocument | None, tool: Tool, origins: Origins, session: str = ""
    ) -> Verdict:
        """Whether a tool may be used: by the caller, and by the agent where one does it. The first that says no.

        A key that lists tools among its models is held to those; one that lists none uses whatever its agents may.
        """
        if lists_tools(principal) and not principal.may_ask(f"{TOOL}{tool.name}"):
            return Verdict(allowed=False, reasons=(KEY_MODELS,), data_class=origins.data_class)
        resource = Resource(kind="Tool", name=tool.name, effects=effects_of(tool))
        context = Context(
            data_class=origins.data_class,
            model="" if agent is None else f"agent/{agent.name}",
            operation="tool",
            tools=frozenset((tool.name,)),
            tainted=origins.untrusted,
            session=bool(session),
            lot=session,
        )
        return self._both(principal, agent, "use_tool", resource, context)

    def collection(
        self, principal: Principal, agent: AgentDocument | None, name: str, data_class: DataClass, department: str = ""
    ) -> Verdict:
        """Whether a collection may be read."""
        resource = Resource(kind="Collection", name=name, data_class=data_class, department=department)
        model = "" if agent is None else f"agent/{agent.name}"
        context = Context(data_class=data_class, model=model, operation="retrieval")
        return self._both(principal, agent, "read_collection", resource, context)

    def _both(
        self, principal: Principal, agent: AgentDocument | None, action: str, resource: Resource, context: Context
    ) -> Verdict:
        policies = self._policies()
        assert action in {"use_tool", "read_collection"}
        word = "use_tool" if action == "use_tool" else "read_collection"
        verdict = policies.may(principal, word, resource, context)
        if not verdict.allowed or agent is None:
            return verdict
        own = policies.may(agent_principal(agent, principal.tenant), word, resource, context)
        if not own.allowed or not verdict.obligations.approve:
            return own
        return verdict

    def _deployments(self) -> Mapping[str, Deployment]:
        shelf = self._shelf()
        if self._agents is None or self._agents[0] is not shelf:
            self._agents = shelf, {f"agent/{name}": _deployment(name) for name in shelf.agents}
        return self._agents[1]


def agent_principal(agent: AgentDocument, tenant: str) -> Principal:
    """An agent itself, as policies see it: not its caller."""
    return Principal(
        tenant=tenant,
        key=f"agent/{agent.name}",
        roles=tuple(agent.spec.roles),
        employment="service",
        data_class=agent.spec.data_class,
    )


def lists_tools(principal: Principal) -> bool:
    """Whether a key says which tools are used in its name: an entry of its models begins with `tool/`."""
    return any(one.startswith(TOOL) for one in principal.models)


def effects_of(tool: Tool) -> frozenset[str]:
    """What a tool does, in the words that policies read."""
    words = {"read" if tool.effect == "pure" else "write", tool.effect}
    flags = {
        "destructive": tool.destructive,
        "egress": tool.sends,
        "private": tool.private,
        "untrusted": tool.untrusted,
        "simulated": tool.simulated,
    }
    return frozenset(words | {word for word, on in flags.items() if on})


def _deployment(name: str) -> Deployment:
    """An agent among deployments. Its own calls are judged one by one, so that it is private itself."""
    return Deployment(name=f"agent/{name}", provider=PROVIDER, model=name, tier="", zone="private")
