"""Clients of the real `openai` SDK."""

from typing import Any

from openai import AsyncOpenAI, OpenAI

from rig.config import ALICE
from rig.gateway import Gateway


def client(gateway: Gateway, key: str = ALICE, **more: Any) -> OpenAI:
    return OpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0, **more)


def async_client(gateway: Gateway, key: str = ALICE, **more: Any) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0, **more)


def says(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def tool(name: str, **properties: str) -> Any:
    """A function whose parameters are all required."""
    schema = {
        "type": "object",
        "properties": {field: {"type": kind} for field, kind in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}
