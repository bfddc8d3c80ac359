"""The catalogue's files: what providers' models cost and can do, as dated sources said it.

Each provider has a file of prices, and some have one of capabilities, so that only those of the configuration's
providers are read. `make` writes them; nobody edits them.
"""

import re
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.core.deployment import Price
from antiphon.core.request import Need

ROOM = "antiphon.providers.catalogue"
ALIASES: Mapping[str, str] = MappingProxyType({"vertex": "gemini", "google": "gemini", "aws": "bedrock", "x-ai": "xai"})
"""Names that profiles have beside the files'."""
COMPACT_DATE = re.compile(r"-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
LAST_DATE = re.compile(r"[-@](?:20\d{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01]))(?=$|-v\d)")
"""The day of a model's version, at the end of its id but for Bedrock's `-v1:0`."""


class Clause(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which ids mean a model: any of these, or `every` one of the clauses. All in lower case, but for patterns."""

    equals: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    contains: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    every: tuple["Clause", ...] = ()

    def fits(self, model: str) -> bool:
        """Whether an id, in lower case, means the model."""
        return (
            model in self.equals
            or model.startswith(self.starts)
            or model.endswith(self.ends)
            or any(part in model for part in self.contains)
            or any(re.search(pattern, model) for pattern in self.patterns)
            or (bool(self.every) and all(clause.fits(model) for clause in self.every))
        )


class Dated(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Prices from a day on; the first of a row hold from the beginning."""

    price: Price
    since: date | None = None
    """UTC."""


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one model costs, the earliest prices first."""

    id: str
    match: Clause
    prices: tuple[Dated, ...]
    context_tokens: int | None = None

    def on(self, day: date) -> Dated:
        """The prices of a day."""
        found = self.prices[0]
        for one in self.prices[1:]:
            if one.since is None or one.since <= day:
                found = one
        return found


class Prices(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A provider's price list."""

    source: str
    """With its version and the day it was taken over: `genai-prices 0.2.3, 2026-11-27`."""
    address: str
    """Pattern of the base URLs that these prices are for."""
    rows: tuple[Row, ...]
    others: tuple[str, ...] = ()
    """Providers whose models it serves too, at their prices."""

    def row(self, model: str) -> Row | None:
        """The first row that a model's id, in lower case, fits."""
        return next((row for row in self.rows if row.match.fits(model)), None)


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a model takes, and what it is known to lack. What isn't said is unknown."""

    lacks: tuple[Need, ...] = ()
    context_tokens: int | None = None
    output_tokens: int | None = None
    """Most of one answer."""


class Capabilities(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a provider's models can do."""

    source: str
    models: dict[str, Facts]
    """By id in lower case."""


def prices(provider: str) -> Prices | None:
    """A provider's price list; None: there is none."""
    raw = _read("prices", provider)
    return None if raw is None else msgspec.json.decode(raw, type=Prices)


def capabilities(provider: str) -> Capabilities | None:
    """What is known of a provider's models; None: nothing."""
    raw = _read("capabilities", provider)
    return None if raw is None else msgspec.json.decode(raw, type=Capabilities)


def _read(what: str, provider: str) -> bytes | None:
    file = files(ROOM).joinpath(what, f"{ALIASES.get(provider, provider)}.json")
    return file.read_bytes() if file.is_file() else None


def dashed(model: str) -> str:
    """An id with its compact date as lists write it: `gpt-5.2-20251211` as `gpt-5.2-2025-12-11`."""
    return COMPACT_DATE.sub(r"-\1-\2-\3", model)


def undated(model: str) -> str:
    """An id without the day of its version."""
    return LAST_DATE.sub("", model)
