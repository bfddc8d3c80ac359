"""Mistakes among prices: what would make a call cost 0 by oversight is one."""

from collections.abc import Iterator
from datetime import date

from antiphon.config.resolve import profile_name
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.providers.catalogue.catalogue import Catalogue
from antiphon.providers.settings import ModelSettings, PriceSettings, TokenPriceSettings
from antiphon.wire.yaml_node import Path

UNITS = ("image", "search", "audio_minute", "characters", "call")


def check_price(
    name: str, model: ModelSettings, settings: Settings, catalogue: Catalogue, written: Written
) -> Iterator[Problem]:
    """Prices that say two things, half of what they must, or nothing; and a bundled one that there isn't."""
    path: Path = ("models", name, "price")
    price = model.price
    if price is None or not written.sound(path):
        return
    if price.source == "configured":
        yield from _configured(price, path, written)
        return
    beside = [one for one in price.__struct_fields__ if one != "source" and written.has((*path, one))]
    if beside:
        wrong = (
            f"`source: {price.source}` takes its prices from elsewhere, and {', '.join(beside)} would have no effect"
        )
        yield written.problem((*path, beside[0]), wrong, "leave out one or the other")
    elif price.source == "bundled" and model.provider in settings.providers:
        yield from _bundled(name, model, settings, catalogue, written)


def _configured(price: PriceSettings, path: Path, written: Written) -> Iterator[Problem]:
    units = [unit for unit in UNITS if written.has((*path, unit))]
    if not units and not _kinds(price):
        remedy = "write `input:` and `output:`, or `source: none` for a model whose price is unknown"
        yield written.problem(path, "holds no prices", remedy)
    yield from _complete(price, path, written)
    seen: set[int] = set()
    for at, one in enumerate(price.tiers):
        where = (*path, "tiers", at)
        yield from _complete(one, where, written, must=True)
        if one.above_tokens in seen:
            wrong = f"there is another tier above {one.above_tokens} tokens"
            yield written.problem((*where, "above_tokens"), wrong, "keep one of them")
        seen.add(one.above_tokens)
    for service, one in price.services.items():
        yield from _complete(one, (*path, "services", service), written, must=True)


def _complete(prices: TokenPriceSettings, path: Path, written: Written, *, must: bool = False) -> Iterator[Problem]:
    """Tokens have a price in both directions or in none."""
    if not must and not _kinds(prices):
        return
    for name, value in (("input", prices.input), ("output", prices.output)):
        if value is None:
            remedy = f"write `{name}:` with US dollars per million tokens, 0 where they cost nothing"
            yield written.problem((*path, name), "is missing", remedy)


def _kinds(prices: TokenPriceSettings) -> bool:
    """Whether any tokens have a price."""
    return any(getattr(prices, name) is not None for name in TokenPriceSettings.__struct_fields__)


def _bundled(
    name: str, model: ModelSettings, settings: Settings, catalogue: Catalogue, written: Written
) -> Iterator[Problem]:
    profile, base_url = profile_name(settings, model.provider), settings.providers[model.provider].base_url
    upstream = model.model or name
    if catalogue.known(profile, upstream, date.max, base_url).price is None:
        at = f" at {base_url}" if base_url is not None else ""
        wrong = f"the bundled list has no price of {upstream} by {profile}{at}"
        yield written.problem(("models", name, "price", "source"), wrong, "write its prices, or `source: none`")
