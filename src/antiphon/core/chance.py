"""What is expected of a candidate before it is asked."""

from msgspec import Struct


class Chance(Struct, frozen=True, gc=False):
    """A learned selector's chance that a deployment's answer is right, 0 to 1, with the ends of a 90 % interval.

    `routing/selector*.py` makes these, by deployment; a deployment that it doesn't know is left out, never 0.
    """

    mean: float
    low: float = 0.0
    high: float = 1.0


class Likely(Struct, frozen=True, gc=False):
    """What a call to a deployment is likely to cost in nano-USD, with the ends of a 90 % interval. No cache is counted on."""

    nano_usd: int
    low_nano_usd: int
    high_nano_usd: int


class Previous(Struct, frozen=True, gc=False, kw_only=True):
    """Who answered a session's last request."""

    deployment: str
    cached_tokens: int = 0
    """Tokens of the session's prompt that its provider is taken to have kept."""
    at_ns: int
    """When it answered: UTC, nanoseconds since the epoch."""
