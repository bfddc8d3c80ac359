"""Commands for approvals, with their arguments and options."""

from functools import partial

from antiphon.cli.commands_admin import where
from antiphon.cli.parser import Parser

STATES = ("waiting", "approved", "modified", "rejected", "expired", "cancelled")


def approvals(one: Parser) -> None:
    one.beneath(
        ("list", "list what people are asked", _list),
        ("show", "show one approval, with the exact action", partial(_named, verb="show")),
        ("approve", "say yes", partial(_answered, verb="approve")),
        ("modify", "say yes to another action in its place", _modify),
        ("reject", "say no, which settles it", partial(_answered, verb="reject")),
    )


def _list(one: Parser) -> None:
    one.runs("approvals", "list")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--state", choices=STATES, default="waiting", help="of this state (default: %(default)s)")
    which.add_argument("--all", action="store_true", help="of every state")
    one.add_argument("--tenant", help="of this tenant alone (default: all that you may answer for)")
    where(one)
    one.epilog = "With --json: {data: [approval]}, approvals as in the admin API, see its reference."


def _named(one: Parser, *, verb: str) -> None:
    one.runs("approvals", verb)
    one.add_argument("id", help="its id")
    where(one)


def _answered(one: Parser, *, verb: str) -> None:
    _named(one, verb=verb)
    one.add_argument("--note", help="why; whoever asked is shown it")


def _modify(one: Parser) -> None:
    _answered(one, verb="modify")
    one.add_argument(
        "file", help="JSON file with the whole action, in the form of what `antiphon approvals show` prints"
    )
