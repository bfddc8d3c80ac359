"""A hard budget under fire: more requests than it can pay for, half of them streams, while workers are killed and stores go away.

`python bench/overshoot.py` starts labs, a gateway with four workers on SQLite, then two gateways on one Postgres and one Valkey;
`--subjects litellm,litellm-key` LiteLLM's proxy.
Every request costs the same, so that what the labs counted can be held against the ledger to the token.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from antiphon.providers.lab.settings import LabModel, LabSettings
from budget.chaos import Weather
from budget.litellm import LiteLLM, LiteLLMKey
from budget.load import Load
from budget.rows import Counts, Run, row
from budget.settings import KEY, MODEL, Plan, add_options, from_options
from budget.subjects import Replicas, Subject, Workers
from chaos.fleet import Fleet
from chaos.weather import Lab
from lib import report, settings
from lib.errors import BenchError
from lib.processes import get, raise_file_limit, require_free, stop_on_sigterm
from lib.row import Row

LABS_ABOVE = 300
NANO = 1_000_000_000
PROBES = 20
MAKERS: dict[str, type[Subject]] = {made.name: made for made in (Workers, Replicas, LiteLLM, LiteLLMKey)}
METHOD = (
    "{requests} requests of one key, {streams:.0%} streams, {at_once} in flight, against a hard budget for {afford}; every "
    "request costs the same, measured by {probes} requests that no budget counts. A process of the gateway's is killed about every "
    "{kill:g} s, a store taken away for 3 s about every {store:g} s. Then the gateways are stopped, and the ledger is held "
    "against what the labs counted. Overshoot: what the labs were asked for, beyond the budget. Lost settlements: answers "
    "that came whole and are not in the ledger as settled, and requests the labs got that the ledger doesn't know. Double "
    "charges: entries beyond those that the labs' requests explain. Of a peer that keeps one sum, that sum is held against what the "
    "labs counted: what it lost and what it counted twice can only be told net of each other. Gateways on one core, labs and "
    "load on another."
)


def lab(at: int, port: int) -> Lab:
    model = LabModel(tokens_per_s=100, answer_tokens=16)
    return Lab(f"lab-{at}", "healthy", port, LabSettings(seed=7, models={MODEL: model}))


async def fire(plan: Plan, subject: Subject) -> tuple[Load, Weather]:
    load, weather = Load(plan, subject.ports, KEY), Weather(plan.seed)
    tasks = [
        asyncio.create_task(weather.kill(subject.victims, plan.kill_every_s)),
        asyncio.create_task(weather.disturb(subject.disturbances(), plan.store_every_s)),
    ]
    await load.run()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return load, weather


def probed(subject: Subject, plan: Plan) -> None:
    """Send requests that no budget counts, to learn from the labs what one costs."""
    probe = Load(replace(plan, requests=PROBES, at_once=1), subject.ports[:1], subject.probe_key)
    came = asyncio.run(probe.run())
    if came.statuses["200"] != PROBES:
        raise BenchError(f"the probes failed: {dict(came.statuses)}")


def lab_counts(labs: list[Lab]) -> Counts:
    """Requests, input and output tokens of all labs so far."""
    said = [msgspec.json.decode(get(one.port, "/lab/stats")[1]) for one in labs]
    tokens = [counted for one in said for counted in one["tokens"].values()]
    return Counts(
        requests=sum(one["requests"] for one in said),
        inputs=sum(counted["input"] for counted in tokens),
        outputs=sum(counted["output"] for counted in tokens),
    )


def measure(plan: Plan, subject: Subject, labs: list[Lab]) -> Row:
    """One subject's whole run."""
    before = lab_counts(labs)
    subject.start(None)
    probed(subject, plan)
    subject.settle()
    subject.stop()
    after = lab_counts(labs)
    cost = (after - before).nano_usd // PROBES
    limit = plan.afford * cost
    subject.start(limit / NANO)
    began_s = time.monotonic()
    load, weather = asyncio.run(fire(plan, subject))
    took_s = time.monotonic() - began_s
    subject.settle()
    subject.stop()
    run = Run(
        plan=plan,
        came=load.came,
        done=weather.done,
        labs=lab_counts(labs) - after,
        cost=cost,
        limit=limit,
        took_s=took_s,
    )
    return row(run, subject, subject.books())


def run(base: settings.Settings, plan: Plan, subjects: list[str]) -> list[Row]:
    stop_on_sigterm()
    raise_file_limit()
    require_free(base.port, base.port + 1)
    os.sched_setaffinity(0, {base.load_core})
    home = Path(tempfile.mkdtemp(prefix="budget-"))
    rows: list[Row] = []
    labs = [lab(at, base.ports.base + LABS_ABOVE + at) for at in range(plan.labs)]
    try:
        with Fleet.open(labs, home, core=base.load_core):
            for name in subjects:
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                place = home / name
                place.mkdir()
                subject = MAKERS[name](plan, base.port, [one.port for one in labs], place, base.subject_core)
                try:
                    rows.append(measure(plan, subject, labs))
                finally:
                    subject.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return rows


def main() -> int:
    """Returns 0 when every target was met, 1 when one was missed, 2 when the bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    settings.add_options(parser)
    add_options(parser)
    options = parser.parse_args()
    try:
        base, plan, subjects = settings.from_options(options), from_options(options), options.subjects.split(",")
        rows = run(base, plan, subjects)
        method = METHOD.format(
            requests=plan.requests, streams=plan.stream_fraction, at_once=plan.at_once, afford=plan.afford, probes=PROBES,
            kill=plan.kill_every_s, store=plan.store_every_s,
        )  # fmt: skip
        commands = dict.fromkeys(MAKERS[name].command for name in subjects)
        report.write(
            replace(base, gateway_command="; ".join(commands)), options.name, rows, method, requests=plan.requests
        )
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
