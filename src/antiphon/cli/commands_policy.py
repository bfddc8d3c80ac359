"""Commands for policies, with their arguments and options."""

from collections.abc import Callable

from antiphon.cli import values
from antiphon.cli.commands_admin import where
from antiphon.cli.parser import Parser

CONFIG = "configuration (default: ./antiphon.yaml, else the built-in quickstart)"
FILES = "files, directories or patterns of policies"


def policy(one: Parser) -> None:
    one.beneath(
        ("check", "check policies: what is wrong with them, and what is odd", _check),
        ("test", "run the tests beside policies", _test),
        ("diff", "tell what other policies would decide otherwise", _diff),
        ("replay", "tell which recorded requests other policies would have decided otherwise", _replay),
        ("explain", "tell what policies say of one request, and why", _explain),
        ("schema", "print what policies can read", _schema),
        ("bundle", "draft, publish, roll out and roll back bundles of policies", _bundle),
    )


def _common(one: Parser, shape: str) -> None:
    one.add_argument("--config", metavar="FILE", help=CONFIG)
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {shape}"


def _check(one: Parser) -> None:
    one.runs("policy", "check")
    one.add_argument("files", nargs="*", help=f"{FILES} (default: those of the configuration)")
    _common(
        one,
        "{policies, oddities: [{kind, id, file, line, what}]}. Exit code 1 when a policy never decides, or\n"
        "names what isn't there; 3 when one can't be taken.",
    )


def _test(one: Parser) -> None:
    one.runs("policy", "test")
    one.add_argument(
        "files", nargs="*", help="files of tests (default: NAME.test.yaml beside each NAME.cedar of the policies)"
    )
    one.add_argument(
        "--policy", action="append", metavar="FILE", help=f"{FILES} to test (default: those of the configuration)"
    )
    _common(
        one,
        "{cases: [{name, file, line, wrong: [text], verdict}], never_decided: [id]}. Exit code 1 when a\n"
        "case came out otherwise.",
    )


def _diff(one: Parser) -> None:
    one.runs("policy", "diff")
    one.add_argument("before", help=FILES)
    one.add_argument("after", help=FILES)
    one.add_argument(
        "--requests", type=values.whole(1, 1_000_000), default=2000, help="requests to make up (default: %(default)s)"
    )
    one.add_argument(
        "--seed", type=values.whole(0, 2**31), default=0, help="the same seed makes the same up (default: %(default)s)"
    )
    one.add_argument(
        "--made-up", action="store_true", help="make deployments up too, in place of those of the configuration"
    )
    _common(
        one,
        "{text: [line], requests, deployments, changed, changes: [{before, after, requests, principal,\n"
        "context, deployment}]}. Exit code 1 when anything is decided otherwise.",
    )


def _replay(one: Parser) -> None:
    one.runs("policy_replay")
    one.add_argument(
        "--file", action="append", metavar="FILE", help=f"{FILES} to try (default: those of the configuration)"
    )
    one.add_argument(
        "--since", default="24h", help="from when on: 24h, 7d, a day or a time in UTC (default: %(default)s)"
    )
    one.add_argument("--until", default="", help="until when, the same way (default: now)")
    one.add_argument("--tenant", metavar="NAME", help="of this tenant alone (default: all)")
    one.add_argument(
        "--most",
        type=values.whole(1, 1_000_000),
        default=10_000,
        help="most receipts, the newest (default: %(default)s)",
    )
    _common(
        one,
        "{receipts, left_out, not_kept: [name], counts: {what: number}, then_usd, now_usd, unpriced, changes:\n"
        "[{id, at_ns, key, asked, what, before, after, served, now, cost_nano_usd, now_nano_usd}]}. Exit code 1\n"
        "when anything would be decided otherwise.",
    )


def _explain(one: Parser) -> None:
    one.runs("policy", "explain")
    one.add_argument(
        "said",
        nargs="*",
        metavar="NAME=VALUE",
        help="of the request: principal.team=legal, context.data_class=internal, context.findings=email,phone; "
        "resource.kind=Tool and resource.name=mail for another action",
    )
    one.add_argument(
        "--action",
        choices=("call_model", "use_tool", "read_collection", "administer", "approve"),
        default="call_model",
        help="what is asked for (default: %(default)s)",
    )
    one.add_argument(
        "--policy", action="append", metavar="FILE", help=f"{FILES} to ask (default: those of the configuration)"
    )
    _common(one, "the verdict, as receipts have it. Exit code 4 when it is denied.")


def _schema(one: Parser) -> None:
    one.runs("policy", "schema")


def _bundle(one: Parser) -> None:
    one.beneath(
        ("list", "list bundles", _plain("list")),
        ("show", "show one bundle, its draft and what is in force", _named("show")),
        ("versions", "list every version that was published", _named("versions")),
        ("draft", "write a draft out of files", _draft),
        ("publish", "put the draft in force", _rollout("publish")),
        ("rollout", "change the mode, or the share of callers, of what is in force", _rollout("rollout")),
        ("rollback", "put a version in force that was published before", _rollback),
        ("withdraw", "put a bundle out of force", _named("withdraw")),
        ("delete", "take a bundle away that is not in force", _named("delete")),
    )


def _plain(verb: str) -> Callable[[Parser], None]:
    def fill(one: Parser) -> None:
        one.runs("policy_bundle", verb)
        where(one)

    return fill


def _named(verb: str) -> Callable[[Parser], None]:
    def fill(one: Parser) -> None:
        one.runs("policy_bundle", verb)
        one.add_argument("name", help="name of the bundle")
        where(one)

    return fill


def _draft(one: Parser) -> None:
    one.runs("policy_bundle", "draft")
    one.add_argument("name", help="name of the bundle")
    one.add_argument("files", nargs="+", help=FILES)
    one.add_argument("--note", default="", help="what it is about, for the record")
    one.add_argument("--tenant", default="", help="for principals of this tenant alone (default: all)")
    where(one)


def _rollout(verb: str) -> Callable[[Parser], None]:
    def fill(one: Parser) -> None:
        one.runs("policy_bundle", verb)
        one.add_argument("name", help="name of the bundle")
        one.add_argument("--mode", choices=("enforce", "shadow"), help="shadow: only note what it would decide")
        one.add_argument("--share", type=values.share, help="part of callers that it is for, 0 to 1")
        one.add_argument("--note", help="for the record")
        where(one)

    return fill


def _rollback(one: Parser) -> None:
    one.runs("policy_bundle", "rollback")
    one.add_argument("name", help="name of the bundle")
    one.add_argument("number", type=values.whole(1, 2**31), help="of the version")
    where(one)
