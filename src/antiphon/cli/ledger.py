"""`antiphon ledger show|correct`."""

from argparse import Namespace
from contextlib import closing

from msgspec import to_builtins

from antiphon.cli.configured import configured
from antiphon.cli.data import stores_of
from antiphon.cli.exits import Exit
from antiphon.cli.terminal import clean, document, put
from antiphon.core.clock import SystemClock
from antiphon.core.error import BadRequest, NotFound
from antiphon.core.ids import Uuid7
from antiphon.core.ledger import Posting
from antiphon.core.money import NanoUsd, as_usd
from antiphon.metering.correcting import Correction, correct


def run(arguments: Namespace) -> int:
    """Run the verb."""
    with closing(stores_of(configured(arguments).settings).database()) as database:
        if arguments.verb == "show":
            entry = database.posting(arguments.id)
            if entry is None:
                raise NotFound(f"there is no entry {clean(arguments.id)} in the ledger", code="entry_not_found")
            return _show(arguments, entry)
        if not (arguments.money or arguments.tokens or arguments.requests):
            raise BadRequest("a correction changes something: give --money, --tokens or --requests")
        correction = Correction(
            entry=arguments.id,
            money_nano_usd=arguments.money,
            tokens=arguments.tokens,
            requests=arguments.requests,
            note=arguments.note,
        )
        return _show(arguments, correct(database, correction, Uuid7(SystemClock()).new()))


def _show(arguments: Namespace, entry: Posting) -> int:
    if arguments.json:
        document(to_builtins(entry))
        return Exit.OK
    money = "unknown" if entry.money_nano_usd is None else f"{as_usd(NanoUsd(entry.money_nano_usd))} USD"
    lines = [
        f"{entry.id} ({entry.kind}) of receipt {entry.receipt}",
        f"{money}, {entry.tokens} tokens, {entry.requests} requests",
        f"from {entry.credit} to {entry.debit}",
    ]
    if entry.corrects:
        lines.append(f"corrects {entry.corrects}: {entry.note}")
    put("\n".join(clean(line) for line in lines))
    return Exit.OK
