"""The load: who asks what, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass

import msgspec

from .settings import MODEL, NOISY, TENANTS, Chaos

TOPICS = ("the tides", "a bridge", "bread", "the loom", "frost", "maps", "a harbour", "bees", "ink", "the violin")
STYLES = ("briefly", "for a child", "with care", "in plain words", "as a list", "step by step")


@dataclass(frozen=True)
class Shot:
    """One request; `at_s` counts from the start of the load."""

    number: int
    at_s: float
    tenant: str
    stream: bool

    @property
    def prompt(self) -> str:
        """A text of its own for each number."""
        topic = TOPICS[self.number % len(TOPICS)]
        manner = ", ".join(STYLES[: 1 + self.number % len(STYLES)])
        return f"Question {self.number}: tell me about {topic} {manner}."

    @property
    def body(self) -> bytes:
        """As it goes over the wire."""
        fields: dict[str, object] = {"model": MODEL, "messages": [{"role": "user", "content": self.prompt}]}
        return msgspec.json.encode(fields | ({"stream": True} if self.stream else {}))


def shots(chaos: Chaos) -> list[Shot]:
    """An open load: arrivals by chance at a steady rate, whatever became of those before (Poisson)."""
    source = random.Random(chaos.seed)
    weights = [chaos.noisy_factor if tenant == NOISY else 1.0 for tenant in TENANTS]
    made: list[Shot] = []
    at_s = 0.0
    for number in range(chaos.requests):
        at_s += source.expovariate(chaos.rate_per_s)
        tenant = source.choices(TENANTS, weights)[0]
        made.append(Shot(number, at_s, tenant, source.random() < chaos.stream_fraction))
    return made


def without_noisy(planned: list[Shot]) -> list[Shot]:
    """What the others send, at the same moments."""
    return [shot for shot in planned if shot.tenant != NOISY]
