"""Providers and the deployments on them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.request import Need
from antiphon.core.secret import Secret
from antiphon.providers.auth.settings import AuthSettings
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.lab.settings import LabSettings

Url = Annotated[str, Meta(pattern="^https?://")]
ProxyUrl = Annotated[str, Meta(pattern="^http://")]
Count = Annotated[int, Meta(ge=1)]
Usd = Annotated[float, Meta(ge=0, le=1e6)]
Unit = Annotated[float, Meta(ge=0, le=1e3)]


class PassthroughSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers may ask a provider for as it is, at `/passthrough/NAME/`, with our credential in place of theirs."""

    enabled: Annotated[bool, Meta(description="Serve it. Default false.")] = False
    allow: Annotated[
        list[Annotated[str, Meta(pattern=r"^(\*|GET|POST|PUT|PATCH|DELETE) /\S*$")]],
        Meta(
            description="Methods and paths that may be asked for, such as `GET /models` or `* /fine_tuning/**`. Paths begin behind the base URL; `*` stands for one step of a path, `**` for any number of them, and as a method for any. Default: none."
        ),
    ] = []


class HoldSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What hard budgets hold for a request whose most use nothing in it tells."""

    usd: Annotated[
        Annotated[float, Meta(ge=0, le=1_000_000)] | None,
        Meta(description="US dollars. Default null: unknown, so a hard budget in money refuses it."),
    ] = None
    tokens: Annotated[
        Annotated[int, Meta(ge=0, le=10**12)] | None,
        Meta(description="Tokens. Default null: unknown, so a hard budget in tokens refuses it."),
    ] = None


class ProviderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account with a provider: where it is and how we are known there."""

    profile: Annotated[
        str,
        Meta(
            description="Row of the profile table, see `antiphon doctor --profiles`. Default: the provider's own name here."
        ),
    ] = ""
    base_url: Annotated[
        Url | None, Meta(description="Where its API is, up to and with the version. Default: the profile's.")
    ] = None
    key: Annotated[
        Secret | None,
        Meta(
            description="Credential, sent as the profile says. Default: none; a provider whose profile needs one is then off."
        ),
    ] = None
    keys: Annotated[
        list[ProviderKeySettings],
        Meta(
            description="Several credentials in place of `key`: each request goes out with one that is sound and has room. Default: none."
        ),
    ] = []
    auth: Annotated[
        AuthSettings | None,
        Meta(description="How we are known to a cloud, where that is more than a key. Default: by the key alone."),
    ] = None
    headers: Annotated[dict[str, Secret], Meta(description="Headers to add to each request. Default: none.")] = {}
    query: Annotated[
        dict[str, Secret],
        Meta(description="Query parameters to add to each request, such as api-version. Default: the profile's."),
    ] = {}
    proxy: Annotated[ProxyUrl | None, Meta(description="HTTP proxy to go through. Default: none.")] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust in place of the system's. Default: the system's."),
    ] = None
    networks: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]],
        Meta(
            description="The only networks that it is reached in, such as `10.0.0.0/8`: each connection goes to an address of them, or is not made. Needed for deployments of zone `private` whose host is a name. Default: public addresses, those of `egress.networks`, and the address that is written as host."
        ),
    ] = []
    connections: Annotated[
        int, Meta(ge=1, le=100_000, description="Most connections that one worker opens to it. Default 1000.")
    ] = 1000
    passthrough: Annotated[PassthroughSettings, Meta(description="What may be asked of it as it is.")] = (
        PassthroughSettings()
    )
    hold: Annotated[
        HoldSettings,
        Meta(
            description="What is held for each request that is passed through, each batch and each realtime session. What it uses beyond that is booked as an overrun."
        ),
    ] = HoldSettings()
    files: Annotated[
        bool,
        Meta(
            description="Let callers keep files and run batches there, at `/v1/files` and `/v1/batches`, where its profile has them. Default true."
        ),
    ] = True
    lab: Annotated[LabSettings | None, Meta(description="For profile `lab` only: the simulated models to serve.")] = (
        None
    )


class TokenPriceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens, by kind. A kind with no price of its own costs what its total does."""

    input: Annotated[Usd | None, Meta(description="Input tokens. Needed as soon as any tokens have a price.")] = None
    output: Annotated[
        Usd | None, Meta(description="Output tokens, reasoning included. Needed as soon as any tokens have a price.")
    ] = None
    cached_input: Annotated[
        Usd | None, Meta(description="Input tokens read from the prompt cache. Default: as input.")
    ] = None
    cache_write: Annotated[
        Usd | None, Meta(description="Input tokens written to the prompt cache. Default: as input.")
    ] = None
    cache_write_1h: Annotated[
        Usd | None, Meta(description="Input tokens written to the prompt cache for an hour. Default: as cache_write.")
    ] = None
    input_audio: Annotated[Usd | None, Meta(description="Input tokens of sound. Default: as input.")] = None
    input_image: Annotated[Usd | None, Meta(description="Input tokens of images. Default: as input.")] = None
    reasoning: Annotated[Usd | None, Meta(description="Output tokens of reasoning. Default: as output.")] = None
    output_audio: Annotated[Usd | None, Meta(description="Output tokens of sound. Default: as output.")] = None
    output_image: Annotated[Usd | None, Meta(description="Output tokens of images. Default: as output.")] = None


class TierSettings(TokenPriceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tokens of a call cost once its input is long."""

    above_tokens: Annotated[
        Count, Meta(description="Input tokens, cached ones included, above which these prices hold for the whole call.")
    ]


class PriceSettings(TokenPriceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs, in US dollars: per million tokens, and per unit."""

    source: Annotated[
        Literal["configured", "bundled", "none"],
        Meta(
            description="`configured`: the prices written here. `bundled`: those of the bundled list, and a mistake if it has none. `none`: unpriced, whatever the list says. Default configured."
        ),
    ] = "configured"
    image: Annotated[Unit, Meta(description="US dollars for an image that is made. Default 0.")] = 0.0
    search: Annotated[Unit, Meta(description="US dollars for a search of the web by the provider. Default 0.")] = 0.0
    audio_minute: Annotated[
        Unit, Meta(description="US dollars for a minute of sound that is not counted in tokens. Default 0.")
    ] = 0.0
    characters: Annotated[Usd, Meta(description="US dollars per million characters that are spoken. Default 0.")] = 0.0
    call: Annotated[Unit, Meta(description="US dollars a call, beside its tokens. Default 0.")] = 0.0
    tiers: Annotated[
        list[TierSettings], Meta(description="Prices of long prompts, in any order. Default: all cost the same.")
    ] = []
    services: Annotated[
        dict[str, TokenPriceSettings],
        Meta(
            description="Prices of other grades of service, by the provider's name of them, such as `priority` or `flex`. Default: as usual."
        ),
    ] = {}


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a deployment takes."""

    context_tokens: Annotated[
        Count | None,
        Meta(
            description="Context window, shown by GET /v1/models. Default: what the bundled catalogue says, else unknown."
        ),
    ] = None
    output_tokens: Annotated[
        Count | None,
        Meta(
            description="Most output tokens of one answer; a request that asks for more is not sent to it. Default: what the bundled catalogue says, else unknown."
        ),
    ] = None
    concurrency: Annotated[
        Count | None,
        Meta(
            description="Most requests in flight to it from one worker; more wait, see `calls.admission`. Default: `calls.admission.limit.max`."
        ),
    ] = None
    requests_per_minute: Annotated[
        Count | None,
        Meta(
            description="Requests that it takes in any minute from one worker; beyond them others go first. Default: what its answers' headers say."
        ),
    ] = None
    tokens_per_minute: Annotated[
        Count | None,
        Meta(
            description="Tokens, input and output, that it takes in any minute from one worker; beyond them others go first. Default: what its answers' headers say."
        ),
    ] = None


class TimeoutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Deadlines of one attempt, in seconds."""

    connect_s: Annotated[float, Meta(gt=0, le=600, description="To a connection: name, TCP, TLS. Default 5.")] = 5.0
    first_byte_s: Annotated[
        float, Meta(gt=0, le=3600, description="From sending to the answer's first byte. Default 120.")
    ] = 120.0
    between_bytes_s: Annotated[
        float, Meta(gt=0, le=3600, description="Between two reads of the answer. Default 60.")
    ] = 60.0
    total_s: Annotated[
        float, Meta(gt=0, le=86400, description="From sending to the answer's last byte. Default 600.")
    ] = 600.0


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment: one provider's model. Callers may ask for it by its name here."""

    provider: Annotated[str, Meta(description="Name under `providers`.")]
    model: Annotated[str, Meta(description="The provider's id of the model. Default: the name here.")] = ""
    tier: Annotated[
        str,
        Meta(
            description="`fast`, `balanced`, `premium`, or a word of your own; routes can take a whole tier. Default: none."
        ),
    ] = ""
    zone: Annotated[
        Literal["public", "private"],
        Meta(description="Whether it runs inside your own network. Shown in receipts. Default public."),
    ] = "public"
    region: Annotated[str, Meta(description="Where it runs. Shown in receipts. Default: unknown.")] = ""
    terms: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(
            description="What its provider has agreed to, in your own words, such as `no_training`. Policies read it as `resource.terms`. Default: nothing."
        ),
    ] = []
    weight: Annotated[
        float, Meta(ge=0, le=1e6, description="Its share among a route's deployments; 0 takes none. Default 1.")
    ] = 1.0
    priority: Annotated[
        int,
        Meta(
            ge=0,
            le=1000,
            description="Order among a route's deployments: those with a higher number are used when none with a lower one is usable. Default 0.",
        ),
    ] = 0
    continues: Annotated[
        bool | None,
        Meta(
            description="Whether it goes on from a last message of the assistant, which `on_cut: continue` needs. Default: the profile's."
        ),
    ] = None
    price: Annotated[
        PriceSettings | None,
        Meta(
            description="What it costs. Default: what the bundled list says of the provider's model; one that isn't on it is unpriced: its cost is then unknown, never 0."
        ),
    ] = None
    limits: Annotated[LimitSettings, Meta(description="What it takes.")] = LimitSettings()
    capabilities: Annotated[
        list[Need] | None,
        Meta(
            description="What it can do; a request that needs more is not sent to it. Default: the profile's, less what the bundled catalogue says that the model lacks; nothing is refused where nothing is known."
        ),
    ] = None
    timeouts: Annotated[TimeoutSettings, Meta(description="Deadlines of one attempt.")] = TimeoutSettings()
    listed: Annotated[
        bool, Meta(description="Callers may ask for it by its own name, besides through routes. Default true.")
    ] = True
