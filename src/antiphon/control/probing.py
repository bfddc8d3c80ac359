"""Small requests of the gateway's own, to find out whether a deployment is back."""

import asyncio
from collections.abc import Callable
from hashlib import sha256

import msgspec

from antiphon.core.arrival import PROBE
from antiphon.core.body import Body
from antiphon.core.deployment import Deployment
from antiphon.core.error import AntiphonError
from antiphon.core.ports import Reply, Served
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.house import Revision
from antiphon.routing.route import Route
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

PROBER = Principal(tenant="antiphon", key="probe")
"""Who stands in the receipts of probes."""


SPARE_S = 1.0
"""A probe's request may last so much longer than its attempt, which then fails by its own time."""


class NoReply(Reply):
    """Takes an answer that nobody waits for."""

    def whole(self, served: Served, body: bytes) -> None: ...

    def begin(self, served: Served) -> None: ...

    def write(self, piece: bytes) -> None: ...

    def end(self, last: bytes = b"") -> None: ...

    def error(self, error: AntiphonError, receipt_id: str, told: bytes = b"") -> None: ...

    def last_resort(self, text: str, receipt_id: str, told: bytes, *, stream: bool) -> None: ...

    def on_pressure(self, callback: Callable[[bool], None] | None) -> None: ...


async def probe(gateway: Gateway, deployment: Deployment) -> None:
    """Ask one deployment for one token; its breaker learns from what comes."""
    settings = gateway.revision.calls.probes
    message = {"role": "user", "content": settings.prompt}
    # A stream, since its first token tells how fast the deployment is.
    text = msgspec.json.encode({"model": deployment.name, "messages": [message], "max_tokens": 1, "stream": True})
    body = Body((text,))
    head, spots = CODECS["openai_chat"].read(body, Asked(endpoint=PROBE))
    request = Request(head=head, body=body, spots=spots, digest=sha256(text).hexdigest())
    await gateway.probe(request, PROBER, probe_route(gateway.revision, deployment), NoReply())


def probe_route(revision: Revision, deployment: Deployment) -> Route:
    """Where a probe of a deployment goes."""
    seconds = revision.calls.probes.timeout_s + SPARE_S
    return Route(name=PROBE, deployments=(deployment,), attempts=1, seconds=seconds, bounds_time=True)


async def look(gateway: Gateway) -> None:
    """Probe everyone who may be probed now, all at once. Does nothing where probes are off."""
    caller, revision = gateway.process.caller, gateway.revision
    if not revision.calls.probes.enabled:
        return
    now_s = caller.now()
    due = [
        revision.targets[member.name].deployment
        for member in caller.fleet.members()
        if (state := member.breaker.state(now_s)).state == "half_open" and not state.probing
    ]
    async with asyncio.TaskGroup() as group:
        for deployment in due:
            group.create_task(probe(gateway, deployment))
