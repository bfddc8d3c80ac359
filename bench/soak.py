"""A long run through the gateway that watches its memory.

A phase of plain requests and a phase of event streams; the PSS of each gateway process is read
every few seconds. Verdict: after the first tenth of a phase, memory stays flat.
See bench/README.md.
"""

from __future__ import annotations

import argparse
import sys

from lib import report
from lib.errors import BenchError
from lib.rig import Rig
from lib.row import Row
from lib.settings import Settings, add_options, from_options
from lib.watch import Phase, soak

METHOD = (
    "The gateway on one core, load tool and mock upstream on another. PSS of all its processes is "
    "read every {every:g} s. The verdict compares the largest reading of a phase's last half with "
    "the reading at its first tenth; allowed are 5 % or 4 MB, whichever is more. Any failed "
    "request fails the row."
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--streams", type=int, default=200_000)
    parser.add_argument("--connections", type=int, default=32, help="for the plain requests")
    parser.add_argument("--open-streams", type=int, default=256, help="streams at a time")
    parser.add_argument("--burst", action="store_true", help="streams that come all at once")
    parser.add_argument("--every", type=float, default=3.0, help="seconds between readings")
    add_options(parser)
    return parser.parse_args(arguments)


def phases(options: argparse.Namespace) -> list[Phase]:
    """The phases asked for; a count of 0 leaves one out."""
    stream_body = "stream-1k-burst.json" if options.burst else "stream-1k.json"
    both = [
        Phase("requests", "chat-1k.json", options.requests, options.connections, stream=False),
        Phase("streams", stream_body, options.streams, options.open_streams, stream=True),
    ]
    return [phase for phase in both if phase.count > 0]


def measure(settings: Settings, planned: list[Phase], every_s: float) -> list[Row]:
    """Run the phases one after the other on the same gateway process."""
    rows: list[Row] = []
    with Rig.open(settings) as rig:
        for phase in planned:
            print(f"soaking: {phase.count} {phase.name} ...", file=sys.stderr, flush=True)
            rows.append(soak(rig, phase, every_s))
    return rows


def main() -> int:
    """Returns 0 when memory stayed flat, 1 when it grew, 2 when the bench failed."""
    options = parse()
    try:
        settings = from_options(options)
        rows = measure(settings, phases(options), options.every)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    report.write(settings, "soak", rows, METHOD.format(every=options.every))
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
