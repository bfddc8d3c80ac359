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
    """A deployment that was considered, and why it lost (empty: it did not)."""

    deployment: str
    lost: str = ""


FallbackKind = Literal["any", "context_window", "content_policy"]
"""What went wrong when a fallback takes over."""


class Fallback(Struct, frozen=True, gc=False, kw_only=True):
    """Deployments that take over after a failure of one kind."""

    on: FallbackKind
    deployments: tuple[str, ...]
    """They stand equal, as those of the step do."""


class Step(Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One node of a recipe: a call against deployments."""

    name: str
    deployments: tuple[str, ...]
    """Any of them may answer: the call picks, on what is known of them when it is made."""
    envelope: Envelope
    fallbacks: tuple[Fallback, ...] = ()
    """In the order in which they are tried."""


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
