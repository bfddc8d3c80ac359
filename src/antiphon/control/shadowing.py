"""Asks other deployments what a caller asked, beside the answer. Nobody waits for them, and no caller sees them."""

import asyncio
import logging

from antiphon.control.probing import NoReply
from antiphon.core.deployment import Deployment
from antiphon.core.error import AntiphonError
from antiphon.core.principal import Principal
from antiphon.core.request import Request
from antiphon.gateway.gateway import Gateway
from antiphon.gateway.house import Revision
from antiphon.routing.route import Route

MOST = 64
"""Shadow requests that run at once in a worker; above that they are left out, and the log says so."""
SHADOW_OF = "shadow/"
"""What their routes' names begin with."""
log = logging.getLogger("antiphon.gateway")


class Shadows:
    """One per worker; `gateway` is that of the present revision."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self._running: set[asyncio.Task[None]] = set()

    def ask(self, request: Request, principal: Principal, names: tuple[str, ...], beside: str) -> None:
        """Begin to ask deployments, for the request with the receipt `beside`."""
        gateway = self.gateway
        if gateway is None:
            return
        for name in names:
            deployment = gateway.revision.deployments.get(name)
            if deployment is None:
                continue
            if len(self._running) >= MOST:
                log.warning("shadow.left_out", extra={"receipt": beside, "deployment": name})
                continue
            task = asyncio.get_running_loop().create_task(_ask(gateway, request, principal, deployment, beside))
            self._running.add(task)
            task.add_done_callback(self._running.discard)


def shadow_route(revision: Revision, model: str, deployment: Deployment) -> Route:
    """Where a shadow of a request for `model` goes, with the prompt that its answer came about with."""
    own = revision.routes.get(model)
    return Route(
        name=f"{SHADOW_OF}{deployment.name}",
        deployments=(deployment,),
        attempts=1,
        seconds=revision.calls.deadline.max_s,
        prompt=None if own is None else own.prompt,
    )


async def _ask(gateway: Gateway, request: Request, principal: Principal, deployment: Deployment, beside: str) -> None:
    route = shadow_route(gateway.revision, request.head.model, deployment)
    try:
        await gateway.shadow(request, principal, route, NoReply(), beside)
    except AntiphonError as error:
        log.warning("shadow.failed", extra={"receipt": beside, "error": error.said_code})
