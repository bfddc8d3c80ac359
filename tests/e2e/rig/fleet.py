"""Routes over several deployments, so that one can stand in for another."""

from collections.abc import Iterable, Mapping
from typing import Any

from rig.config import ALICE, BOB, ROOT
from rig.gateway import Answer, Config, Gateway
from rig.upstream import Upstream

Json = dict[str, Any]
QUICK: Json = {"base_s": 0.001, "cap_s": 0.01}
"""Waits between attempts that no test has to sit through."""
KEYS: list[Json] = [
    {"name": "alice", "key": ALICE, "tenant": "acme"},
    {"name": "bob", "key": BOB, "tenant": "globex"},
    {"name": "root", "key": ROOT, "admin": True},
]
"""Two tenants that may ask for anything, and an admin."""
PRICE: Json = {"input": 1.0, "output": 2.0}


def secret(name: str) -> str:
    """The credential of a deployment's account."""
    return f"sk-{name}-secret"


def fleet(
    url: str, deployments: Iterable[str] | Mapping[str, Json], routes: Mapping[str, Json], **calls: Any
) -> Config:
    """Deployments by name, each with an account of its own so that what befalls one is its own affair, and routes.

    Args:
        deployments: What is said of each; `base_url` and `keys` are its account's.
        routes: A route's `models` are tried in their order, unless `equal: true` lets chance decide.
        calls: The section `calls`.
    """
    given = deployments if isinstance(deployments, Mapping) else {name: {} for name in deployments}
    providers: Json = {}
    models: Json = {}
    for name, said in given.items():
        model = {"price": PRICE, **said}
        account = {"base_url": model.pop("base_url", url)}
        keys = model.pop("keys", None)
        account |= {"key": secret(name)} if keys is None else {"keys": keys}
        providers[f"at-{name}"] = {"profile": "compatible", **account}
        models[name] = {"provider": f"at-{name}", "listed": False, **model}
    told: Json = {}
    for name, said in routes.items():
        route = dict(said)
        if not route.pop("equal", False):
            for place, model in enumerate(route["models"]):
                models[model].setdefault("priority", place)
        told[name] = route
    return {
        "keys": [dict(key) for key in KEYS],
        "providers": providers,
        "models": models,
        "routes": told,
        "calls": {"retry": QUICK, "retry_budget": {"min_per_s": 100}, **calls},
        "storage": {"ship_interval_s": 0.05},
    }


def health(gateway: Gateway, name: str) -> Json:
    """What the gateway says of a deployment."""
    page = gateway.get("/v1/health/deployments", key=ROOT)
    assert page.status == 200, page
    return next(one for one in page.json["deployments"] if one["name"] == name)


def told(receipt: Json) -> list[tuple[str, str, str]]:
    """Of each attempt: its deployment, why it was made, how it failed."""
    return [(one["deployment"], one.get("reason", ""), one.get("failure", "")) for one in receipt.get("attempts", [])]


def asked(up: Upstream) -> list[str]:
    """Models that an upstream was asked for, in order."""
    return [seen.model for seen in up.seen]


def said(answer: Answer) -> str:
    """The text of a whole answer."""
    assert answer.status == 200, answer
    return answer.json["choices"][0]["message"]["content"]
