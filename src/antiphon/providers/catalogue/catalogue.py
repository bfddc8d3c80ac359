"""What the bundled catalogue says of a provider's model."""

import re
from collections.abc import Iterator
from datetime import date

from msgspec import Struct, structs

from antiphon.core.deployment import Price
from antiphon.core.request import Need
from antiphon.providers.catalogue import table
from antiphon.providers.catalogue.table import Capabilities, Facts, Prices, Row

REGION = re.compile(r"^(?:us|us-gov|eu|apac|global|au|jp|ca|sa|me|af)\.")
"""Of a Bedrock inference profile, before the model's id. Source: docs.aws.amazon.com/bedrock/latest/userguide/
inference-profiles-support.html, 2026-11."""


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a model. None, and nothing lacking, where nothing is."""

    price: Price | None = None
    lacks: frozenset[Need] = frozenset()
    context_tokens: int | None = None
    output_tokens: int | None = None


NOTHING = Known()


class Catalogue:
    """The bundled files, each read once, when something of its provider is asked for."""

    def __init__(self) -> None:
        self._prices: dict[str, Prices | None] = {}
        self._capabilities: dict[str, Capabilities | None] = {}

    def known(self, provider: str, model: str, day: date, base_url: str | None = None) -> Known:
        """What is known of a model.

        Args:
            provider: Name of the provider's profile.
            day: Whose prices are asked for.
            base_url: Where the operator says the provider is; None: at its usual address. What answers at an address
                that isn't the provider's is another's, and nothing is known of it.
        """
        prices = self._price_list(provider)
        if prices is not None and base_url is not None and not re.match(prices.address, base_url):
            return NOTHING
        ids = tuple(_ids(model))
        found = self._row(prices, ids) if prices is not None else None
        facts = self._facts(provider, ids) or Facts()
        row = found[1] if found is not None else None
        windows = [one.context_tokens for one in (row, facts) if one is not None and one.context_tokens is not None]
        return Known(
            price=None if found is None else structs.replace(found[1].on(day).price, source=found[0].source),
            lacks=frozenset(facts.lacks),
            context_tokens=max(windows, default=None),
            output_tokens=facts.output_tokens,
        )

    def _row(self, prices: Prices, ids: tuple[str, ...]) -> tuple[Prices, Row] | None:
        """The row of a model, and the list that it is on: the provider's own, else that of one it serves models of."""
        for listed in (prices, *(one for name in prices.others if (one := self._price_list(name)) is not None)):
            for one in ids:
                row = listed.row(one)
                if row is not None:
                    return listed, row
        return None

    def _price_list(self, provider: str) -> Prices | None:
        if provider not in self._prices:
            self._prices[provider] = table.prices(provider)
        return self._prices[provider]

    def _facts(self, provider: str, ids: tuple[str, ...]) -> Facts | None:
        if provider not in self._capabilities:
            self._capabilities[provider] = table.capabilities(provider)
        known = self._capabilities[provider]
        if known is None:
            return None
        every = (*ids, *(table.undated(one) for one in ids))
        return next((known.models[one] for one in every if one in known.models), None)


def _ids(model: str) -> Iterator[str]:
    """The names that lists may have a model under, the nearest first."""
    lower = model.lower()
    for one in dict.fromkeys((lower, REGION.sub("", lower), lower.removeprefix("models/"))):
        yield one
        if (dashed := table.dashed(one)) != one:
            yield dashed
