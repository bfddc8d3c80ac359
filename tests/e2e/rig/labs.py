"""A lab with a model that works and one for each fault, and the gateway's configuration in front of it."""

from typing import Any, get_args

from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, LabSettings, Spread
from rig.config import KEYS, UPSTREAM_KEY
from rig.gateway import Config

FAULTS: tuple[Fault, ...] = get_args(Fault)
FAST = 1e6
"""Tokens a second."""
RETRY_S = 7.0
"""What the faults that say so say in Retry-After."""
IN_VAIN: dict[Fault, dict[str, float]] = {"hang": {"first_byte_s": 0.25}, "slow_drip": {"between_bytes_s": 0.25}}
"""Deadlines of those that are waited for in vain; the others have all the time that a busy machine may need."""


def lab_settings() -> LabSettings:
    """`chat` answers at once, `slow` takes its time, `fault-KIND` goes wrong."""
    models = {
        "chat": LabModel(tokens_per_s=FAST, answer_tokens=30),
        "slow": LabModel(first_token=Spread(p50_ms=20_000)),
        "small": LabModel(tokens_per_s=FAST, context_tokens=50),
    }
    for kind in FAULTS:
        fault = FaultSettings(kind=kind, retry_after_s=RETRY_S)
        models[f"fault-{kind}"] = LabModel(tokens_per_s=FAST, answer_tokens=20, faults=[fault])
    return LabSettings(seed=7, models=models)


def to_lab(url: str) -> Config:
    """A gateway whose public names are those of the lab; `bob-chat` is Bob's.

    What goes wrong is tried once, who is full lets nobody wait, and each fault has an account of its own, without a key that it could cost its life.
    """
    price = {"input": 1.0, "output": 2.0, "cached_input": 0.5}
    models: dict[str, Any] = {
        "chat": {"provider": "lab-server", "price": price, "limits": {"context_tokens": 128_000}},
        "bob-chat": {"provider": "lab-server", "model": "chat"},
        "slow": {"provider": "lab-server"},
        "small": {"provider": "lab-server"},
        "nowhere": {"provider": "nobody"},
        "text-only": {"provider": "lab-server", "model": "chat", "capabilities": []},
        "single": {"provider": "lab-server", "model": "slow", "limits": {"concurrency": 1}},
    }
    accounts: dict[str, Any] = {}
    for kind in FAULTS:
        timeouts = IN_VAIN.get(kind, {})
        models[f"fault-{kind}"] = {"provider": f"to-{kind}", "timeouts": timeouts, "price": price}
        accounts[f"to-{kind}"] = {"profile": "compatible", "base_url": url, "headers": {"x-secret": UPSTREAM_KEY}}
    once = ["single", "nowhere", *(name for name in models if name.startswith("fault-"))]
    for name in once:
        models[name]["listed"] = False
    return {
        "server": {"limits": {"max_body_bytes": 4_000_000}},
        "keys": KEYS,
        "providers": {
            "lab-server": {"profile": "compatible", "base_url": url, "key": UPSTREAM_KEY},
            "nobody": {"profile": "compatible", "base_url": "http://127.0.0.1:1/v1"},
            **accounts,
        },
        "models": models,
        "calls": {"admission": {"room": 0}},
        "routes": {name: {"models": [name], "attempts": 1} for name in once},
        "storage": {"ship_interval_s": 0.05},
    }
