"""Keeps a worker's word of how good deployments are up to date."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping

from antiphon.core.error import StoreError
from antiphon.core.ports import Scores
from antiphon.core.score import Forgetting, qualities
from antiphon.core.view import Quality
from antiphon.telemetry.metrics_plans import PlanMetrics

LOAD_S = 2.0
"""How often what scores come to is read."""
SPARE = 20
"""Between two readings at least so many times as long as one takes."""
log = logging.getLogger("antiphon.app")
By = Mapping[tuple[str, str], tuple[Quality, ...]]


class Qualities:
    """One per worker."""

    def __init__(self, scores: Scores, metrics: PlanMetrics, take: Callable[[By], None]) -> None:
        """`take` is given what was read."""
        self.forgetting = Forgetting()
        """Of the present revision."""
        self._scores = scores
        self._metrics = metrics
        self._take = take

    async def watch(self, deployments: Callable[[], Collection[str]]) -> None:
        """Read every few seconds, for as long as the worker runs.

        Args:
            deployments: Those that there are: others are left out.
        """
        while True:
            began_s = time.perf_counter()
            await self.load(frozenset(deployments()))
            took_s = time.perf_counter() - began_s
            await asyncio.sleep(max(LOAD_S, SPARE * took_s))

    async def load(self, deployments: Collection[str]) -> None:
        """Read once. Where that can't be, what was known goes on."""
        try:
            found = await asyncio.to_thread(self._read, deployments)
            self._metrics.qualities(some[0] for some in found.values() if not some[0].task)
            self._take(found)
        except StoreError as error:
            log.warning("quality.not_read", extra={"reason": str(error)})
        except Exception:  # nor may anything else end the watch
            log.exception("telemetry.failed", extra={"receipt": ""})

    def _read(self, deployments: Collection[str]) -> By:
        return by_place(
            one
            for one in qualities(self._scores.tallies(), time.time_ns(), self.forgetting)
            if one.deployment in deployments
        )


def by_place(found: Iterable[Quality]) -> By:
    """By deployment and route: all tasks first, then each class."""
    out: dict[tuple[str, str], list[Quality]] = {}
    for one in found:
        out.setdefault((one.deployment, one.route), []).append(one)
    return {name: tuple(some) for name, some in out.items()}
