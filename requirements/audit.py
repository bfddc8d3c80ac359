"""Looks what is known against the versions that are installed with the package: `make check` runs it.

    python requirements/audit.py

Ends with 1 where an advisory is known that `requirements/accepted.txt` doesn't accept. An index that knows no advisories, or no
network, is told and is no failure: what was looked at is counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCK = HERE / "run.lock"
ACCEPTED = HERE / "accepted.txt"
LONGEST_S = 120


def accepted(text: str) -> dict[str, str]:
    """Advisories that are accepted, and why: `ID  reason` on each line."""
    lines = (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {name: why.strip() for name, _, why in (line.partition(" ") for line in lines)}


def judged(report: dict[str, Any], known: dict[str, str]) -> tuple[int, list[str]]:
    """The exit code and what is told of a report of pip-audit."""
    told: list[str] = []
    looked = 0
    for one in report["dependencies"]:
        if "skip_reason" in one:
            continue
        looked += 1
        for found in one["vulns"]:
            names = {found["id"], *found.get("aliases", ())}
            if names.isdisjoint(known):
                mended = ", ".join(found["fix_versions"]) or "no version"
                told.append(f"{one['name']} {one['version']}: {found['id']} is known; mended in {mended}")
    if told:
        return 1, told
    of = len(report["dependencies"])
    return 0, [f"audited {looked} of {of} locked packages: nothing known" if looked else UNKNOWN]


UNKNOWN = "not audited: this index tells no advisories (PyPI's JSON API does)"


def main() -> int:
    """Ask, judge, tell."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--disable-pip", "--no-deps", "-f", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
        report = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        print("not audited: pip-audit had no answer; it needs PyPI's JSON API", file=sys.stderr)
        return 0
    code, told = judged(report, accepted(ACCEPTED.read_text("utf-8")))
    print("\n".join(told), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
