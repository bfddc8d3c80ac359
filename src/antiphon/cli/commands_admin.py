"""Commands for what the admin API owns, with their arguments and options."""

from collections.abc import Callable
from functools import partial

from antiphon.cli import values
from antiphon.cli.parser import Parser
from antiphon.core.data_class import DATA_CLASSES
from antiphon.core.object_kinds import OBJECT_KINDS

Command = tuple[str, str, Callable[[Parser], None]]
ANSWER = "the answer of the admin API, see its reference."


def keys(one: Parser) -> None:
    one.beneath(
        ("create", "make a key, and print its text, this once", _create),
        ("list", "list keys, of the configuration too", partial(_list, module="keys", section="keys")),
        *_with_texts("keys", "key"),
    )


def accounts(one: Parser) -> None:
    one.beneath(
        ("create", "make a service account, and print its text, this once", _create_account),
        ("list", "list service accounts", partial(_list, module="keys", section="accounts")),
        *_with_texts("accounts", "account"),
    )


def _with_texts(section: str, word: str) -> tuple[Command, ...]:
    named = partial(_named, module="keys", section=section)
    article = "an" if word == "account" else "a"
    return (
        ("show", f"show one {word}; never its text", partial(named, verb="show")),
        ("rotate", f"give {article} {word} another text, and print it", partial(_rotate, section=section)),
        ("revoke", f"refuse {article} {word} from now on, for good", partial(named, verb="revoke")),
        ("delete", f"take {article} {word} out of the list", partial(named, verb="delete")),
    )


def bindings(one: Parser) -> None:
    one.beneath(*_of("bindings", "binding"))


def whoami(one: Parser) -> None:
    one.runs("whoami")
    where(one)


def budgets(one: Parser) -> None:
    one.beneath(
        *_of("budgets", "budget"),
        ("accounts", "show how the accounts of a budget stand in the window that runs now", _accounts),
        ("raise", "give a budget more for a while", _raise),
    )


def limits(one: Parser) -> None:
    one.beneath(*_of("limits", "limit"))


def _of(section: str, word: str) -> tuple[Command, ...]:
    more = {"module": "objects", "section": section}
    return (
        ("list", f"list {section}, of the configuration too", partial(_list, **more)),
        ("show", f"show one {word}", partial(_named, **more, verb="show")),
        ("set", f"make a {word}, or replace it", partial(_set, **more)),
        ("delete", f"take a {word} away", partial(_named, **more, verb="delete")),
    )


def changes(one: Parser) -> None:
    one.runs("changes")
    one.add_argument("--kind", choices=OBJECT_KINDS, help="of this kind alone (default: all)")
    one.add_argument("--name", help="of objects with this name alone (default: all)")
    one.add_argument(
        "--most", type=values.whole(1, 1_000_000), default=100, help="most changes, the newest (default: %(default)s)"
    )
    where(one)
    one.epilog = "With --json: {data: [change]}, changes as in the admin API, see its reference."


def where(one: Parser) -> None:
    one.add_argument(
        "--url",
        type=values.url,
        help="the admin API (default: the variable ANTIPHON_ADMIN_URL, else that of the gateway that runs on the data directory, else its store is changed directly)",
    )
    one.add_argument(
        "--key",
        type=values.key,
        help="an admin key (default: the variable ANTIPHON_ADMIN_KEY, else the first admin key where it can be read)",
    )
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {ANSWER}"


def _list(one: Parser, *, module: str, section: str) -> None:
    one.runs(module, "list")
    one.set_defaults(section=section)
    where(one)


def _named(one: Parser, *, module: str, section: str, verb: str) -> None:
    one.runs(module, verb)
    one.set_defaults(section=section)
    one.add_argument("name", help="its name")
    where(one)


def _set(one: Parser, *, module: str, section: str) -> None:
    one.runs(module, "set")
    one.set_defaults(section=section)
    one.add_argument("name", help="its name")
    one.add_argument(
        "file", help=f"YAML or JSON file with its fields, as they stand under an item of `{section}` in a configuration"
    )
    one.add_argument(
        "--version", type=values.whole(1, 2**63 - 1), help="version that is replaced (default: it must not be there)"
    )
    where(one)


def _accounts(one: Parser) -> None:
    one.runs("budgets", "accounts")
    one.add_argument("name", help="the budget's name; that of a key is called key/NAME")
    where(one)
    one.epilog = "With --json: {data: [account]}, accounts as in the admin API, see its reference."


def _raise(one: Parser) -> None:
    one.runs("budgets", "raise")
    one.add_argument("name", help="the budget's name")
    more = one.add_mutually_exclusive_group(required=True)
    more.add_argument("--usd", type=values.dollars, help="US dollars more than its limit")
    most = 2**53
    more.add_argument("--tokens", type=values.whole(1, most), help="tokens more than its limit")
    more.add_argument("--requests", type=values.whole(1, most), help="requests more than its limit")
    one.add_argument("--until", required=True, help="when it ends, such as 2026-12-31T00:00:00Z")
    one.add_argument("--note", help="why")
    where(one)


def _rotate(one: Parser, *, section: str) -> None:
    one.runs("keys", "rotate")
    one.set_defaults(section=section)
    one.add_argument("name", help="its name")
    one.add_argument(
        "--overlap",
        default="24h",
        help="how long the text before is taken still: 0s, 15m, 24h, 7d (default: %(default)s)",
    )
    where(one)


def _create(one: Parser) -> None:
    _caller(one, "keys")
    one.add_argument("--usd", type=values.dollars, help="the most US dollars that it may use in a window")
    one.add_argument(
        "--window",
        choices=("minute", "hour", "day", "week", "month", "total"),
        default="month",
        help="the window of --usd (default: %(default)s)",
    )
    one.add_argument(
        "--admin", action="store_true", help="it is an owner of all tenants: it may use all of the admin API"
    )
    where(one)


def _create_account(one: Parser) -> None:
    _caller(one, "accounts")
    one.add_argument("--issuer", help="identity provider whose tokens stand for it, in place of a text")
    one.add_argument("--subject", help="user that those tokens name")
    where(one)


def _caller(one: Parser, section: str) -> None:
    """What a key and a service account have in common."""
    one.runs("keys", "create")
    one.set_defaults(section=section)
    one.add_argument("name", help="its name, one of a kind")
    one.add_argument("--tenant", help="organisation that it belongs to (default: default)")
    one.add_argument("--team", help="team, for receipts and budgets")
    one.add_argument("--department", help="department, for receipts and budgets")
    one.add_argument("--user", help="user, for receipts and budgets")
    one.add_argument("--tag", dest="tags", action="append", help="a free word; may be given several times")
    one.add_argument(
        "--model",
        dest="models",
        action="append",
        help="a public model name that it may ask for; may be given several times (default: all)",
    )
    one.add_argument(
        "--passthrough", action="append", help="a provider that it may ask as it is; may be given several times"
    )
    one.add_argument("--priority", choices=("high", "normal", "low"), help="lane that its requests wait in")
    one.add_argument("--expires", help="when it ends to be taken, such as 2026-12-31T00:00:00Z (default: never)")
    one.add_argument(
        "--role",
        dest="roles",
        action="append",
        metavar="ROLE",
        help="owner, admin, policy_author, approver, auditor, team_lead or member, in its tenant or team; may be given several times (default: none)",
    )
    one.add_argument("--employment", help="what policies call it, such as employee, contractor or service")
    one.add_argument(
        "--data-class", dest="data_class", choices=DATA_CLASSES, help="the least that what it sends is taken for"
    )
    one.add_argument("--clearance", choices=DATA_CLASSES, help="the highest class of data that it may send")
