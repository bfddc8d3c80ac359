"""Commands for routes: training and judging the selectors that they go by."""

from antiphon.cli import values
from antiphon.cli.parser import Parser


def route(one: Parser) -> None:
    one.beneath(
        ("train", "learn from recorded outcomes which model answers what rightly, and write a selector", _train),
        ("eval", "tell how good a selector, or a route with its recipes, is on recorded outcomes", _eval),
    )


def _outcomes(one: Parser) -> None:
    where = one.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--outcomes",
        metavar="FILE",
        help="outcomes: .jsonl, .jsonl.gz, .csv or .parquet, one row for each prompt and model",
    )
    where.add_argument(
        "--receipts",
        action="store_true",
        help="outcomes from the database of the configuration: receipts that have scores, with their captured prompts",
    )
    one.add_argument("--tenant", metavar="NAME", help="with --receipts: whose (default: default)")
    one.add_argument(
        "--since",
        metavar="WHEN",
        help="with --receipts: from when on: 30d, 24h, 30m, 2w, a day or a time in UTC (default: 30d)",
    )
    one.add_argument("--until", metavar="WHEN", help="with --receipts: until when, the same way (default: now)")
    one.add_argument(
        "--embedder",
        metavar="NAME",
        help="name under `embedders` of the configuration, of a local one (default: none, words and shape alone)",
    )
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def _train(one: Parser) -> None:
    one.runs("route", "train")
    _outcomes(one)
    one.add_argument("--out", metavar="FILE", required=True, help="the file to write, in place of what is there")
    one.add_argument(
        "--cascades",
        action="store_true",
        help="learn from answers, scores and costs what one more answer is worth, and write a model of expected gain, for "
        "recipes `auto`; --method and --embedder have no part in it",
    )
    one.add_argument(
        "--method",
        choices=("prior", "ridge", "logistic", "knn", "blend"),
        default="blend",
        help="prior: each model's mean; ridge, logistic: linear; knn: nearest prompts, needs --embedder; "
        "blend: what mix of them errs least (default: %(default)s)",
    )
    one.add_argument(
        "--model", action="append", metavar="NAME", help="of this model alone; may stand more than once (default: all)"
    )
    one.add_argument(
        "--seed",
        type=values.whole(0, 2**31 - 1),
        default=0,
        help="of the folds: the same outcomes and seed give the same file (default: %(default)s)",
    )
    one.epilog = (
        "With --json: {out, sha256, method, models, best_single, margin, tolerance, report, judged_prompts,\n"
        "choices, receipts}. judged_prompts counts those that every model answered, choices those of chance that margin and\n"
        "tolerance are from where there is none; receipts is null, or with --receipts {scored, prompts, outcomes,\n"
        "propensities, left_out}."
    )


def _eval(one: Parser) -> None:
    one.runs("route", "eval")
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("--selector", metavar="FILE", help="what `route train` wrote")
    what.add_argument(
        "--route",
        metavar="NAME",
        help="a route of the configuration: every prompt is decided as a live request is, and answered from its outcomes; "
        "only prompts count for which every model that the route may ask has a cost",
    )
    _outcomes(one)
    one.epilog = (
        "With --json: {sha256, best_single, margin, tolerance, judged, off_policy, receipts}. judged is the report on prompts\n"
        "that all models answered, or null; off_policy is null, or {chosen, logged}, each {ips, self_normalised,\n"
        "doubly_robust, choices, effective}, where outcomes have propensities; receipts is as of `route train`.\n"
        "With --route: {route, revision, report, recipes, refused, decided_us}."
    )
