"""LiteLLM's proxy under the same load, with the two budgets that Redis alone can count: a provider's, and a key's."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from chaos import peers
from chaos.subjects import LITELLM_ENVIRONMENT
from lib.errors import BenchError
from lib.processes import log_tail, start, wait_ready

from .settings import KEY, MODEL, Plan
from .subjects import LOCK_S, Spend, Subject

WINDOW = "1d"
READY = "Proxy initialized with Config"
"""What each worker writes to the log once it can answer."""
READY_TIMEOUT_S = 300.0
SETTLE_S = 200.0

AUTH = """
from fastapi import Request
from litellm.proxy._types import UserAPIKeyAuth, hash_token


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    return UserAPIKeyAuth(api_key=api_key, token=hash_token(api_key), models=["{model}"], spend=0.0, max_budget={usd})
"""
"""What LiteLLM asks who calls: every key is good, and has the budget."""


class LiteLLM(Subject):
    """LiteLLM 1.106.2 with four workers, a provider's budget in one Redis."""

    name = "litellm"
    command = "litellm --config CONFIG --host 127.0.0.1 --port PORT --num_workers 4 --timeout_worker_healthcheck 60"
    refusal = "429"
    counter = f"provider_spend:openai:{WINDOW}"  # Redis' key of the sum
    quiet_s = 65.0
    """A sum that stays for so long is the last: a worker adds to it once a second, but leaves Redis alone for 60 s after
    5 errors (REDIS_CIRCUIT_BREAKER_RECOVERY_TIMEOUT in litellm/constants.py)."""
    probe_key = KEY  # its one key; the probes are sent before there is a budget
    note = (
        "a provider's budget, which is kept in Redis alone; budgets of keys and teams as LiteLLM keeps them could not be "
        "run: they need Postgres through Prisma, whose engine is in no package registry. After 5 errors a worker leaves "
        "Redis alone for 60 s and counts for itself; what it has counted by then is lost when it is killed"
    )

    def __init__(self, plan: Plan, port: int, labs: list[int], home: Path, core: int) -> None:
        super().__init__(plan, port, labs, home, core)
        from servers_valkey import Server, program

        peer = peers.litellm(plan.peers)
        missing = peers.install(peer, plan.peers) if peer.missing and plan.install_peers else peer.missing
        if missing:
            raise BenchError(missing)
        if not program():
            raise BenchError("valkey-server or redis-server is needed")
        self._program = peer.program
        self._redis = Server()
        self._redis.start()
        self._nano_usd = 0

    def config(self, number: int, usd: float | None) -> dict[str, Any]:
        """Its configuration with the budget in it."""
        config = self.plain()
        if usd is not None:
            budget = {"openai": {"budget_limit": usd, "time_period": WINDOW}}
            config["router_settings"]["provider_budget_config"] = budget
        return config

    def plain(self) -> dict[str, Any]:
        """Its configuration without a budget."""
        return {
            "model_list": [
                {
                    "model_name": MODEL,
                    "litellm_params": {
                        "model": f"openai/{MODEL}",
                        "api_base": f"http://127.0.0.1:{port}/v1",
                        "api_key": "sk-lab",
                        "input_cost_per_token": 1e-6,
                        "output_cost_per_token": 1e-5,
                    },
                    "model_info": {"id": f"lab-{at}"},
                }
                for at, port in enumerate(self._labs)
            ],
            "router_settings": {
                "redis_host": "127.0.0.1",
                "redis_port": self._redis.port,
                "num_retries": 0,
                "disable_cooldowns": True,  # a 429 is the budget's, then
            },
            "litellm_settings": {"callbacks": [], "num_retries": 0},
            # With the usage in every stream the cost is what the labs counted, not an estimate.
            "general_settings": {"master_key": KEY, "always_include_stream_usage": True},
        }

    def start(self, usd: float | None) -> None:
        """Start the proxy and wait for all of its workers. Without a budget, for the probes, one is enough."""
        workers = self.workers if usd is not None else 1
        file, log = self.home / "litellm.yaml", self.home / "litellm.log"
        file.write_bytes(msgspec.json.encode(self.config(0, usd)))  # JSON is YAML
        command = [str(self._program), "--config", str(file), "--host", "127.0.0.1", "--port", str(self.ports[0])]
        # A worker that only waits for the core while others start must not pass for a hung one.
        command += ["--num_workers", str(workers), "--timeout_worker_healthcheck", "60"]
        process = start(self.name, command, core=self._core, log=log, environment=LITELLM_ENVIRONMENT)
        self._running.append(process)
        wait_ready(process, self.ports[0], "/health/readiness", timeout_s=READY_TIMEOUT_S)
        while log.read_text(errors="replace").count(READY) < workers:
            if time.monotonic() - process.started > READY_TIMEOUT_S:
                raise BenchError(f"not all workers are ready after {READY_TIMEOUT_S:.0f} s:\n{log_tail(process)}")
            time.sleep(0.2)

    def victims(self) -> list[int]:
        """Its workers, without the helper process of Python's that they share."""
        return [pid for pid in super().victims() if b"resource_tracker" not in _command(pid)]

    def settle(self) -> None:
        """Wait until the sum in Redis stays the same. Without a budget there is none."""
        if not self._spent():
            return
        end_s, same_since_s, before = time.monotonic() + SETTLE_S, time.monotonic(), self._spent()
        while time.monotonic() - same_since_s < self.quiet_s:
            if time.monotonic() > end_s:
                raise BenchError(f"the sum in Redis still grew after {SETTLE_S:.0f} s")
            time.sleep(0.2)
            if (spent := self._spent()) != before:
                same_since_s, before = time.monotonic(), spent
        self._nano_usd = before

    def _spent(self) -> int:
        """What Redis says was spent, in nano-USD."""
        head, _, rest = self._redis.command("GET", self.counter).partition(b"\r\n")
        return 0 if head == b"$-1" else round(float(rest.partition(b"\r\n")[0]) * 1e9)

    def disturbances(self) -> dict[str, Callable[[], None]]:
        return {"Redis restarted": self._restart_redis}

    def _restart_redis(self) -> None:
        self._redis.command("SHUTDOWN", "SAVE")  # it keeps what it holds, as Postgres does for the others
        self._redis.stop()
        time.sleep(LOCK_S)
        self._redis.start()

    def books(self) -> Spend:
        return Spend(self._nano_usd)

    def close(self) -> None:
        super().close()
        self._redis.close()


class LiteLLMKey(LiteLLM):
    """LiteLLM 1.106.2 with four workers, a key's budget reserved in one Redis."""

    name = "litellm-key"
    quiet_s = 4.0  # it is written before each call, and gone 60 s after the last
    refusal = "422"
    counter = f"spend:key:{sha256(KEY.encode()).hexdigest()}"
    note = (
        "the key's budget comes from a custom authentication, for want of a database; LiteLLM books costs on keys only "
        "with one, so that the sum in Redis is of what was reserved, never settled, and ends a minute after the last call"
    )

    def config(self, number: int, usd: float | None) -> dict[str, Any]:
        (self.home / "bench_auth.py").write_text(AUTH.format(model=MODEL, usd=usd))
        config = self.plain()
        config["litellm_settings"] |= {
            "cache": True,  # how its counters come to Redis; no call's answer is kept
            "cache_params": {
                "type": "redis",
                "host": "127.0.0.1",
                "port": self._redis.port,
                "supported_call_types": [],
            },
        }
        config["general_settings"] |= {
            "master_key": "sk-budget-master",
            "custom_auth": "bench_auth.user_api_key_auth",
            "custom_auth_run_common_checks": True,
            "fail_closed_budget_enforcement": True,  # a hard budget: without Redis nothing is let through
        }
        return config

    def books(self) -> Spend:
        return Spend(self._nano_usd, settled=False)


def _command(pid: int) -> bytes:
    """The command line of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
