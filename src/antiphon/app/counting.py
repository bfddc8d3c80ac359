"""A worker's budgets, limits and alerts: made once, and arranged anew by each revision and each change of the admin API."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from antiphon.app.doubles import Doubles
from antiphon.app.stores import Stores
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.calls.breaker_shared_cluster import ClusterBreakers
from antiphon.calls.breaker_shared_file import FileBreakers
from antiphon.calls.counting import Counting
from antiphon.config.settings import Settings
from antiphon.control.alerts import Alerts
from antiphon.control.definitions import merged
from antiphon.control.owned import Owned
from antiphon.core.alert import Alert
from antiphon.core.budget import NO_END_NS, Account, Budget
from antiphon.core.clock import Clock
from antiphon.core.counters import Counters, NearCounters
from antiphon.core.error import OverLimit, StoreError
from antiphon.core.ports import Transport
from antiphon.metering.counters_file import FileCounters
from antiphon.metering.counters_memory import MemoryCounters
from antiphon.metering.escrow import Escrow
from antiphon.metering.rates import Rates
from antiphon.metering.tickets import EscrowTickets
from antiphon.store.valkey import Valkey
from antiphon.store.valkey_board import ValkeyBoard
from antiphon.store.valkey_counters import ValkeyCounters

COUNTERS, BREAKERS = "limits", "breakers"
"""Files in the runtime directory that the workers of a machine share."""


class Counts:
    """What a worker counts by."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        runtime: Path,
        index: int,
        life: str,
        clock: Clock,
        transport: Transport,
        refused: Callable[[OverLimit], None],
    ) -> None:
        """Args:
        runtime: A directory that lives as long as the gateway.
        index: The worker's number; no two living ones have the same.
        life: Names this process among all that ever wrote a journal here.
        refused: Told of each request that a limit refuses.
        Raises: StoreError, OSError.
        """
        cluster, workers = settings.cluster, settings.server.workers
        self._clock = clock
        self._telling: set[asyncio.Task[None]] = set()
        self._doubles = Doubles() if index == 0 else None
        self._bank = stores.bank()
        self._alerts = Alerts(transport, settings.alerts, clock.now_ns)
        self._escrow = Escrow(self._bank, life, clock, settings.metering, alert=self._alert)
        self._valkey = (
            None
            if cluster.url is None
            else Valkey(cluster.url.reveal(), timeout_s=cluster.timeout_ms / 1000, ca_file=cluster.ca_file)
        )
        counters = self._counters(settings, runtime, index, life)
        self._rates = Rates(counters, time.monotonic_ns, workers=workers, replicas=cluster.replicas, refused=refused)
        self._tickets = EscrowTickets(life, self._escrow)
        self.counting = Counting(self._tickets, self._rates, clock.now_ns)
        self.breakers: SharedBreaker | None = FileBreakers(runtime / BREAKERS) if workers > 1 or self._valkey else None
        self._cluster: ClusterBreakers | None = None
        if self._valkey is not None and self.breakers is not None:
            board, machine = ValkeyBoard(self._valkey, cluster.namespace), life.rpartition("-")[0]
            self.breakers = self._cluster = ClusterBreakers(self.breakers, board, machine, time.perf_counter)

    def _counters(self, settings: Settings, runtime: Path, index: int, life: str) -> NearCounters | Counters:
        cluster, workers = settings.cluster, settings.server.workers
        if self._valkey is not None:
            return ValkeyCounters(self._valkey, life, workers=workers * cluster.replicas, namespace=cluster.namespace)
        if workers == 1:
            return MemoryCounters(time.monotonic_ns)
        return FileCounters(runtime / COUNTERS, index, workers, time.monotonic_ns)

    def arrange(self, settings: Settings, owned: Owned) -> None:
        """Count by what a configuration and the admin API say."""
        found = merged(settings.keys, settings.budgets, settings.limits, owned)
        self._tickets.arrange(found.budgets)
        self._rates.become(found.limits)
        self._alerts.settings = settings.alerts
        self.counting.on = bool(found.budgets or found.limits)
        if self._doubles is not None:
            self._doubles.look(settings, owned)

    def start(self) -> list[asyncio.Task[None]]:
        """Begin what goes on in the background. Returns: tasks to be cancelled at the end."""
        self._escrow.start()
        work: list[Callable[[], Coroutine[Any, Any, None]]] = [self._rates.run, self._alerts.run]
        if self._cluster is not None:
            work.append(self._cluster.run)
        return [asyncio.get_running_loop().create_task(one()) for one in work]

    async def stop(self) -> None:
        """Give back what isn't used, and let go of the stores."""
        await self._escrow.stop()
        await self._rates.end()
        self._rates.close()
        self._bank.close()
        if self._valkey is not None:
            await self._valkey.close()

    def _alert(self, budget: Budget, account: Account, fraction: float, threshold: float) -> None:
        now_ns, end_ns = self._clock.now_ns(), account.span.end_ns
        alert = Alert(
            at_ns=now_ns,
            budget=budget.name,
            account=account.key,
            tenant=account.tenant,
            measure=budget.measure,
            threshold=threshold,
            fraction=fraction,
            limit=budget.limit_at(now_ns),
            window_ends_ns=None if end_ns >= NO_END_NS else end_ns,
        )
        task = asyncio.get_running_loop().create_task(self._tell(alert, account))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell(self, alert: Alert, account: Account) -> None:
        """Tell it, unless another worker, or another gateway on the same store, has: twice is better than never."""
        try:
            first = await asyncio.to_thread(self._bank.announce, account, alert.threshold * alert.limit, alert.at_ns)
        except StoreError:
            first = True
        if first:
            self._alerts.tell(alert)
