"""Configurations that tests start from."""

from typing import Any

from rig.gateway import Config

ALICE, BOB, ROOT = "sk-alice-0001", "sk-bob-00001", "sk-root-0001"
"""Alice of acme, Bob of globex, who may ask for `bob-*` alone, and an admin."""
UPSTREAM_KEY = "sk-upstream-secret"

KEYS: list[dict[str, Any]] = [
    {"name": "alice", "key": ALICE, "tenant": "acme", "team": "search", "user": "alice@acme.test", "tags": ["e2e"]},
    {"name": "bob", "key": BOB, "tenant": "globex", "models": ["bob-*"]},
    {"name": "root", "key": ROOT, "admin": True},
]


def to_upstream(url: str, **model: Any) -> Config:
    """The models `gpt-test` and `bob-test` on an upstream that calls both `up-model-1`."""
    deployment = {"provider": "up", "model": "up-model-1", "price": {"input": 1.0, "output": 2.0}, **model}
    return {
        "keys": KEYS,
        "providers": {"up": {"profile": "compatible", "base_url": url, "key": UPSTREAM_KEY}},
        "models": {"gpt-test": deployment, "bob-test": dict(deployment)},
        "storage": {"ship_interval_s": 0.05},
    }


def once(config: Config) -> Config:
    """The same, with one attempt for each request: for what is told of a single failure."""
    models = {name: {**model, "listed": False} for name, model in config["models"].items()}
    routes = {name: {"models": [name], "attempts": 1} for name in models}
    return {**config, "models": models, "routes": routes}
