"""What a chaos run was asked to do, and the command line options that say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from lib.errors import BenchError
from lib.settings import BENCH, REPOSITORY

MODEL = "lab-chat"
KINDS = ("healthy", "dead", "hung", "slow", "errors", "storm", "cutting", "lying")
FLEET = "healthy=2,dead=1,hung=1,slow=1,errors=1,storm=1,cutting=1,lying=1"
SUBJECTS = ("healthy", "antiphon", "plain", "litellm", "portkey")
QUICK_SUBJECTS = "healthy,antiphon,plain"
TENANTS = ("alpha", "beta", "noisy")
NOISY = "noisy"


@dataclass(frozen=True, kw_only=True)
class Chaos:
    """One run's weather and load."""

    fleet: dict[str, int]  # kind -> how many
    subjects: tuple[str, ...]
    requests: int
    rate_per_s: float  # of all tenants
    stream_fraction: float
    noisy_factor: float
    timeout_s: float
    learn_s: float
    seed: int
    answer_tokens: int
    first_token_p50_ms: float
    first_token_p99_ms: float
    tokens_per_s: float
    slow_factor: float
    errors_percent: float
    storm_percent: float
    storm_retry_after_s: float
    cut_percent: float
    peers: Path
    install_peers: bool


def fleet(text: str) -> dict[str, int]:
    """Read `kind=count,...`; kinds not named have none. Raises: ArgumentTypeError."""
    counts: dict[str, int] = {}
    for item in filter(None, text.split(",")):
        kind, _, count = item.partition("=")
        if kind not in KINDS or not count.isdigit():
            raise argparse.ArgumentTypeError(f"{item!r} is not KIND=COUNT; kinds: {', '.join(KINDS)}")
        counts[kind] = int(count)
    if counts.get("healthy", 0) < 1:
        raise argparse.ArgumentTypeError("a fleet needs a healthy member: healthy=1 or more")
    return counts


def subjects(text: str) -> tuple[str, ...]:
    """Read names of subjects. Raises: ArgumentTypeError."""
    names = tuple(filter(None, text.split(",")))
    unknown = set(names) - set(SUBJECTS)
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"unknown subjects {sorted(unknown)}; there are: {', '.join(SUBJECTS)}")
    return names


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the chaos bench."""
    add = parser.add_argument
    add("--quick", action="store_true", help=f"600 requests at 200/s on {QUICK_SUBJECTS}, in under a minute")
    add("--subjects", type=subjects, help=f"by comma, of: {', '.join(SUBJECTS)} (default: all)")
    add("--fleet", type=fleet, default=FLEET, help="how many labs of each kind (default %(default)s)")
    add("--requests", type=int, help="of all tenants together (default 20000)")
    add("--rate", type=float, help="requests a second of all tenants together (default 60)")
    add("--streams", type=float, default=0.5, help="fraction of the requests that stream (default %(default)s)")
    add("--noisy-factor", type=float, default=10, help="load of the noisy tenant by another's (default %(default)s)")
    add("--timeout", type=float, help="seconds that a caller waits for a whole answer (default 30)")
    add("--learn", type=float, help="seconds before attempts at the dead lab count as probes (default 10)")
    add("--seed", type=int, default=1, help="of arrivals, weather and answers")
    add("--answer-tokens", type=int, default=40, help="median length of answers (default %(default)s)")
    add("--first-token-p50-ms", type=float, default=80, help="of a healthy lab (default %(default)s)")
    add("--first-token-p99-ms", type=float, default=240, help="of a healthy lab (default %(default)s)")
    add("--tokens-per-s", type=float, default=400, help="of a healthy lab (default %(default)s)")
    add("--slow-factor", type=float, default=10, help="how many times slower a slow lab is (default %(default)s)")
    add("--errors-percent", type=float, default=30, help="5xx of the lab `errors` (default %(default)s)")
    add("--storm-percent", type=float, default=100, help="429 of the lab `storm` (default %(default)s)")
    add("--storm-retry-after", type=float, default=5, help="seconds that these say (default %(default)s)")
    add("--cut-percent", type=float, default=50, help="cut answers of the lab `cutting` (default %(default)s)")
    add("--peers", type=Path, default=REPOSITORY / ".venv" / "peers", help="where LiteLLM and Portkey are installed")
    add("--install-peers", action="store_true", help="install there what is missing")
    parser.set_defaults(output=None, config=BENCH / "chaos" / "antiphon.yaml", model=MODEL)


def _chosen(options: argparse.Namespace, name: str, usual: float, quick: float) -> float:
    value = getattr(options, name)
    if value is None:
        return quick if options.quick else usual
    if value <= 0:
        raise BenchError(f"--{name.replace('_', '-')} {value:g} is not above 0")
    return value


def from_options(options: argparse.Namespace) -> Chaos:
    """Settings from parsed options. Raises: BenchError."""
    if not 0 <= options.streams <= 1:
        raise BenchError(f"--streams {options.streams:g} is no fraction; give 0 to 1")
    if not 0 <= options.errors_percent < 100:
        raise BenchError(f"--errors-percent {options.errors_percent:g} is not from 0 to below 100")
    return Chaos(
        fleet=options.fleet,
        subjects=options.subjects or (subjects(QUICK_SUBJECTS) if options.quick else SUBJECTS),
        requests=int(_chosen(options, "requests", 20_000, 600)),
        rate_per_s=_chosen(options, "rate", 60, 200),
        stream_fraction=options.streams,
        noisy_factor=options.noisy_factor,
        timeout_s=_chosen(options, "timeout", 30, 8),
        learn_s=_chosen(options, "learn", 10, 1),
        seed=options.seed,
        answer_tokens=options.answer_tokens,
        first_token_p50_ms=options.first_token_p50_ms,
        first_token_p99_ms=options.first_token_p99_ms,
        tokens_per_s=options.tokens_per_s,
        slow_factor=options.slow_factor,
        errors_percent=options.errors_percent,
        storm_percent=options.storm_percent,
        storm_retry_after_s=options.storm_retry_after,
        cut_percent=options.cut_percent,
        peers=options.peers.resolve(),
        install_peers=options.install_peers,
    )
