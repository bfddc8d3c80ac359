"""What the listener costs, and which limits it holds, beside uvicorn (ASGI) and Granian (RSGI) on the whole path.

See bench/README.md for the rows and the method.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from inbound import limits
from inbound.upstream import ProbedUpstream
from lib import memory, report
from lib.errors import BenchError
from lib.footprint import MB, OPEN_STREAMS, SETTLE_S, hold_streams, warm
from lib.rig import Rig, Subject
from lib.row import Plan, Row, Target, medians
from lib.settings import GATEWAY_COMMAND, Settings, add_options, from_options
from lib.throughput import REQUEST_FIGURES, STREAM_FIGURES, Case, measure

LISTENER = "listener"
OTHERS = ("uvicorn", "granian")
COMMAND = "env -C bench {{python}} -m inbound.serve --server {server} --config {{config}} --port {{port}}"
METHOD = (
    "The same gateway (its path, client, journal, receipts, shipper and metrics; bench/gateway.yaml) behind three HTTP "
    "servers: its own listener; uvicorn as raw ASGI (httptools, uvloop, no access log, lifespan off, no proxy headers); "
    "Granian as RSGI (uvloop, one worker, one runtime thread in `st` mode, HTTP/1, asyncio tasks, backpressure set to "
    "max_connections). Each keeps all that its server lets it keep of the listener's limits, and cancels a request "
    "whose caller goes. Stream pieces are handed over on the spot, without a task: uvicorn's `send` is stepped once "
    "and carried on by a task only where it suspends; Granian's `send_bytes` need not be awaited. Turning headers "
    "into each server's form costs the adapters 1 to 2 µs a request. One server alone takes requests on one core, load "
    "tool and mock upstream on another; all take turns, every other round in reverse order; figures are medians of "
    "{rounds} rounds of {seconds:g} s after 1 s of warm-up; a sample during which others used more than 5 % of the subject's core is taken anew, up to {tries} "
    "times, and the least disturbed kept; before each the run waits up to {patience:g} s for both cores to be 90 % idle. Verdict value: the listener's figure by the best other's. "
    "Quote the ratios, not the absolute figures."
)

RowMaker = Callable[[Rig, Plan, list[Subject]], Row]


def _verdict(row: Row, first: str) -> Row:
    """Add each subject's ratios, and judge the listener by the best of the others."""
    own = row.figures[LISTENER][first]
    for figures in row.figures.values():
        figures["of_nginx"] = figures[first] / row.figures["nginx"][first]
        figures["of_listener"] = figures[first] / own
    row.value = own / max(row.figures[name][first] for name in OTHERS)
    return row


def _throughput(rig: Rig, plan: Plan, subjects: list[Subject], case: Case, *, name: str, title: str) -> Row:
    measured = measure(rig, plan, case, [rig.nginx(), *subjects])
    first = next(iter(case.figures))
    row = Row(
        name=name,
        title=title,
        figures=medians(measured.rounds),
        measure=f"{first}, of the best other",
        value=None,
        target=Target("at least", 1.0),
        rounds=measured.rounds,
        faults=measured.faults,
        notes=measured.notes,
    )
    return _verdict(row, first)


def chat_1k(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """1 KB prompts at 32 connections."""
    case = Case(body="chat-1k.json", connections=32, figures=REQUEST_FIGURES)
    return _throughput(rig, plan, subjects, case, name="chat-1k", title="1 KB prompt, 32 connections")


def _stream(rig: Rig, plan: Plan, subjects: list[Subject], count: int, name: str) -> Row:
    case = Case(body="stream-1k.json", connections=count, stream=True, figures=STREAM_FIGURES)
    row = _throughput(rig, plan, subjects, case, name=name, title=f"stream events, {count} streams")
    for subject, figures in row.figures.items():
        if figures["reads_per_stream"] < 46:
            row.notes.append(
                f"{subject}: {figures['reads_per_stream']:.1f} reads for 51 events: events were relayed several at "
                "a time, so its figure flatters"
            )
    return row


def stream(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """256 streams, an event each 5 ms. It fills a core: look at the reads per stream too, since a server whose
    core is full relays several events at a time and looks cheap by the event."""
    return _stream(rig, plan, subjects, 256, "stream")


def stream_128(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """Half as many, so that every server relays each event by itself."""
    return _stream(rig, plan, subjects, 128, "stream-128")


def _worker_rss(subject: Subject) -> float:
    return max(worker.rss_bytes for worker in memory.take(subject.pid).workers) / MB


def resident(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """Memory of fresh servers, and what each of 1,000 open streams adds. Comes first."""
    del plan
    time.sleep(SETTLE_S)
    row = Row(
        name="memory",
        title="memory, idle and by open stream",
        figures={},
        measure="RSS of the largest worker, of the best other",
        value=None,
        target=None,
    )
    for subject in subjects:
        tree = memory.take(subject.pid)
        row.figures[subject.name] = {"worker_rss_mb": _worker_rss(subject), "all_pss_mb": tree.pss_bytes / MB}
    for subject in subjects:
        warm(rig, subject)
        size, result = hold_streams(rig, subject)
        row.figures[subject.name]["kb_per_stream"] = size / 1000
        row.faults += [f"{subject.name}: {fault}" for fault in result.faults()]
        if result.open_streams < OPEN_STREAMS:
            row.faults.append(f"{subject.name}: only {result.open_streams} streams were open")
    row.value = row.figures[LISTENER]["worker_rss_mb"] / min(row.figures[name]["worker_rss_mb"] for name in OTHERS)
    return row


def loaded(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """Memory after all the load before this row. Comes after it."""
    del rig, plan
    figures = {subject.name: {"worker_rss_mb": _worker_rss(subject)} for subject in subjects}
    best = min(figures[name]["worker_rss_mb"] for name in OTHERS)
    return Row(
        name="memory-after",
        title="memory, after the load",
        figures=figures,
        measure="RSS of the largest worker, of the best other",
        value=figures[LISTENER]["worker_rss_mb"] / best,
    )


def held(rig: Rig, plan: Plan, subjects: list[Subject]) -> Row:
    """Every limit, probed on servers of their own with short limits."""
    del plan, subjects
    row = Row(
        name="limits",
        title="limits",
        figures={},
        measure=f"limits that the listener holds, of {len(limits.PROBES)}",
        value=None,
        target=Target("at least", len(limits.PROBES)),
    )
    with ProbedUpstream(rig.settings.ports.probed) as upstream:
        for index, name in enumerate((LISTENER, *OTHERS)):
            subject = rig.beside(f"{name}-limits", _command(name), limits.CONFIG, rig.settings.port + 10 + index)
            count = 0
            for what, probe in limits.PROBES.items():
                finding = probe(subject, upstream)
                count += finding.held
                row.words.setdefault(what, {})[name] = f"{'yes' if finding.held else '**no**'}: {finding.seen}"
            row.figures[name] = {"held": float(count)}
            rig.end(subject)
    row.value = row.figures[LISTENER]["held"]
    return row


ROWS: dict[str, RowMaker] = {
    "memory": resident,
    "chat-1k": chat_1k,
    "stream": stream,
    "stream-128": stream_128,
    "memory-after": loaded,
    "limits": held,
}


def _command(name: str) -> str:
    return GATEWAY_COMMAND if name == LISTENER else COMMAND.format(server=name)


def start(rig: Rig) -> list[Subject]:
    """The same gateway behind each server."""
    settings = rig.settings
    others = [
        rig.beside(name, _command(name), settings.config, settings.port + 1 + index)
        for index, name in enumerate(OTHERS)
    ]
    return [rig.gateway(), *others]


def measure_rows(settings: Settings, names: list[str], plan: Plan) -> list[Row]:
    """Measure the rows named."""
    rows: list[Row] = []
    with Rig.open(settings) as rig:
        subjects = start(rig) if set(names) - {"limits"} else []
        for name in names:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            rows.append(ROWS[name](rig, plan, subjects))
    return rows


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured window")
    parser.add_argument("--tries", type=int, default=1, help="samples, at most, while others use the subject's core")
    parser.add_argument("--patience", type=float, default=0.0, help="seconds to wait for a quiet machine, each time")
    parser.add_argument("--only", default="", help=f"rows, by comma, of: {', '.join(ROWS)}")
    add_options(parser)
    parser.set_defaults(gateway_name=LISTENER)
    options = parser.parse_args()
    only: list[str] = [name for name in options.only.split(",") if name]
    unknown = set(only) - set(ROWS)
    if unknown:
        parser.error(f"unknown rows {sorted(unknown)}; there are: {', '.join(ROWS)}")
    options.rows = [name for name in ROWS if not only or name in only]
    return options


def main() -> int:
    """Returns 0 when every target was met, 1 when one was missed, 2 when the bench failed."""
    options = parse()
    plan = Plan(options.rounds, options.seconds, options.tries, options.patience)
    try:
        settings = from_options(options)
        rows = measure_rows(settings, options.rows, plan)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    kind = "inbound" if len(rows) == len(ROWS) else "-".join(["inbound", *options.rows])
    method = METHOD.format(rounds=plan.rounds, seconds=plan.seconds, tries=plan.tries, patience=plan.patience_s)
    report.write(
        settings,
        kind,
        rows,
        method,
        rounds=plan.rounds,
        seconds=plan.seconds,
        tries=plan.tries,
        patience_s=plan.patience_s,
    )
    return 1 if any(row.passed is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
