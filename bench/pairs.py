"""What a change costs on the healthy path: two checkouts, or two configurations, sample by sample in turn.

git worktree add ../before REVISION
python bench/pairs.py --before ../before
python bench/pairs.py --config-after bench/governed.yaml --most-us 12  # what budgets and limits cost
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import median

from lib import report
from lib.errors import BenchError
from lib.rig import Rig, Subject
from lib.row import Plan, Row, Target
from lib.settings import GATEWAY_COMMAND, Settings, add_options, from_options
from lib.throughput import PROCESS_FIGURES, REQUEST_FIGURES, Case, measure

METHOD = (
    "Two gateways that differ in {differ}, on one core; load tool and mock upstream on another; loopback HTTP/1.1; a mock "
    "that answers at once; 1 KB prompts, 32 connections. They take turns, every other pair in reverse order; CPU time is "
    "the scheduler's, of all descendants, in windows of {seconds:g} s: the worker's is that of the busiest process. The "
    "value is the median of the pairs' differences; the interval holds the median with 95 % confidence by the sign test "
    "(order statistics of the differences)."
)
HERE = Path(__file__).resolve().parent.parent
MOST_US = 15.0
BINOMIAL_TAIL = 0.025


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of the revision to compare with (default: this one)")
    parser.add_argument("--config-before", type=Path, help="its configuration (default: that of --config)")
    parser.add_argument("--config-after", type=Path, help="this checkout's configuration (default: that of --config)")
    parser.add_argument("--pairs", type=int, default=12, help="at least 6 (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a measured window")
    parser.add_argument("--most-us", type=float, default=MOST_US, help="target, µs a request (default %(default)s)")
    add_options(parser)
    options = parser.parse_args(arguments)
    if options.pairs < 6:
        parser.error("--pairs: fewer than 6 have no interval of 95 %")
    options.before = options.before or HERE
    options.config_before = options.config_before or options.config
    options.config_after = options.config_after or options.config
    if not (options.before / "src" / "antiphon").is_dir():
        parser.error(f"--before: {options.before} is no checkout of this project")
    options.differ = " and ".join(
        what
        for what, same in (
            ("their checkout", options.before.resolve() == HERE),
            ("their configuration", options.config_before.resolve() == options.config_after.resolve()),
        )
        if not same
    )
    if not options.differ:
        parser.error("both would be the same: name another checkout or another configuration")
    return options


def interval(differences: list[float]) -> tuple[float, float]:
    """An interval for the median, 95 % by the sign test. Source: W. J. Conover, "Practical Nonparametric Statistics"."""
    ordered, count = sorted(differences), len(differences)
    cumulated, ways, drop = 0.0, 1.0, 0
    for place in range(count):
        cumulated += ways / 2**count
        if cumulated > BINOMIAL_TAIL:
            break
        drop, ways = place + 1, ways * (count - place) / (place + 1)
    drop = max(drop, 1)
    return ordered[drop - 1], ordered[count - drop]


def compare(rig: Rig, settings: Settings, plan: Plan, options: argparse.Namespace) -> Row:
    """The row: CPU of a request after a change less that before it."""

    def started(name: str, source: Path, config: Path, port: int) -> Subject:
        command = f"env PYTHONPATH={source.resolve() / 'src'} {GATEWAY_COMMAND}"
        return rig.beside(name, command, config.resolve(), port)

    subjects = [
        started("before", options.before, options.config_before, settings.port),
        started("after", HERE, options.config_after, settings.port + 1),
    ]
    case = Case(body="chat-1k.json", connections=32, figures=REQUEST_FIGURES | PROCESS_FIGURES)
    measured = measure(rig, plan, case, subjects)
    costs = {name: figures["cpu_us_per_request"] for name, figures in measured.rounds.items()}
    differences = [after - then for then, after in zip(costs["before"], costs["after"], strict=True)]
    low, high = interval(differences)
    figures = {
        name: {figure: median(values) for figure, values in one.items()} for name, one in measured.rounds.items()
    }
    figures["after"] |= {"interval_low_us": low, "interval_high_us": high}
    return Row(
        name="pairs",
        title=f"1 KB prompt, 32 connections, {len(differences)} pairs",
        figures=figures,
        measure="CPU µs a request more than before",
        value=median(differences),
        target=Target("at most", options.most_us),
        rounds=measured.rounds,
        details={"differences_us": [round(one, 2) for one in differences], "interval_us": [low, high]},
        faults=measured.faults,
        notes=measured.notes,
    )


def main() -> int:
    """Returns 0 when the target was met, 1 when it was missed, 2 when the bench failed."""
    options = parse()
    plan = Plan(options.pairs, options.seconds)
    try:
        settings = from_options(options)
        with Rig.open(settings) as rig:
            row = compare(rig, settings, plan, options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    method = METHOD.format(differ=options.differ, seconds=plan.seconds)
    report.write(settings, "pairs", [row], method, pairs=plan.rounds, seconds=plan.seconds)
    return 1 if row.passed is False else 0


if __name__ == "__main__":
    sys.exit(main())
