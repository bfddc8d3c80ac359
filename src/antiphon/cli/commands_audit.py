"""Commands for auditors, and for what lies sealed, with their arguments and options."""

from antiphon.cli import values
from antiphon.cli.commands_admin import where
from antiphon.cli.parser import Parser

MOST_EVENTS = 2**53


def audit(one: Parser) -> None:
    one.beneath(
        ("list", "show how far each tenant's chain of events has come", _list),
        ("verify", "check chains against their checkpoints, on the store or from files alone", _verify),
        ("export", "write chains, checkpoints and keys to a directory, for an auditor", _export),
        ("proof", "prove that an event is in a chain, or that a chain only grew", _proof),
        ("checkpoint", "chain what waits, and sign how far chains have come", _checkpoint),
        ("key", "print the keys that checkpoints are checked by", _key),
        ("rotate", "have a new key sign checkpoints, beside the one before it", _rotate),
    )


def vault(one: Parser) -> None:
    one.beneath(
        ("erase", "erase what was kept of a subject, a receipt, a session, or all of a tenant's", _erase),
        ("hold", "place a legal hold: what it is on is neither erased nor dropped for its age", _hold),
        ("holds", "list legal holds", _holds),
        ("lift", "lift a legal hold", _lift),
        ("reveal", "show what tokens stand for; that is noted", _reveal),
        ("rotate", "wrap every tenant's key by the key that is configured now", _vault_rotate),
    )


def _config(one: Parser, says: str) -> None:
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {says}"


def _tenants(one: Parser) -> None:
    one.add_argument(
        "--tenant",
        dest="tenants",
        action="append",
        help="of this tenant alone; may be given several times (default: all)",
    )


def _list(one: Parser) -> None:
    one.runs("audit", "list")
    _config(one, "{data: [{tenant, size, head, checkpoint, checkpoint_at, exported}]}.")


def _verify(one: Parser) -> None:
    one.runs("audit", "verify")
    one.add_argument("--log", metavar="FILE", help="events.jsonl of an export (default: the store)")
    one.add_argument(
        "--checkpoints",
        metavar="PLACE",
        help="directory, or s3:// URL, of checkpoints (default: with the store that of `audit.checkpoints`; with --log none)",
    )
    one.add_argument(
        "--trust",
        dest="keys",
        metavar="KEY",
        action="append",
        help="a key that is trusted, as `antiphon audit key` prints it; may be given several times (default: those of the store)",
    )
    one.add_argument("--proof", metavar="FILE", help="check a proof, and nothing else; needs --trust")
    one.add_argument("--receipts", action="store_true", help="compare the store's receipts with their events too")
    _tenants(one)
    _config(
        one,
        "{ok, chains: {tenant: events}, checkpoints, faults: [{what, tenant, seq, found}]}; with --proof {ok, wrong}.",
    )


def _export(one: Parser) -> None:
    one.runs("audit", "export")
    one.add_argument("directory", metavar="DIR", help="directory to make; it must not be there")
    _tenants(one)
    _config(one, "{directory, events, tenants}.")


def _proof(one: Parser) -> None:
    one.runs("audit", "proof")
    most = MOST_EVENTS
    one.add_argument("--receipt", metavar="ID", help="that the event of this receipt is in its chain")
    one.add_argument("--seq", type=values.whole(0, most), help="that the event of this number is in the tenant's chain")
    one.add_argument("--old", type=values.whole(1, most), help="that the chain begins with that of this checkpoint")
    one.add_argument("--new", type=values.whole(1, most), help="with --old: the later checkpoint (default: the last)")
    one.add_argument("--tenant", help="whose chain (default: the gateway's own)")
    _config(one, "the proof, as without.")


def _checkpoint(one: Parser) -> None:
    one.runs("audit", "checkpoint")
    _config(one, "{data: [note]}, those that were made.")


def _key(one: Parser) -> None:
    one.runs("audit", "key")
    _config(one, "{keys}, the newest first.")


def _rotate(one: Parser) -> None:
    one.runs("audit", "rotate")
    _config(one, "{keys}, the newest first; both sign until the next rotation.")


def _target(one: Parser, verb: str) -> None:
    one.add_argument("--tenant", required=True, help="whose")
    some = one.add_mutually_exclusive_group(required=True)
    some.add_argument("--subject", metavar="NAME", help=f"{verb} a subject's: user/NAME, session/NAME or key/NAME")
    some.add_argument("--receipt", metavar="ID", help=f"{verb} the content of a receipt")
    some.add_argument("--session", metavar="NAME", help=f"{verb} the content of all receipts of a session")
    some.add_argument("--everything", action="store_true", help=f"{verb} all of the tenant's")
    one.add_argument("--note", help="why; it stands in the audit log, so write no names of people")
    where(one)


def _erase(one: Parser) -> None:
    one.runs("vault", "erase")
    _target(one, "erase")


def _hold(one: Parser) -> None:
    one.runs("vault", "hold")
    _target(one, "hold")


def _holds(one: Parser) -> None:
    one.runs("vault", "holds")
    one.add_argument("--tenant", help="of this tenant alone (default: all that may be seen)")
    where(one)


def _lift(one: Parser) -> None:
    one.runs("vault", "lift")
    one.add_argument("id", metavar="ID", help="the hold's id")
    where(one)


def _reveal(one: Parser) -> None:
    one.runs("vault", "reveal")
    one.add_argument("tokens", metavar="TOKEN", nargs="+", help="a token, such as [[EMAIL_7F3A91C27F3A91C2]]")
    one.add_argument("--tenant", help="whose tokens (default: that in which the key may see content)")
    where(one)


def _vault_rotate(one: Parser) -> None:
    one.runs("vault", "rotate")
    where(one)
