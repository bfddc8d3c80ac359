"""A recipe made concrete for one request."""

from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct


class Envelope(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The most that a request may use; children draw from it."""

    attempts: int = 1
    seconds: float = 600.0
    output_tokens: int | None = None


class Candidate(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """A deployment that was considered, and why it lost (empty: it was chosen)."""

    deployment: str
    lost: str = ""


class Step(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One node of a recipe: a call against deployments, best first."""

    name: str
    deployments: tuple[str, ...]
    envelope: Envelope


Recipe = Literal["single"]
"""Patterns of calls."""


class Plan(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What will be done, decided before anything is sent."""

    recipe: Recipe
    route: str
    steps: tuple[Step, ...]
    candidates: tuple[Candidate, ...]
    prompt: str = ""
    """`prompt_id@version` of the prompt that the route adds."""

    def digest(self) -> str:
        """SHA-256 over the plan's fields, 16 hexadecimal digits: same inputs, same digest."""
        return sha256(msgspec.json.encode(self)).hexdigest()[:16]
