"""The plan of a receipt, made again from what the receipt keeps."""

from typing import get_args

from antiphon.calls.story import Story
from antiphon.control.probing import probe_route
from antiphon.control.shadowing import SHADOW_OF, shadow_route
from antiphon.core.arrival import PROBE, SHADOW, Arrival
from antiphon.core.body import Body
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.plan import Plan
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.core.request import Dialect, Head, Request, Spots
from antiphon.core.signal import StoredFacts
from antiphon.gateway.decide import Decisions
from antiphon.gateway.house import Revision
from antiphon.policy.verdict import ALLOWED
from antiphon.recipes.weigh import chosen_of
from antiphon.routing.route import Route


def replan(receipt: Receipt, revision: Revision, decisions: Decisions) -> Plan:
    """Decide a receipt's request again, from what the receipt keeps: under its own revision the same plan.

    Raises: NotAllowed, NotFound, BadRequest: also where the receipt has no plan.
    """
    principal, told = receipt.principal, receipt.plan
    if principal is None or told is None:
        raise BadRequest(f"receipt {receipt.id} has no plan: its request was refused before one was made")
    head = Head(
        dialect=_dialect(receipt),
        endpoint=receipt.endpoint,
        model=receipt.asked,
        stream=receipt.stream,
        output_tokens=receipt.output_tokens,
        answers=receipt.answers,
        needs=frozenset(receipt.needs),
        user=receipt.user,
    )
    body = Body((b"",))
    request = Request(head=head, body=body, spots=Spots(model=(0, 0)), digest=receipt.digest, lineage=receipt.lineage)
    arrival = Arrival(
        id=receipt.id, at_ns=receipt.at_ns, started_s=0.0, endpoint=receipt.endpoint, dialect=receipt.dialect
    )
    story = planning(arrival, principal, request, revision.id)
    story.seed = receipt.seed
    if receipt.endpoint in (SHADOW, PROBE):
        return decisions.onto(story, head, _own(receipt, told, revision), ALLOWED).plan
    decisions.route(story, head)
    ruled = revision.ruled.get(head.model)
    if ruled is not None and receipt.grounds is not None and not receipt.downgraded_to:
        facts = story.facts = StoredFacts(receipt.facts)
        story.grounds = receipt.grounds
        story.chosen = chosen_of(story, request, ruled, facts, receipt.grounds)
    return decisions.find(story, head, receipt.downgraded_to, receipt.downgraded_by).plan


def _own(receipt: Receipt, told: Plan, revision: Revision) -> Route:
    """Where a request of the gateway's own went. Raises: NotFound."""
    shadow = receipt.endpoint == SHADOW
    name = told.route.removeprefix(SHADOW_OF) if shadow else receipt.asked
    deployment = revision.deployments.get(name)
    if deployment is None:
        raise NotFound(f"there is no deployment {name!r} any more", code="model_not_found", param="model")
    return shadow_route(revision, receipt.asked, deployment) if shadow else probe_route(revision, deployment)


def planning(arrival: Arrival, principal: Principal, request: Request, revision: str) -> Story:
    """The story of a request that is planned, and no more."""
    story = Story(arrival, revision, 0, arrival.started_s, principal=principal, request=request)
    story.explains = True
    return story


def _dialect(receipt: Receipt) -> Dialect:
    """Raises: BadRequest."""
    for dialect in get_args(Dialect):
        if dialect == receipt.dialect:
            return dialect
    raise BadRequest(f"receipt {receipt.id} is of no model call")
