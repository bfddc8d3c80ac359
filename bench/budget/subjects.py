"""The gateways under test with their stores, and what their books say at the end."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from lib.errors import BenchError
from lib.processes import Process, get, start, stop, wait_ready
from lib.settings import REPOSITORY

from .chaos import children
from .settings import BUDGET, KEY, MODEL, PROBE_KEY, TEAM, Plan

sys.path.insert(0, str(REPOSITORY / "tests" / "support"))  # the tests' own servers, started the same way

LOCK_S = 3.0
"""How long the store can't be written, or is gone."""
DRAIN_S = 60.0


class Books(msgspec.Struct):
    """What the ledger says once everything was shipped."""

    entries: dict[str, int]  # entries of the ledger by kind
    money: dict[str, int]  # nano-USD by kind
    tokens: dict[str, int]
    receipts: dict[str, int]  # receipts in the ledger: how many entries each has
    spent: int  # of the budget's account
    held: int
    overrun: int


class Spend(msgspec.Struct):
    """What a peer without a ledger says: one sum."""

    nano_usd: int
    settled: bool = True  # it is of costs, not of what was held for calls


LEDGER = "SELECT kind, count(*), coalesce(sum(money_nano_usd), 0), sum(tokens), sum(overrun_nano_usd) FROM ledger WHERE debit = 'tenant/bench' GROUP BY kind"
RECEIPTS = "SELECT receipt, count(*) FROM ledger WHERE debit = 'tenant/bench' GROUP BY receipt"
ACCOUNT = f"SELECT coalesce(sum(spent), 0), coalesce(sum(held), 0) FROM accounts WHERE budget = '{BUDGET}'"


def books(ask: Callable[[str], list[tuple[Any, ...]]]) -> Books:
    """Read the books. `ask`: runs a query."""
    rows = ask(LEDGER)
    ((spent, held),) = ask(ACCOUNT)
    return Books(
        entries={kind: int(count) for kind, count, *_ in rows},
        money={kind: int(money) for kind, _, money, *_ in rows},
        tokens={kind: int(tokens) for kind, _, _, tokens, _ in rows},
        receipts={receipt: int(count) for receipt, count in ask(RECEIPTS)},
        spent=int(spent),
        held=int(held),
        overrun=sum(int(row[4]) for row in rows),
    )


class Subject(ABC):
    """Gateways before the same labs and on the same store."""

    name = ""
    command = "python -m antiphon serve --config CONFIG --port PORT"  # how it is started, for the result
    gateways = 1
    workers = 4
    refusal = "402"  # status of a request that the budget is not enough for
    probe_key = PROBE_KEY  # of requests that no budget counts
    note = ""

    def __init__(self, plan: Plan, port: int, labs: list[int], home: Path, core: int) -> None:
        self.plan = plan
        self.ports = [port + number for number in range(self.gateways)]
        self._labs = labs
        self.home = home
        self._core = core
        self._running: list[Process] = []

    def config(self, number: int, usd: float | None) -> dict[str, Any]:
        budgets = [{"name": BUDGET, "on": ["team"], "only": {"team": [TEAM]}, "usd": usd, "window": "total"}]
        return {
            "server": {"workers": self.workers, "drain_timeout_s": 20},
            "storage": {"dir": str(self.home / f"data-{number}"), "ship_interval_s": 0.1, **self.storage()},
            "keys": [
                {"name": "bench", "key": KEY, "tenant": "bench", "team": TEAM},
                {"name": "probe", "key": PROBE_KEY, "tenant": "probe", "admin": True},
            ],
            "providers": {
                f"lab-{at}": {"profile": "compatible", "base_url": f"http://127.0.0.1:{port}/v1", "key": "sk-lab"}
                for at, port in enumerate(self._labs)
            },
            "models": {
                f"{MODEL}-{at}": {
                    "provider": f"lab-{at}",
                    "model": MODEL,
                    "listed": False,
                    "price": {"input": 1.0, "output": 10.0},
                    "limits": {"context_tokens": 8192, "output_tokens": 1024},
                }
                for at in range(len(self._labs))
            },
            "routes": {MODEL: {"models": [f"{MODEL}-{at}" for at in range(len(self._labs))]}},
            "budgets": budgets if usd is not None else [],
            **self.more(),
        }

    def storage(self) -> dict[str, Any]:
        return {}

    def more(self) -> dict[str, Any]:
        return {}

    def start(self, usd: float | None) -> None:
        """Start every gateway, with the budget or without one."""
        for number, port in enumerate(self.ports):
            file = self.home / f"gateway-{number}.yaml"
            file.write_bytes(msgspec.json.encode(self.config(number, usd)))  # JSON is YAML
            command = [sys.executable, "-m", "antiphon", "serve", "--config", str(file), "--port", str(port)]
            process = start(f"gateway {number}", command, core=self._core, log=self.home / f"gateway-{number}.log")
            self._running.append(process)
            wait_ready(process, port, "/readyz")

    def victims(self) -> list[int]:
        """Processes that may be killed: workers and shippers alike."""
        return [child for process in self._running for child in children(process.pid)]

    def settle(self) -> None:
        """Wait until all that the journals say is in the store."""
        end_s = time.monotonic() + DRAIN_S
        while time.monotonic() < end_s:
            if not any(self._behind(port) for port in self.ports):
                return
            time.sleep(0.2)
        raise BenchError(f"the journals were not shipped within {DRAIN_S:.0f} s")

    def _behind(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            text = get(port, "/metrics", key=PROBE_KEY)[1]
            found = [line for line in text.splitlines() if line.startswith("antiphon_journal_unshipped_bytes")]
            return not found or any(float(line.split()[-1]) > 0 for line in found)
        return True

    def stop(self) -> None:
        """Stop the gateways, as an operator would."""
        for process in self._running:
            stop(process)
        self._running.clear()

    @abstractmethod
    def disturbances(self) -> dict[str, Callable[[], None]]:
        """What can be done to its stores, by name."""

    @abstractmethod
    def books(self) -> Books | Spend:
        """What its store says, once it is stopped."""

    def close(self) -> None:
        self.stop()


class Workers(Subject):
    """One gateway with four workers on SQLite."""

    name = "workers"

    @property
    def _file(self) -> Path:
        return self.home / "data-0" / "antiphon.db"

    def disturbances(self) -> dict[str, Callable[[], None]]:
        return {"database locked": self._lock}

    def _lock(self) -> None:
        with contextlib.closing(sqlite3.connect(self._file, timeout=30, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            time.sleep(LOCK_S)
            database.execute("ROLLBACK")

    def books(self) -> Books:
        with contextlib.closing(sqlite3.connect(self._file)) as database:
            return books(lambda query: database.execute(query).fetchall())


class Replicas(Subject):
    """Two gateways with two workers each on one Postgres and one Valkey."""

    name = "replicas"
    gateways = 2
    workers = 2

    def __init__(self, plan: Plan, port: int, labs: list[int], home: Path, core: int) -> None:
        super().__init__(plan, port, labs, home, core)
        from servers import Postgres, postgres_programs
        from servers_valkey import Server, program

        programs = postgres_programs()
        if programs is None or not program():
            raise BenchError("postgresql and valkey-server or redis-server are needed")
        self._postgres, self._valkey = Postgres(programs), Server()
        self._valkey.start()
        self._url = self._postgres.database()

    def storage(self) -> dict[str, Any]:
        return {"url": self._url}

    def more(self) -> dict[str, Any]:
        # A limit that nobody reaches, so that Valkey is asked all the while.
        limits = [{"name": "ample", "on": ["team"], "requests": 1_000_000, "per": "second", "when_away": "local"}]
        return {"cluster": {"url": self._valkey.url, "replicas": 2}, "limits": limits}

    def disturbances(self) -> dict[str, Callable[[], None]]:
        return {"Postgres restarted": self._restart_postgres, "Valkey cut off": self._cut_valkey}

    def _restart_postgres(self) -> None:
        self._postgres.stop()
        time.sleep(LOCK_S)
        self._postgres.start()

    def _cut_valkey(self) -> None:
        self._valkey.stop()
        time.sleep(LOCK_S)
        self._valkey.start()

    def books(self) -> Books:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as database:
            return books(lambda query: database.execute(query.encode()).fetchall())

    def close(self) -> None:
        super().close()
        self._postgres.close()
        self._valkey.close()
