"""Recorded prompts over HTTP: a gateway with the recipe `auto` and lab models that replay what twelve models answered.

`python bench/replay_http.py --data DIR` trains a model of expected gain on one split, starts a gateway, sends 300 of the
tested prompts, and holds every answer, who gave it, and who was asked in which order against the same route without HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import shutil
import sys
import tempfile
import time
import urllib.request
from hashlib import sha256
from pathlib import Path
from statistics import median

import yaml

from antiphon.app.offline import planner
from antiphon.app.route_replay import Answered, answered
from antiphon.config.load import load as configuration
from antiphon.evaluation.tune_gain import tune
from antiphon.routing.gain_file import write
from lib import recorded, report, settings
from lib.errors import BenchError
from lib.processes import require_free, start, stop, stop_on_sigterm, wait_ready
from lib.replaying import Data, Prompt, load
from lib.row import Row, Target

DATA = settings.REPOSITORY.parent / "shared" / "data"
ROUTE = "auto"
METHOD = (
    "A model of expected gain is trained on the learning part of split {seed} of {name}, and {count} of its tested prompts, by their "
    "hash, go through a gateway whose models replay what was recorded. Without HTTP the same configuration's planner decides and the "
    "recipe runs on recorded calls. Same: the answer's text, who gave it, and who was asked in which order, by the receipt."
)


def place(folder: Path, home: Path, data: Data, seed: int, count: int) -> tuple[Path, list[Prompt]]:
    """Write a configuration with all that it needs. Returns: it, and the prompts that are sent."""
    models = recorded.TWELVE[data.name]
    tested = [one for one in data.prompts if recorded.in_test(seed, one.id)]
    once = {" ".join(one.text.split()): one for one in reversed(tested)}.values()
    sent = sorted(once, key=lambda one: sha256(one.id.encode()).digest())[:count]
    wanted = {one.id for one in sent}
    with (
        gzip.open(folder / f"{data.name}.jsonl.gz", "rt", encoding="utf-8") as lines,
        gzip.open(home / "outcomes.jsonl.gz", "wt", encoding="utf-8") as kept,
    ):
        kept.writelines(line for line in lines if json.loads(line)["id"] in wanted)
    learned = [data.examples[one.id] for one in data.prompts if not recorded.in_test(seed, one.id)]
    write(tune(learned, models, seed=seed), home / "gain.json")
    replays = {
        name: {"replay": "outcomes.jsonl.gz", "tokens_per_s": 1_000_000, "first_token": {"p50_ms": 0}}
        for name in models
    }
    tree = {
        "providers": {"lab": {"lab": {"models": replays}}},
        "models": {name: {"provider": "lab"} for name in models},
        "recipes": {"thrifty": {"auto": {"file": "gain.json"}}},
        "routes": {ROUTE: {"models": list(models), "recipe": "thrifty"}},
        "storage": {"dir": "data"},
    }
    file = home / "antiphon.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file, sent


def ask(port: int, prompt: Prompt) -> tuple[str, str, list[str], float]:
    """The answer, who gave it, who was asked in order, and how long it took in seconds."""
    body = json.dumps({"model": ROUTE, "messages": [{"role": "user", "content": prompt.text}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", body, {"content-type": "application/json"}
    )
    began_s = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as reply:
        said, took_s = json.load(reply), time.perf_counter() - began_s
        receipt, gave = reply.headers["x-antiphon-receipt"], reply.headers["x-antiphon-deployment"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/receipts/{receipt}", timeout=60) as reply:
        asked = [one["deployment"] for one in json.load(reply)["attempts"]]
    return said["choices"][0]["message"]["content"] or "", gave, asked, took_s


def compared(port: int, sent: list[Prompt], offline: list[Answered]) -> tuple[int, list[float], list[str]]:
    """Requests that were decided alike, how long each took, and what differed."""
    same, took, others = 0, list[float](), list[str]()
    for prompt, one in zip(sent, offline, strict=True):
        text, gave, asked, took_s = ask(port, prompt)
        took.append(took_s)
        expected = prompt.outcomes[one.replayed.gave].answer or "", one.replayed.gave, list(one.replayed.asked)
        if (text, gave, asked) == expected:
            same += 1
        else:
            others.append(f"{prompt.id}: over HTTP {gave} of {asked}, without {expected[1]} of {expected[2]}")
    return same, took, others


def measure(base: settings.Settings, options: argparse.Namespace, folder: Path) -> Row:
    data = load(folder, options.set)
    home = Path(tempfile.mkdtemp(prefix="replay-"))
    try:
        file, sent = place(folder, home, data, options.seed, options.count)
        made = configuration(file, {})

        async def through() -> list[Answered]:
            return await answered(planner(made), ROUTE, sent)

        offline = asyncio.run(through())
        command = settings.GATEWAY_COMMAND.format(python=sys.executable, config=file, port=base.port)
        require_free(base.port)
        gateway = start("gateway", command.split(), core=base.subject_core, log=home / "gateway.log")
        try:
            wait_ready(gateway, base.port, base.ready_path)
            same, took, others = compared(base.port, sent, offline)
        finally:
            stop(gateway)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    score = sum(one.replayed.score for one in offline) / len(offline)
    calls = sum(len(one.replayed.asked) for one in offline) / len(offline)
    ordered = sorted(took)
    figures = {"requests": len(sent), "same": same, "accuracy": score, "calls": calls}
    times = {"p50_ms": 1000 * median(took), "p99_ms": 1000 * ordered[int(0.99 * len(ordered))]}
    return Row(
        name=f"{options.set} over HTTP",
        title=f"{options.set}: requests decided over HTTP as without it",
        figures={"antiphon": figures | times},
        measure="share of requests",
        value=same / len(sent),
        target=Target("at least", 1.0),
        notes=others[:20],
    )


def main() -> int:
    """Returns 0 when every request was decided alike or there is no data, 1 when one was not, 2 when the bench failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    settings.add_options(parser)
    parser.add_argument("--data", type=Path, default=DATA, help="directory of the recorded data")
    parser.add_argument("--set", choices=tuple(recorded.TWELVE), default="zeroeval", help="set of prompts")
    parser.add_argument("--seed", type=int, default=0, help="split")
    parser.add_argument("--count", type=int, default=300, help="prompts that are sent")
    options = parser.parse_args()
    folder = recorded.folder(options.data)
    if folder is None:
        print("no recorded outcomes: python bench/fetch_data.py --output DIR, then --data DIR", file=sys.stderr)
        return 0
    stop_on_sigterm()
    try:
        base = settings.from_options(options)
        row = measure(base, options, folder)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    method = METHOD.format(seed=options.seed, name=options.set, count=options.count)
    report.write(base, "replay-http", [row], method)
    return 0 if row.passed else 1


if __name__ == "__main__":
    sys.exit(main())
