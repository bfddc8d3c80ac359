"""`antiphon db release`: what a gateway holds that is lost with its data directory."""

import time
from argparse import Namespace
from contextlib import closing

from msgspec import to_builtins
from msgspec.structs import replace

from antiphon.app.stores import Stores
from antiphon.cli import text
from antiphon.cli.configured import configured
from antiphon.cli.data import stores_of
from antiphon.cli.db import newest
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import clean, document, put, say
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.ledger import Posting
from antiphon.core.money import NanoUsd, as_usd
from antiphon.metering.releasing import release
from antiphon.store.upkeep import Home

HEAD = ("GATEWAY", "PROCESSES", "ACCOUNTS", "REQUESTS", "")


def run(arguments: Namespace) -> int:
    """List gateways, or release one."""
    stores = stores_of(configured(arguments).settings)
    newest(stores.upkeep())
    homes = stores.upkeep().homes()
    return _list(arguments, stores, homes) if arguments.home is None else _release(arguments, stores, homes)


def _list(arguments: Namespace, stores: Stores, homes: tuple[Home, ...]) -> int:
    if arguments.json:
        document({"homes": [{**to_builtins(one), "own": one.name == stores.home} for one in homes]})
    elif homes:
        put("\n".join(text.table((_row(one, stores.home) for one in homes), HEAD)))
    else:
        say("No gateway holds anything.")
    return Exit.OK


def _row(one: Home, own: str) -> tuple[str, ...]:
    note = "this one" if one.name == own else "connected" if one.connected else ""
    return one.name or "-", str(one.holders), str(one.accounts), str(one.running), note


def _release(arguments: Namespace, stores: Stores, homes: tuple[Home, ...]) -> int:
    home = str(arguments.home)
    found = next((one for one in homes if one.name == home), None)
    if home == stores.home:
        raise BadRequest(f"{home} is the gateway of this data directory: what it holds is freed when it starts")
    if found is None:
        raise NotFound(f"no gateway {home!r} holds anything; `antiphon db release` lists those that do")
    if found.connected:
        raise BadRequest(f"{home} is connected to the database, so it lives: stop it, and it frees what it holds")
    with closing(replace(stores, home=home).database()) as database:
        released = release(database, stores.upkeep().leases(home), home, time.time_ns())
    if arguments.json:
        document(to_builtins(released))
        return Exit.OK
    put("\n".join(clean(_said(one)) for one in released.entries) or "nothing was held")
    say(f"{home} is released; {text.counted(released.requests, 'request')} of it ended as interrupted")
    if released.entries:
        say("all that it held is booked as spent; what wasn't is taken back by `antiphon ledger correct ID`")
    return Exit.OK


def _said(entry: Posting) -> str:
    money = "unknown" if entry.money_nano_usd is None else f"{as_usd(NanoUsd(entry.money_nano_usd))} USD"
    return f"{entry.id} ({entry.kind}) of {entry.tenant or 'all'}: {money}, {entry.tokens} tokens, {entry.requests} requests"
