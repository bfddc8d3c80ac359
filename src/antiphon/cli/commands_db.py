"""Commands for the database and the ledger in it, with their arguments and options."""

from antiphon.cli import values
from antiphon.cli.parser import Parser

MOST_VERSION = 10_000


def db(one: Parser) -> None:
    one.beneath(
        ("migrate", "bring the tables to a version; the gateway does so itself when it starts", _migrate),
        ("check", "look whether tables, ledger and balances agree", _check),
        ("backup", "copy the database and the journal, while a gateway runs too", _backup),
        ("restore", "put a copy in the place of the database and the journal", _restore),
        ("release", "free what a gateway holds that is lost with its data directory", _release),
    )


def ledger(one: Parser) -> None:
    one.beneath(
        ("show", "show an entry of the ledger", _show),
        ("correct", "add an entry that corrects another one; both stay", _correct),
    )


def _config(one: Parser) -> None:
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def _migrate(one: Parser) -> None:
    one.runs("db", "migrate")
    one.add_argument(
        "--to",
        type=values.whole(0, MOST_VERSION),
        metavar="VERSION",
        help="version to go to, back too: tables of later versions are dropped with what is in them (default: the newest)",
    )
    _config(one)
    one.epilog = "With --json: {from, to, newest}, versions of the tables; 0: there are none."


def _check(one: Parser) -> None:
    one.runs("db", "check")
    _config(one)
    one.epilog = (
        "With --json: {ok, version, newest, entries, accounts, faults: [{what, about, found}], waiting: [{holder, home}]};\n"
        "waiting are workers that have ended and whose leases a gateway frees when it starts."
    )


def _backup(one: Parser) -> None:
    one.runs("db", "backup")
    one.add_argument(
        "directory",
        metavar="DIR",
        help="directory to make; it must not be there. local.key and admin.key are not copied",
    )
    _config(one)
    one.epilog = "With --json: {directory, database, segments}."


def _restore(one: Parser) -> None:
    one.runs("db", "restore")
    one.add_argument("directory", metavar="DIR", help="what `antiphon db backup` made")
    _config(one)
    one.epilog = "With --json: {directory, replaced}; replaced is where the files that were there lie, or null."


def _release(one: Parser) -> None:
    one.runs("release")
    one.add_argument(
        "home",
        metavar="GATEWAY",
        nargs="?",
        help="its name, as in the file `home` of its data directory; what it holds is booked as spent (default: list those that hold something)",
    )
    _config(one)
    one.epilog = (
        "With --json: {homes: [{name, connected, holders, accounts, running, own}]}; with GATEWAY\n"
        "{holders, requests, entries}, the last as they are stored in the ledger."
    )


def _show(one: Parser) -> None:
    one.runs("ledger", "show")
    one.add_argument("id", help="the entry's id: the ticket's, as the receipt's attempt has it")
    _config(one)
    one.epilog = "With --json: the entry as it is stored."


def _correct(one: Parser) -> None:
    one.runs("ledger", "correct")
    one.add_argument("id", help="the entry's id: the ticket's, as the receipt's attempt has it")
    one.add_argument(
        "--money",
        type=values.nano_usd,
        default=0,
        metavar="USD",
        help="US dollars to add, with up to nine decimals; below 0 to take away, as --money=-0.25 (default: 0)",
    )
    most = 2**53
    one.add_argument("--tokens", type=values.whole(-most, most), default=0, help="tokens to add (default: 0)")
    one.add_argument("--requests", type=values.whole(-most, most), default=0, help="requests to add (default: 0)")
    one.add_argument("--note", required=True, help="why")
    _config(one)
    one.epilog = "With --json: the entry that was added."
