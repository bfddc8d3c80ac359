"""Sees to it that an account's credential is at hand before something is sent with it."""

import asyncio
import logging
from collections.abc import Callable

from antiphon.calls import deadline
from antiphon.calls.deadline import Deadline
from antiphon.providers.auth.signer import Signer

log = logging.getLogger("antiphon.calls")


async def identified(signer: Signer, limit: Deadline, wall_s: float, now: Callable[[], float]) -> None:
    """Wait for a credential where there is none, and renew one that is due in the background.

    Args:
        wall_s: Seconds since the epoch.
        now: Seconds on the steady clock.
    Raises: UpstreamAuth, DeadlineExceeded.
    """
    if not signer.ready(wall_s):
        try:
            async with asyncio.timeout(limit.left_s(now())):
                await signer.renew()
        except TimeoutError:
            raise deadline.exceeded(limit) from None
    elif signer.due(wall_s):
        task = asyncio.get_running_loop().create_task(signer.renew())
        task.add_done_callback(_noticed)


def _noticed(task: asyncio.Task[None]) -> None:
    """A renewal in the background that failed is told to whoever needs the credential once it has expired."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("credential.not_renewed", extra={"error": getattr(error, "noted", type(error).__name__)})
