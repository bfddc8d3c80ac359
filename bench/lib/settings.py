"""What a bench run was asked to do, and the command line options that say so."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
GATEWAY_COMMAND = "{python} -m antiphon serve --config {config} --port {port}"

PORT_BASE = 19000
STREAM_INTERVAL_US = 5000


@dataclass(frozen=True)
class Ports:
    """Ports of a run, counted from a base, so that two runs can live on one machine."""

    base: int

    @property
    def mock(self) -> int:
        return self.base + 1

    @property
    def probed(self) -> int:
        """The upstream behind probes of limits."""
        return self.base + 2

    @property
    def nginx(self) -> int:
        return self.base + 80

    @property
    def nginx_tls(self) -> int:
        """Plain to the client, TLS to the upstream."""
        return self.base + 81

    @property
    def gateway(self) -> int:
        """The gateway's; the ones above it are for further gateways."""
        return self.base + 100

    @property
    def terminator(self) -> int:
        return self.base + 443


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run's settings; `gateway_*` say how to start and address the gateway under test."""

    gateway_name: str
    gateway_command: str
    stand_in: bool
    config: Path
    governed: Path
    guarded: Path
    ports: Ports
    port: int
    chat_path: str
    ready_path: str
    metrics_path: str
    model: str
    headers: tuple[str, ...]
    subject_core: int
    load_core: int
    output: Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all bench commands have."""
    add = parser.add_argument
    add("--gateway-name", default="antiphon", help="name of the gateway in the results")
    add(
        "--gateway-command",
        default=GATEWAY_COMMAND,
        help="how to start the gateway; {python}, {config}, {port} and {dir} (a temporary "
        "directory) are filled in (default: %(default)s)",
    )
    add("--stand-in", action="store_true", help="put a second nginx in the gateway's place")
    add("--config", type=Path, default=BENCH / "gateway.yaml", help="the gateway's configuration")
    add(
        "--governed-config", type=Path, default=BENCH / "governed.yaml", help="the same, with budgets, limits, policies"
    )
    add("--guarded-config", type=Path, default=BENCH / "guarded.yaml", help="the same, with guards too")
    add("--port-base", type=int, default=PORT_BASE, help="all ports count from here (default %(default)s)")
    add("--port", type=int, help="the gateway's port (default: 100 above the base)")
    add("--chat-path", default="/v1/chat/completions")
    add("--ready-path", default="/readyz", help="ready when GET is 200; empty: when it listens")
    add("--metrics-path", default="/metrics")
    add("--model", default="gpt-4o-mini", help="model asked for; the TLS row asks for MODEL-tls")
    add("--header", action="append", default=[], help="a further request header; may be repeated")
    add("--subject-core", type=int, default=0, help="core of the subjects")
    add("--load-core", type=int, default=1, help="core of the load tool and the mock upstream")
    add("--output", type=Path, default=BENCH / "results", help="directory of the results")


def from_options(options: argparse.Namespace) -> Settings:
    """Settings from parsed options; checks that the machine has the cores."""
    cores = os.sched_getaffinity(0)
    wanted = {options.subject_core, options.load_core}
    if options.subject_core == options.load_core or not wanted <= cores:
        raise BenchError(
            f"the bench needs two cores, one for the subject and one for load and mock: it asked "
            f"for {sorted(wanted)} and may use {sorted(cores)}; see --subject-core, --load-core"
        )
    ports = Ports(options.port_base)
    return Settings(
        gateway_name="stand-in" if options.stand_in else options.gateway_name,
        gateway_command=options.gateway_command,
        stand_in=options.stand_in,
        config=options.config.resolve(),
        governed=options.governed_config.resolve(),
        guarded=options.guarded_config.resolve(),
        ports=ports,
        port=options.port or ports.gateway,
        chat_path=options.chat_path,
        ready_path=options.ready_path,
        metrics_path=options.metrics_path,
        model=options.model,
        headers=tuple(options.header),
        subject_core=options.subject_core,
        load_core=options.load_core,
        output=options.output,
    )


def without_paths(text: str, directory: Path | None = None) -> str:
    """The text with this machine's own paths replaced, fit for a published result."""
    if directory is not None:
        text = text.replace(str(directory), "BENCH_DIR")
    text = text.replace(sys.executable, "python").replace(f"{REPOSITORY}/", "")
    return text.replace(str(REPOSITORY), ".").replace(str(Path.home()), "~")
