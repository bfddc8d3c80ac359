"""Commands about how good answers are, with their arguments and options."""

from antiphon.cli import values
from antiphon.cli.parser import Parser


def feedback(one: Parser) -> None:
    one.runs("feedback")
    one.add_argument("id", metavar="RECEIPT", help="the receipt's id, as in the header x-antiphon-receipt")
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--good", dest="good", action="store_const", const=True, help="the answer was good: 1")
    which.add_argument("--bad", dest="good", action="store_const", const=False, help="it was not: 0")
    which.add_argument("--score", metavar="SCORE", type=values.share, help="how good it was, from 0 to 1")
    one.add_argument("--note", default="", help="a note beside it, of up to 2000 characters")
    one.add_argument(
        "--source",
        choices=("feedback", "evaluation"),
        default="feedback",
        help="whoever read the answer, or a check of your own (default: %(default)s)",
    )
    _remote(one, "the answer of POST /v1/feedback.")


def quality(one: Parser) -> None:
    one.runs("quality")
    one.add_argument("--tenant", default="", help="by scores of this tenant alone (default: all that the key may see)")
    _remote(one, "the answer of GET /v1/quality.")


def _remote(one: Parser, shape: str) -> None:
    one.add_argument(
        "--url",
        type=values.url,
        help="the gateway, with or without /v1 (default: the variable ANTIPHON_URL, else http://127.0.0.1:8080)",
    )
    one.add_argument(
        "--key",
        metavar="KEY",
        type=values.key,
        help="API key (default: the variable ANTIPHON_KEY, which other users of this machine can't see)",
    )
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {shape}"
