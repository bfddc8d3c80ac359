"""What a run of the budget bench was asked to do."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from lib.settings import REPOSITORY

MODEL = "lab-chat"
KEY = "sk-budget-bench"
PROBE_KEY = "sk-budget-probe"
BUDGET = "team-total"
TEAM = "bench"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run."""

    requests: int
    afford: int  # requests that the budget is enough for
    at_once: int
    stream_fraction: float
    kill_every_s: float  # between two SIGKILLs of a process of the gateway's
    store_every_s: float  # between two restarts of the store, and cuts of the cache
    labs: int
    seed: int
    peers: Path
    install_peers: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--subjects",
        default="workers,replicas",
        help="by comma, of: workers, replicas, litellm, litellm-key (default %(default)s)",
    )
    add("--requests", type=int, default=50_000)
    add("--afford", type=int, default=20_000, help="requests that the budget is enough for (default %(default)s)")
    add("--at-once", type=int, default=64, help="requests in flight (default %(default)s)")
    add("--stream-fraction", type=float, default=0.5)
    add("--kill-every-s", type=float, default=9.0, help="0: nothing is killed (default %(default)s)")
    add("--store-every-s", type=float, default=20.0, help="0: the stores stay (default %(default)s)")
    add("--labs", type=int, default=2)
    add("--seed", type=int, default=7)
    add("--peers", type=Path, default=REPOSITORY / ".venv" / "peers", help="where LiteLLM is installed")
    add("--install-peers", action="store_true", help="install it there when it is missing")
    add("--name", default="overshoot", help="name of the result's files, after the date (default %(default)s)")


def from_options(options: argparse.Namespace) -> Plan:
    return Plan(
        requests=options.requests,
        afford=options.afford,
        at_once=options.at_once,
        stream_fraction=options.stream_fraction,
        kill_every_s=options.kill_every_s,
        store_every_s=options.store_every_s,
        labs=options.labs,
        seed=options.seed,
        peers=options.peers.resolve(),
        install_peers=options.install_peers,
    )
