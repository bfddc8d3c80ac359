"""Corrections of the ledger: entries beside those that they correct. Blocks on the store."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from antiphon.control.ownership import Flaw, Flawed
from antiphon.core.ids import Ids
from antiphon.core.money import NanoUsd, as_usd
from antiphon.metering.correcting import Correction
from antiphon.metering.correcting import correct as booked
from antiphon.metering.definitions import nano_usd
from antiphon.metering.settings import MOST_COUNT, MOST_USD
from antiphon.store.database import Database

FIELDS = ("entry", "usd", "tokens", "requests", "note")
_MOST_TEXT = 512


class Corrected(Struct, frozen=True, kw_only=True):
    """The entry that was made."""

    id: str
    corrects: str
    tenant: str
    usd: str
    tokens: int
    requests: int
    note: str


def correct(database: Database, fields: Mapping[str, Any], by: str, ids: Ids) -> Corrected:
    """Book a correction; its note says who made it. Raises: Flawed, NotFound, StoreError."""
    wanted = Correction(
        entry=_text(fields, "entry"),
        money_nano_usd=_money(fields.get("usd", 0)),
        tokens=_count(fields, "tokens"),
        requests=_count(fields, "requests"),
        note=f"{by}: {_text(fields, 'note')}",
        by=by,
    )
    if not (wanted.money_nano_usd or wanted.tokens or wanted.requests):
        raise _flaw("usd", "nothing is corrected", "write `usd`, `tokens` or `requests`; below 0 takes away")
    made = booked(database, wanted, ids.new())
    return Corrected(
        id=made.id,
        corrects=made.corrects,
        tenant=made.tenant,
        usd=as_usd(NanoUsd(made.money_nano_usd or 0)),
        tokens=made.tokens,
        requests=made.requests,
        note=made.note,
    )


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_TEXT or not value.isprintable():
        raise _flaw(name, "is missing, or no text of one line", f"write 1 to {_MOST_TEXT} characters")
    return value


def _money(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST_USD <= value <= MOST_USD:
        raise _flaw("usd", "is no amount in US dollars", "write a number with up to nine decimals; below 0 takes away")
    try:
        return nano_usd(value)
    except ValueError as error:
        raise _flaw("usd", str(error), "write up to nine decimals") from error


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not -MOST_COUNT <= value <= MOST_COUNT:
        raise _flaw(name, "is no whole number", "write one; below 0 takes away")
    return value


def _flaw(field: str, wrong: str, remedy: str) -> Flawed:
    return Flawed(f"{field}: {wrong}; {remedy}", (Flaw(field=field, wrong=wrong, remedy=remedy),))
