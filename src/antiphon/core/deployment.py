"""One concrete upstream, and what it costs."""

from typing import Literal

from msgspec import Struct

from antiphon.core.request import Dialect, Need

Zone = Literal["public", "private"]


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True, cache_hash=True):
    """Pico-dollars (10**-12 USD) a token, or a unit. A kind of token with no price of its own is charged as its total."""

    input: int
    output: int
    cached_input: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    """Kept for an hour; None: as `cache_write`."""
    input_audio: int | None = None
    input_image: int | None = None
    reasoning: int | None = None
    output_audio: int | None = None
    output_image: int | None = None
    image: int = 0
    """An image that was made."""
    search: int = 0
    """A search of the web that the provider made."""
    audio_minute: int = 0
    """A minute of sound that is not counted in tokens."""
    character: int = 0
    """A character that was spoken."""
    call: int = 0
    tiers: tuple["Tier", ...] = ()
    """Prices of longer prompts, the shortest first."""
    services: tuple["Service", ...] = ()
    """Prices of the provider's other grades of service."""
    source: str = ""
    """Where it comes from: `configured`, or the bundled list with its version and date."""


class Tier(Struct, frozen=True, kw_only=True):
    """What every token of a call costs once its input is longer than `above_tokens`, cached input included.

    So OpenAI, Anthropic, Google and xAI bill. Source: genai-prices 0.2.3, `TieredPrices`; for one,
    https://developers.openai.com/api/docs/models/gpt-5.5: above 272K "the full request" is billed at the higher rates.
    """

    above_tokens: int
    price: Price


class Service(Struct, frozen=True, kw_only=True):
    """A grade of service that a call can be given: `priority`, `flex`, `fast`, `batch`."""

    name: str
    price: Price


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
    networks: tuple[str, ...] = ()
    """Networks that it is reached in, such as `10.0.0.0/8`: no connection to any other address is made. Empty: any."""
    terms: tuple[str, ...] = ()
    """What its provider has agreed to, in the operator's words, such as `no_training` or `zero_retention`."""
    weight: float = 1.0
    price: Price | None = None
    """None: unpriced, so its cost is unknown, never 0."""
    capabilities: frozenset[Need] | None = None
    """None: nothing is known, so nothing is refused."""
    dialects: frozenset[Dialect] | None = None
    """Callers' dialects that it can be put into. None: nothing is known, so nothing is refused."""
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
