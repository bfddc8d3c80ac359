"""What every suite says and looks for."""

from typing import Any

from pydantic import BaseModel

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
READ = "I read 1 message"
"""Every answer of the lab to one message says so."""
UNCOUNTED = frozenset({"bedrock", "cohere"})
"""Upstreams whose usage counts thoughts with the rest of the answer."""
DEGREES = "18 degrees"


class City(BaseModel):
    name: str
    population: int


def schema(*names: str) -> dict[str, Any]:
    """An object whose fields are texts, all required."""
    fields = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": fields, "required": list(names), "additionalProperties": False}
