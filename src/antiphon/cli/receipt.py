"""`antiphon receipt show`."""

import asyncio
import time
from argparse import Namespace
from contextlib import closing
from urllib.parse import quote

import msgspec

from antiphon.app.objects import prepare
from antiphon.app.places import Places
from antiphon.app.vaults import envelope
from antiphon.cli.configured import configured
from antiphon.cli.data import places_of, records_of, stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.receipt_analysis import analysis
from antiphon.cli.receipt_page import page
from antiphon.cli.terminal import bold, clean, document, put
from antiphon.config.settings import Settings
from antiphon.core.audit import Event
from antiphon.core.error import ConfigError, NotFound, StoreError, UpstreamMalformed
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured, opened
from antiphon.metering.records import Records


def run(arguments: Namespace) -> int:
    """Show one receipt."""
    if arguments.url and (arguments.last or arguments.content):
        option = "--last" if arguments.last else "--content"
        arguments.parser.error(f"{option} looks into the data directory: leave --url out")
    if arguments.url:
        return _show(arguments, asyncio.run(fetched(address(arguments), arguments.id)), None)
    try:
        settings = configured(arguments).settings
    except ConfigError as error:
        error.add_note("a gateway that runs can be asked instead: antiphon receipt show ID --url URL")
        raise
    places, records = places_of(settings), records_of(settings)
    receipt = found(places, records, arguments.id)
    return _show(arguments, receipt, _content(settings, records, receipt) if arguments.content else None)


def _show(arguments: Namespace, receipt: Receipt, content: Captured | None) -> int:
    if arguments.json:
        stored: dict[str, object] = msgspec.json.decode(msgspec.json.encode(receipt))
        if content is not None:
            stored["content"] = {"request": _text(content.request), "answer": _text(content.answer), "cut": content.cut}
        document(stored)
        return Exit.OK
    lines = page(receipt)
    if arguments.analyze:
        lines += analysis(receipt)
    if content is not None:
        lines += ["", bold("Request"), _shown(content.request), "", bold("Answer"), _shown(content.answer)]
        lines += ["", "Cut: `storage.capture_most_bytes` was less than this."] if content.cut else []
    put("\n".join(lines))
    return Exit.OK


async def fetched(where: Address, receipt_id: str) -> Receipt:
    async with connected(where) as gateway:
        body = await gateway.get(f"/v1/receipts/{quote(receipt_id, safe='')}")
    try:
        return msgspec.json.decode(body, type=Receipt)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} gave no receipt that can be read ({error}); check --url") from error


def found(places: Places, records: Records, receipt_id: str | None) -> Receipt:
    """One receipt, or the newest. Raises: NotFound, StoreError."""
    elsewhere = "is --config the one that the gateway runs with? A gateway elsewhere is asked by --url"
    if not places.data.is_dir():
        raise NotFound(f"there is no data directory {places.data}; {elsewhere}")
    receipt = records.last() if receipt_id is None else records.receipt(receipt_id)
    if receipt is None:
        what = "receipt yet" if receipt_id is None else f"receipt {clean(receipt_id)}"
        raise NotFound(f"there is no {what} in {places.data}; {elsewhere}", code="receipt_not_found")
    return receipt


def _content(settings: Settings, records: Records, receipt: Receipt) -> Captured:
    """What was captured, once it is noted that it is looked at. Raises: NotFound, Erased, StoreError."""
    places = places_of(settings)
    sealed = records.content(receipt.id) if receipt.captured else None
    if sealed is None:
        raise NotFound(
            "no content was captured with this receipt; `storage.capture: content` keeps it from then on",
            code="content_not_found",
        )
    if not places.key.is_file():
        raise StoreError(f"there is no key {places.key}; restore it from a backup, without it content can't be opened")
    tenant = receipt.principal.tenant if receipt.principal is not None else ""
    prepare(settings)
    with closing(stores_of(settings).audit()) as notes:
        event = Event(tenant=tenant, kind="content.view", by="cli", at_ns=time.time_ns(), about=receipt.id)
        notes.note(event)
    return opened(sealed, envelope(settings, places), tenant, receipt.id)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _shown(data: bytes) -> str:
    return clean(_text(data)).rstrip("\n")
