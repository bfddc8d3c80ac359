"""A gateway in front of a lab that is reached in each upstream's own dialect."""

from typing import Any

from rig.config import KEYS
from rig.gateway import Config

MODELS = ("plain", "claude", "gemini", "bedrock", "cohere")
"""One model of each dialect, all of them the lab's `chat`."""


def to_dialects(url: str, **more: Any) -> Config:
    """`url`: where the lab is, without a path."""
    providers: dict[str, Any] = {
        "plain": {"profile": "compatible", "base_url": f"{url}/v1"},
        "claude": {"profile": "anthropic", "base_url": f"{url}/v1", "key": "k"},
        "gemini": {"profile": "gemini", "base_url": f"{url}/v1beta", "key": "k"},
        "bedrock": {"profile": "bedrock", "base_url": url, "key": "k"},
        "cohere": {"profile": "cohere", "base_url": url, "key": "k"},
    }
    models = {name: {"provider": name, "model": "chat"} for name in MODELS}
    return {"keys": KEYS[:1], "providers": providers, "models": models, "storage": {"ship_interval_s": 0.05}, **more}
