"""Makes the price lists from an installed genai-prices (MIT, github.com/pydantic/genai-prices).

It is read as data: its prices, their tiers, their days and the ids they are for. Models that are billed by what is never
counted here (pages, messages, citations, video) are left out, so that they are unpriced rather than too cheap.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib import import_module
from importlib.metadata import version
from math import ceil
from types import MappingProxyType
from typing import Protocol, cast

from msgspec import convert, structs

from antiphon.core.deployment import Price, Service, Tier
from antiphon.providers.catalogue.table import Clause, Dated, Prices, Row

PACKAGE = "genai-prices"
NAMES: Mapping[str, str] = MappingProxyType({"google": "gemini", "x-ai": "xai", "aws": "bedrock"})
"""Names of providers there, and here."""
PROVIDERS = (
    "anthropic", "aws", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq", "mistral", "moonshotai",
    "openai", "openrouter", "perplexity", "together", "voyageai", "x-ai",
)  # fmt: skip
PER_MILLION: Mapping[str, str] = MappingProxyType(
    {
        "input_mtok": "input",
        "output_mtok": "output",
        "cache_read_mtok": "cached_input",
        "cache_write_mtok": "cache_write",
        "cache_write_1h_mtok": "cache_write_1h",
        "input_audio_mtok": "input_audio",
        "input_image_mtok": "input_image",
        "output_reasoning_mtok": "reasoning",
        "output_audio_mtok": "output_audio",
        "output_image_mtok": "output_image",
        "input_mchars": "character",
    }
)
PER_THOUSAND: Mapping[str, str] = MappingProxyType({"web_searches_kcount": "search", "requests_kcount": "call"})
PER_HOUR = ("audio_hours", "input_audio_hours")
PASSED_OVER = ("storage_searches_kcount", "cache_audio_read_mtok", "cache_image_read_mtok")
"""Searches of stored files are never counted here; cached sound and images are charged as cached text."""
SERVICES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("service_tier", "priority"): "priority",
        ("service_tier", "flex"): "flex",
        ("service_tier", "fast"): "fast",
        ("speed", "fast"): "fast",
        ("processing", "batch"): "batch",
    }
)


class _Tier(Protocol):
    start: int
    price: Decimal


class _Tiered(Protocol):
    base: Decimal
    tiers: Sequence[_Tier]


_Amount = Decimal | _Tiered
_Amounts = dict[str, _Amount]


class _When(Protocol):
    start_date: date


class _Conditional(Protocol):
    constraint: _When | None
    prices: object


class _Variant(_Conditional, Protocol):
    when: dict[str, str]


class _Model(Protocol):
    id: str
    match: object
    context_window: int | None
    prices: object
    price_variants: Sequence[_Variant] | None


class _Provider(Protocol):
    id: str
    api_pattern: str
    models: Sequence[_Model]
    fallback_model_providers: Sequence[str] | None


def make_prices(day: date) -> Iterator[tuple[str, Prices]]:
    """Each provider's price list by its name here. Raises: ModuleNotFoundError, when genai-prices isn't installed.

    Args:
        day: Told as that on which the list was taken over.
    """
    source = f"{PACKAGE} {version(PACKAGE)}, {day.isoformat()}"
    for provider in cast("Sequence[_Provider]", import_module("genai_prices.data").providers):
        if provider.id in PROVIDERS:
            yield (
                _name(provider.id),
                Prices(
                    source=source,
                    address=provider.api_pattern,
                    rows=tuple(row for model in provider.models if (row := _row(model)) is not None),
                    others=tuple(_name(one) for one in provider.fallback_model_providers or ()),
                ),
            )


def _name(provider: str) -> str:
    return NAMES.get(provider, provider)


def _row(model: _Model) -> Row | None:
    prices = tuple(_dated(model))
    if not prices or (not _free(model.id) and any(not _costs(one.price) for one in prices)):
        return None
    return Row(id=model.id, match=clause(model.match), context_tokens=model.context_window, prices=prices)


def _free(model: str) -> bool:
    """Whether it is known to cost nothing. Elsewhere a price of 0 says that no price was found."""
    return model.endswith(":free") or model == "moderation"


def _costs(price: Price) -> bool:
    return bool(price.input or price.output or price.audio_minute or price.character or price.call)


def _dated(model: _Model) -> Iterator[Dated]:
    """Prices from each day that something changes; nothing, where a price is of a kind that can't be charged."""
    steps = _steps(model)
    variants = model.price_variants or ()
    days = {_start(one.constraint) for one in (*steps, *variants)} - {None}
    last: Price | None = None
    for day in (None, *sorted(cast("set[date]", days))):
        usual = _amounts_on(steps, day)
        price = _price(usual, _services(variants, usual, day))
        if price is None:
            return
        if price != last:
            yield Dated(since=day, price=price)
        last = price


def _steps(model: _Model) -> Sequence[_Conditional]:
    """The model's prices in their order; the last that holds is the one."""
    prices = model.prices
    return cast("list[_Conditional]", prices) if isinstance(prices, list) else (_Always(prices),)


class _Always:
    """A price without condition."""

    constraint: _When | None = None

    def __init__(self, prices: object) -> None:
        self.prices = prices


def _start(constraint: _When | None) -> date | None:
    return cast("date | None", getattr(constraint, "start_date", None))


def _holds(constraint: _When | None, day: date | None) -> bool:
    start = _start(constraint)
    return start is None or (day is not None and day >= start)


def _amounts_on(steps: Sequence[_Conditional], day: date | None) -> _Amounts:
    """Prices of a day. Where they change within it, the dearest of each kind: a charge is never understated."""
    hourly: list[_Amounts] = []
    for one in reversed(steps):
        if one.constraint is not None and _start(one.constraint) is None:
            hourly.append(_amounts(one.prices))
        elif _holds(one.constraint, day):
            return _dearest([_amounts(one.prices), *hourly])
    return _dearest([_amounts(steps[0].prices), *hourly])


def _amounts(prices: object) -> _Amounts:
    said = cast("dict[str, _Amount | None]", vars(prices))
    return {name: value for name, value in said.items() if value is not None}


def _dearest(choices: Sequence[_Amounts]) -> _Amounts:
    if len(choices) == 1:
        return choices[0]
    out: _Amounts = {}
    for one in choices:
        for name, value in one.items():
            old = out.get(name)
            if not isinstance(value, Decimal) or not isinstance(old, Decimal | None):
                raise TypeError(f"{name} has tiers and hours, and no rule says what both together mean")
            out[name] = value if old is None else max(old, value)
    return out


def _services(variants: Iterable[_Variant], usual: _Amounts, day: date | None) -> tuple[Service, ...]:
    """Prices of other grades of service; what one doesn't say is as usual."""
    found: dict[str, _Amounts] = {}
    for one in variants:
        name = SERVICES.get(next(iter(one.when.items()))) if len(one.when) == 1 else None
        if name is not None and _holds(one.constraint, day):
            found[name] = {**_amounts(one.prices), **found.get(name, {})}
    out = ((name, _price({**usual, **own})) for name, own in sorted(found.items()))
    return tuple(Service(name=name, price=price) for name, price in out if price is not None)


def _price(amounts: _Amounts, services: tuple[Service, ...] = ()) -> Price | None:
    """None: something is of a kind that can't be charged."""
    starts = sorted(
        {tier.start for value in amounts.values() if not isinstance(value, Decimal) for tier in value.tiers}
    )
    base = _flat(amounts, 0)
    if base is None:
        return None
    tiers = tuple(
        Tier(above_tokens=start, price=flat) for start in starts if (flat := _flat(amounts, start + 1)) is not None
    )
    return structs.replace(base, tiers=tiers, services=services)


def _flat(amounts: _Amounts, input_tokens: int) -> Price | None:
    """Prices of a prompt of this length. None: as for `_price`."""
    out: dict[str, int] = {"input": 0, "output": 0}
    for name, value in amounts.items():
        usd = value if isinstance(value, Decimal) else _tier(value, input_tokens)
        if name in PER_MILLION:
            out[PER_MILLION[name]] = ceil(usd * 10**6)
        elif name in PER_THOUSAND:
            out[PER_THOUSAND[name]] = ceil(usd * 10**9)
        elif name in PER_HOUR:
            out["audio_minute"] = max(out.get("audio_minute", 0), ceil(usd * 10**12 / 60))
        elif name not in PASSED_OVER:
            return None
    return convert(out, Price)


def _tier(value: _Tiered, input_tokens: int) -> Decimal:
    return next((one.price for one in reversed(value.tiers) if input_tokens > one.start), value.base)


def clause(match: object) -> Clause:
    """A matching rule of genai-prices as one of ours, which knows it by the name of its only field."""
    name, value = next(iter(vars(match).items()))
    if name == "or_":
        parts = [clause(one) for one in cast("list[object]", value)]
        return Clause(
            equals=tuple(text for one in parts for text in one.equals),
            starts=tuple(text for one in parts for text in one.starts),
            ends=tuple(text for one in parts for text in one.ends),
            contains=tuple(text for one in parts for text in one.contains),
            patterns=tuple(text for one in parts for text in one.patterns),
            every=_only(parts),
        )
    if name == "and_":
        return Clause(every=tuple(clause(one) for one in cast("list[object]", value)))
    text = cast("str", value)
    match name:
        case "equals":
            return Clause(equals=(text.lower(),))
        case "starts_with":
            return Clause(starts=(text.lower(),))
        case "ends_with":
            return Clause(ends=(text.lower(),))
        case "contains":
            return Clause(contains=(text.lower(),))
        case _:
            return Clause(patterns=(text,))


def _only(parts: Sequence[Clause]) -> tuple[Clause, ...]:
    """The one conjunction among alternatives."""
    found = [one.every for one in parts if one.every]
    if len(found) > 1:
        raise ValueError("two conjunctions among alternatives can't be told apart in one clause")
    return found[0] if found else ()
