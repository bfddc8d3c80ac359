"""What callers get from a fleet in bad weather: Antiphon, its plain path and its peers before the same labs.

See bench/chaos/README.md for the fleet, the figures and the targets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from chaos.fleet import Fleet
from chaos.report import Runs, rows
from chaos.settings import Chaos, add_options, from_options
from chaos.subjects import MAKERS
from chaos.trial import Measured, Stage
from chaos.weather import labs
from lib import machine, report, settings
from lib.errors import BenchError
from lib.processes import raise_file_limit, require_free, stop_on_sigterm
from lib.row import Row

LABS_ABOVE = 300
"""The labs' ports begin so far above the base."""
JUDGED = ("antiphon", "plain", "litellm", "portkey", "healthy")
"""Whose figures the targets are held against: the first of these that was measured."""
METHOD = (
    "The subject alone on one core; the fleet's labs and the client on another; loopback HTTP/1.1. Fleet: {fleet}. "
    "{requests} requests of three tenants in an open load of {rate:g}/s ({streams:.0%} streams), of which one tenant "
    "sends {noisy:g} times as many as each other; then, before a fresh process, the others' requests alone at the same "
    "moments. Labs count requests anew for each subject, so that all meet the same weather. Every answer is held "
    "against what the lab says to its prompt. Times run from when a request was sent, percentiles over whole answers; "
    "a caller waits {timeout:g} s at most. A stream that breaks after its first content is a cut, and stands apart; "
    "every other answer that is not whole is a failure. `healthy` is the plain path before the healthy labs alone."
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    settings.add_options(parser)
    add_options(parser)
    options = parser.parse_args(arguments)
    if options.stand_in:
        parser.error("--stand-in: nginx speaks to one upstream only; use --subjects")
    return options


def measure(stage: Stage) -> tuple[dict[str, Measured], dict[str, str]]:
    """Measure the subjects one after the other. Returns: what was measured, and why others were not."""
    measured: dict[str, Measured] = {}
    missing: dict[str, str] = {}
    for name in stage.chaos.subjects:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        subject = MAKERS[name](stage.settings, stage.chaos, stage.fleet)
        if subject.missing:
            missing[name] = subject.missing
            continue
        try:
            measured[name] = stage.measure(subject)
        except BenchError as error:
            missing[name] = settings.without_paths(str(error), stage.directory)
    return measured, missing


def run(base: settings.Settings, chaos: Chaos) -> list[Row]:
    """Start the fleet, measure, and stop it."""
    stop_on_sigterm()
    raise_file_limit()
    require_free(base.port)
    os.sched_setaffinity(0, {base.load_core})
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        fleet = labs(chaos, base.ports.base + LABS_ABOVE)
        with Fleet.open(fleet, directory, core=base.load_core) as started:
            measured, missing = measure(Stage(base, chaos, started, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not measured:
        raise BenchError("\n".join(f"{name}: {why}" for name, why in missing.items()))
    judged = next(name for name in JUDGED if name in measured)
    return rows(Runs(chaos, measured), missing, judged)


def write(base: settings.Settings, chaos: Chaos, found: list[Row], output: Path | None) -> None:
    """Print the result; keep its files where `output` says, if it says."""
    method = METHOD.format(
        fleet=", ".join(f"{count} {kind}" for kind, count in chaos.fleet.items()),
        requests=chaos.requests,
        rate=chaos.rate_per_s,
        streams=chaos.stream_fraction,
        noisy=chaos.noisy_factor,
        timeout=chaos.timeout_s,
    )
    with tempfile.TemporaryDirectory(prefix="chaos-") as unkept:
        base = replace(base, output=output or Path(unkept))
        report.write(base, "chaos", found, method, requests=chaos.requests, fleet=chaos.fleet)


def main() -> int:
    """Returns 0 when every target was met, 1 when one was missed, 2 when the bench failed."""
    options = parse()
    try:
        machine.versions()  # what the report will need is looked for before the long run
        base, chaos = settings.from_options(options), from_options(options)
        found = run(base, chaos)
        write(base, chaos, found, options.output)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 1 if any(row.passed is False for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
