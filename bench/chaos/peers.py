"""The peers' programs: where they are, and how they come there."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from lib.errors import BenchError
from lib.tools import run

LITELLM = "litellm[proxy]==1.106.2"
PORTKEY = "@portkey-ai/gateway@1.15.2"
PORTKEY_OVERRIDES = {"@hono/node-server": "1.3.3"}
"""With the version that npm takes otherwise every stream ends in a 500, see bench/peers/README.md."""


@dataclass(frozen=True)
class Peer:
    """A peer's program in a directory of its own."""

    name: str
    package: str
    program: Path

    @property
    def missing(self) -> str:
        """What to do to have it; empty when it is there."""
        return "" if self.program.exists() else f"{self.name} is missing: {self.package}; add --install-peers"


def litellm(directory: Path) -> Peer:
    return Peer("litellm", LITELLM, directory / "litellm" / "bin" / "litellm")


def portkey(directory: Path) -> Peer:
    return Peer("portkey", PORTKEY, directory / "portkey" / "node_modules" / ".bin" / "gateway")


def install(peer: Peer, directory: Path) -> str:
    """Install a peer from its package registry. Returns: why that failed, empty when it did not."""
    home = directory / peer.name
    home.mkdir(parents=True, exist_ok=True)
    try:
        if peer.name == "litellm":
            run([sys.executable, "-m", "venv", str(home)])
            run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", peer.package])
        else:
            (home / "package.json").write_text(json.dumps({"private": True, "overrides": PORTKEY_OVERRIDES}))
            run(["npm", "install", "--prefix", str(home), peer.package])
    except (BenchError, OSError) as error:
        last = str(error).strip().splitlines()[-1]
        return f"{peer.name} is missing: {peer.package} can't be installed: {last}"
    return peer.missing
