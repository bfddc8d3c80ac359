"""Public names `agent/NAME`: routes to deployments that are agents."""

from msgspec import Struct, structs

from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.core.deployment import Deployment, Price, Timeouts
from antiphon.core.ports import Runner
from antiphon.core.request import Dialect, Need
from antiphon.providers.profile import Profile, Way
from antiphon.providers.target import Account, Spoken, Target, target
from antiphon.routing.route import Route
from antiphon.wire.agent_run import AgentRun

PREFIX = "agent/"
PROVIDER = "antiphon"
"""As `agents.rights` calls it before policies."""
_TAKES: frozenset[Need] = frozenset({"reasoning"})
_FREE = Price(input=0, output=0, source="configured")
"""What its run uses is paid call by call."""
_PROFILE = Profile(
    name="agent",
    base_url="http://agents.invalid",
    needs_key=False,
    ways=(Way(dialect="openai_chat", path="/run"),),
    usage_in_stream="always",
    source="antiphon.agents.models.answering",
    as_of="2026-11-28",
)
_ACCOUNT = Account(name=PROVIDER, profile=_PROFILE, base_url="http://agents.invalid")
_DIALECTS: frozenset[Dialect] = frozenset({"openai_chat", "openai_responses", "anthropic_messages", "gemini"})
_SAID = AgentRun()


class Modelled(Struct, frozen=True, kw_only=True):
    """An agent as a model."""

    target: Target
    route: Route


def models(shelf: Shelf, runner: Runner, seconds: float) -> dict[str, Modelled]:
    """Every listed agent by its public name, each in its newest version.

    Args:
        seconds: Most that a request may take: `calls.deadline.max_s`.
    """
    out: dict[str, Modelled] = {}
    for name in sorted(shelf.agents):
        document = shelf.agent(name)
        if document is not None and document.spec.listed:
            out[PREFIX + name] = _modelled(document, runner, seconds)
    return out


def _modelled(document: AgentDocument, runner: Runner, seconds: float) -> Modelled:
    named = PREFIX + document.name
    deployment = Deployment(
        name=named,
        provider=PROVIDER,
        model=document.name,
        zone="private",
        price=_FREE,
        capabilities=_TAKES,
        dialects=_DIALECTS,
        timeouts=Timeouts(connect_s=seconds, first_byte_s=seconds, between_bytes_s=seconds, total_s=seconds),
    )
    made = target(deployment, _ACCOUNT)
    ways = {dialect: _spoken(spoken) for dialect, spoken in made.ways.items() if dialect in _DIALECTS}
    route = Route(
        name=named,
        deployments=(deployment,),
        description=document.metadata.description or document.spec.goal,
        attempts=1,
        seconds=seconds,
        tenant=document.metadata.tenant,
    )
    return Modelled(target=structs.replace(made, ways=ways, runner=runner), route=route)


def _spoken(spoken: Spoken) -> Spoken:
    """The same, put in words of agents, whatever the caller's dialect is."""
    passage = structs.replace(spoken.passage, other=_SAID)
    return structs.replace(spoken, passage=passage)
