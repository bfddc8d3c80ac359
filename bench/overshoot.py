"""A hard budget under fire: more requests than it can pay for, half of them streams, while workers are killed and stores go away.

`python bench/overshoot.py` starts labs, a gateway with four workers on SQLite, then two gateways on one Postgres and one Valkey.
Every request costs the same, so that what the labs counted can be held against the ledger to the token.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from antiphon.providers.lab.settings import LabModel, LabSettings
from budget.chaos import Weather
from budget.load import Load
from budget.settings import KEY, MODEL, PROBE_KEY, Plan, add_options, from_options
from budget.subjects import MAKERS, Books, Subject, tidy
from chaos.fleet import Fleet
from chaos.weather import Lab
from lib import report, settings
from lib.errors import BenchError
from lib.processes import raise_file_limit, require_free, stop_on_sigterm
from lib.row import Row, Target

LABS_ABOVE = 300
NANO = 1_000_000_000
PROBES = 20
METHOD = (
    "{requests} requests of one key, {streams:.0%} streams, {at_once} in flight, against a hard budget for {afford}; every "
    "request costs the same, measured by {probes} requests of another key. A process of the gateway's is killed about every "
    "{kill:g} s, a store taken away for 3 s about every {store:g} s. Then the gateways are stopped, and the ledger is held "
    "against what the labs counted. Overshoot: what the labs were asked for, beyond the budget. Lost settlements: answers "
    "that came whole and are not in the ledger as settled, and requests the labs got that the ledger doesn't know. Double "
    "charges: entries beyond those that the labs' requests explain. Gateways on one core, labs and load on another."
)


def lab(at: int, port: int) -> Lab:
    model = LabModel(tokens_per_s=2000, answer_tokens=16)
    return Lab(f"lab-{at}", "healthy", port, LabSettings(seed=7, models={MODEL: model}))


async def fire(plan: Plan, subject: Subject) -> tuple[Load, Weather]:
    load, weather = Load(plan, subject.ports, KEY), Weather(plan.seed)
    tasks = [
        asyncio.create_task(weather.kill(subject.supervisors, plan.kill_every_s)),
        asyncio.create_task(weather.disturb(subject.disturbances(), plan.store_every_s)),
    ]
    await load.run()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return load, weather


def one_cost(subject: Subject, plan: Plan) -> int:
    """What one request costs, in nano-USD: by the books of requests that no budget counts."""
    probe = Load(replace(plan, requests=PROBES, at_once=1), subject.ports[:1], PROBE_KEY)
    came = asyncio.run(probe.run())
    if came.statuses["200"] != PROBES:
        raise BenchError(f"the probes failed: {dict(came.statuses)}")
    return 0


def lab_counts(labs: list[Lab]) -> tuple[int, int, int]:
    """Requests, input and output tokens of all labs so far."""
    import msgspec
    from lib.processes import get

    requests = inputs = outputs = 0
    for one in labs:
        said = msgspec.json.decode(get(one.port, "/lab/stats")[1])
        requests += said["requests"]
        for tokens in said["tokens"].values():
            inputs += tokens["input"]
            outputs += tokens["output"]
    return requests, inputs, outputs


def measure(plan: Plan, subject: Subject, labs: list[Lab]) -> Row:
    """One subject's whole run."""
    before = lab_counts(labs)
    subject.start(None)
    one_cost(subject, plan)
    subject.settle()
    subject.stop()
    after = lab_counts(labs)
    each_in, each_out = (after[1] - before[1]) // PROBES, (after[2] - before[2]) // PROBES
    cost = each_in * 1_000 + each_out * 10_000  # nano-USD: 1 and 10 USD a million tokens
    limit = plan.afford * cost
    subject.start(limit / NANO)
    began_s = time.monotonic()
    load, weather = asyncio.run(fire(plan, subject))
    took_s = time.monotonic() - began_s
    subject.settle()
    subject.stop()
    books, (requests, inputs, outputs) = subject.books(), lab_counts(labs)
    got = requests - after[0]
    return _row(plan, subject, load, weather, books, got, (inputs - after[1], outputs - after[2]), cost, limit, took_s)


def _row(
    plan: Plan,
    subject: Subject,
    load: Load,
    weather: Weather,
    books: Books,
    got: int,
    counted: tuple[int, int],
    cost: int,
    limit: int,
    took_s: float,
) -> Row:
    kinds = Counter(books.entries)
    settled, unsure = kinds["settled"], kinds["assumed"] + kinds["died"]
    spent_at_labs = counted[0] * 1_000 + counted[1] * 10_000
    whole_lost = sum(1 for receipt in load.came.whole if receipt not in books.receipts)
    unknown = max(0, got - settled - unsure)
    double = max(0, settled - got) + sum(count - 1 for count in books.receipts.values() if count > 2)
    wrong_money = books.money.get("settled", 0) - settled * cost
    overshoot = max(0, spent_at_labs - limit)
    figures = {
        "requests": float(plan.requests),
        "answered_whole": float(load.came.statuses["200"]),
        "refused_402": float(load.came.statuses["402"]),
        "lab_requests": float(got),
        "settled": float(settled),
        "assumed": float(kinds["assumed"]),
        "died": float(kinds["died"]),
        "budget_used_fraction": books.spent / limit,
        "lab_cost_of_budget": spent_at_labs / limit,
        "overshoot_nano_usd": float(overshoot),
        "double_charges": float(double),
        "lost_settlements": float(whole_lost + unknown),
        "ledger_minus_lab_nano_usd": float(wrong_money),
        "left_held": float(books.held),
        "overrun_nano_usd": float(books.overrun),
        "seconds": took_s,
        **{f"did: {name}": float(count) for name, count in weather.done.items()},
        **{f"status {name}": float(count) for name, count in load.came.statuses.items() if name not in ("200", "402")},
    }
    faults = []
    if wrong_money:
        faults.append(f"settled entries differ from the labs' count by {wrong_money} nano-USD")
    if books.spent > limit:
        faults.append("the account is over its limit")
    return Row(
        name=subject.name,
        title=f"{subject.name}: {type(subject).__doc__}",
        figures={"antiphon": figures},
        measure="overshoot, double charges and lost settlements together",
        value=float(overshoot + double + whole_lost + unknown),
        target=Target("at most", 0),
        faults=faults,
    )


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
        tidy(home)
    return rows


def main() -> int:
    """Returns 0 when every target was met, 1 when one was missed, 2 when the bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    settings.add_options(parser)
    add_options(parser)
    options = parser.parse_args()
    try:
        base, plan = settings.from_options(options), from_options(options)
        rows = run(base, plan, options.subjects.split(","))
        method = METHOD.format(
            requests=plan.requests, streams=plan.stream_fraction, at_once=plan.at_once, afford=plan.afford, probes=PROBES,
            kill=plan.kill_every_s, store=plan.store_every_s,
        )  # fmt: skip
        report.write(base, "overshoot", rows, method, requests=plan.requests)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
