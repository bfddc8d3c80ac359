"""One concrete upstream, and what it costs."""

from typing import Literal

from msgspec import Struct

from antiphon.core.request import Need

Zone = Literal["public", "private"]


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Pico-dollars (10**-12 USD) a token. A kind with no price of its own is charged as its total."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    call: int = 0
    """Pico-dollars a call."""


class Timeouts(Struct, frozen=True, kw_only=True):
    """Deadlines of one attempt, in seconds."""

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    between_bytes_s: float = 60.0
    total_s: float = 600.0


class Deployment(Struct, frozen=True, kw_only=True):
    """A provider's model with a credential, a place, a price and limits."""

    name: str
    provider: str
    model: str
    """The provider's own id of the model."""
    tier: str = ""
    zone: Zone = "public"
    region: str = ""
    weight: float = 1.0
    price: Price | None = None
    """None: unpriced, so its cost is unknown, never 0."""
    capabilities: frozenset[Need] | None = None
    """None: nothing is known, so nothing is refused."""
    context_tokens: int | None = None
    output_tokens: int | None = None
    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    priority: int = 0
    """Lower goes first."""
    continues: bool = False
    """It goes on from a last message of the assistant."""
    timeouts: Timeouts = Timeouts()
