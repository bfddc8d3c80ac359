"""`make bench`: what a request costs on the gateway's path, measured beside nginx.

See bench/README.md for the rows, the method and the targets.
"""

from __future__ import annotations

import argparse
import sys

from lib import report
from lib.errors import BenchError
from lib.footprint import idle_memory, ready, stream_memory
from lib.looplag import loop_lag
from lib.rig import Rig
from lib.row import Plan, Row, RowMaker
from lib.settings import Settings, add_options, from_options
from lib.throughput import chat_1k, chat_32k, governed_1k, guarded_1k, latency, stream, tls_upstream

# In this order: rows that need a fresh gateway come first.
ROWS: dict[str, RowMaker] = {
    "ready": ready,
    "idle-memory": idle_memory,
    "stream-memory": stream_memory,
    "latency": latency,
    "chat-1k": chat_1k,
    "chat-32k": chat_32k,
    "governed-1k": governed_1k,
    "guarded-1k": guarded_1k,
    "stream": stream,
    "tls-upstream": tls_upstream,
    "loop-lag": loop_lag,
}
METHOD = (
    "The subject runs alone on one core, load tool and mock upstream on another; loopback "
    "HTTP/1.1; a mock that answers at once; a new body for each request. Subjects take turns in "
    "one run; figures are medians of {rounds} rounds of {seconds:g} s after 1 s of warm-up. CPU "
    "time is the scheduler's, of all threads and descendants of the subject, in the measured "
    "window only. Quote the ratios, not the absolute figures."
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured window")
    parser.add_argument("--only", default="", help=f"rows, by comma, of: {', '.join(ROWS)}")
    add_options(parser)
    options = parser.parse_args(arguments)
    only: list[str] = [name for name in options.only.split(",") if name]
    options.rows = [name for name in ROWS if not only or name in only]
    unknown = set(only) - set(ROWS)
    if unknown:
        parser.error(f"unknown rows {sorted(unknown)}; there are: {', '.join(ROWS)}")
    return options


def measure(settings: Settings, names: list[str], plan: Plan) -> list[Row]:
    """Measure the rows named."""
    rows: list[Row] = []
    with Rig.open(settings) as rig:
        for name in names:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            rows.append(ROWS[name](rig, plan))
    return rows


def main() -> int:
    """Returns 0 when every target was met, 1 when one was missed, 2 when the bench failed."""
    options = parse()
    plan = Plan(options.rounds, options.seconds)
    try:
        settings = from_options(options)
        rows = measure(settings, options.rows, plan)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    kind = "path" if len(rows) == len(ROWS) else "-".join(["path", *options.rows])
    method = METHOD.format(rounds=plan.rounds, seconds=plan.seconds)
    report.write(settings, kind, rows, method, rounds=plan.rounds, seconds=plan.seconds)
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
