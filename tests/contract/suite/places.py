"""A lab that speaks every dialect, and a gateway that reaches it by the profile of each provider."""

from typing import Any

from antiphon.providers.lab.settings import FaultSettings, LabModel, LabSettings, Spread
from rig.config import ALICE, UPSTREAM_KEY
from rig.gateway import Config

FAST = 1e6
"""Tokens a second."""
RETRY_S = 7.0
UPSTREAMS = ("openai", "anthropic", "gemini", "bedrock", "cohere")
MODELS = {
    "openai": "gpt-5.2",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-pro",
    "bedrock": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "command-a-reasoning-08-2025",
}
"""Names by which codecs know what a model takes; the lab has a model of each."""
KINDS: dict[str, dict[str, Any]] = {
    "": {"tokens_per_s": FAST, "answer_tokens": 20},
    "-slow": {"first_token": Spread(p50_ms=1, p99_ms=2), "tokens_per_s": 4.0, "answer_tokens": 400},
    "-small": {"tokens_per_s": FAST, "context_tokens": 60},
    "-limited": {"faults": [FaultSettings(kind="rate_limited", retry_after_s=RETRY_S)]},
    "-broken": {"faults": [FaultSettings(kind="error_500")]},
    "-full": {"faults": [FaultSettings(kind="error_529", retry_after_s=RETRY_S)]},
    "-denied": {"faults": [FaultSettings(kind="unauthorized")]},
}
"""A model that works, and those that don't, by what is put behind its name."""


def lab_settings() -> LabSettings:
    models = {f"{model}{kind}": LabModel(**said) for model in MODELS.values() for kind, said in KINDS.items()}
    vectors = {name: LabModel(tokens_per_s=FAST) for name in ("embed-v4.0", "rerank-v4.0")}
    return LabSettings(seed=7, models=models | vectors)


def gateway_config(lab: str) -> Config:
    """The models `NAME` and `NAME-KIND` of each upstream. What goes wrong is tried once, and costs nobody's account its life."""
    bases = {"openai": f"{lab}/v1", "anthropic": f"{lab}/v1", "gemini": f"{lab}/v1beta", "bedrock": lab, "cohere": lab}
    providers: Config = {}
    models: Config = {}
    routes: Config = {}
    for name in UPSTREAMS:
        for kind in KINDS:
            account = f"at-{name}{kind}"
            providers[account] = {"profile": name, "base_url": bases[name], "key": UPSTREAM_KEY}
            models[f"{name}{kind}"] = {
                "provider": account,
                "model": f"{MODELS[name]}{kind}",
                "price": {"input": 1.0, "output": 2.0},
            }
            if kind:
                models[f"{name}{kind}"]["listed"] = False
                routes[f"{name}{kind}"] = {"models": [f"{name}{kind}"], "attempts": 1}
    for name in ("embed-v4.0", "rerank-v4.0"):
        models[name] = {"provider": "at-cohere", "model": name}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme", "admin": True}],
        "providers": providers,
        "models": models,
        "routes": routes,
        "storage": {"ship_interval_s": 0.05},
    }
