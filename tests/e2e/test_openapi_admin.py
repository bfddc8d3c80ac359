"""What the admin API's `GET /openapi.json` says is what happens, whatever a caller sends: tried by Schemathesis."""

import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.admin.openapi import DOCUMENT
from rig.config import to_upstream
from rig.fixtures import Start
from rig.upstream import Upstream

pytestmark = pytest.mark.processes
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
SEED, LONGEST_S = 7, 600
OPTIONS = """
[phases.coverage]
unexpected-methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
"""


@pytest.mark.parametrize(("role", "phases", "examples"), [("owner", "coverage", 1), ("member", "fuzzing", 2)])
def test_whatever_is_sent_is_answered_as_described(
    start: Start, up: Upstream, tmp_path: Path, role: str, phases: str, examples: int
) -> None:
    """By an owner of all tenants, and by a member who may change nothing."""
    key = "sk-somebody-0123456789abcdef"
    who = {"admin": True} if role == "owner" else {"roles": [role], "tenant": "acme", "team": "search"}
    config = to_upstream(up.url)
    config["keys"] = [*config["keys"], {"name": "somebody", "key": key, **who}]
    gateway = start({**config, "admin": {"port": 0}})
    url = (gateway.data / "admin.url").read_text().strip()
    (tmp_path / "openapi.json").write_bytes(DOCUMENT)
    (tmp_path / "schemathesis.toml").write_text(OPTIONS, "utf-8")
    command = [
        *(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "schemathesis.cli",
            "run",
            str(tmp_path / "openapi.json"),
            "--url",
            url,
        ),
        *("--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS)),
        *("--phases", phases, "--max-examples", str(examples), "--seed", str(SEED)),
        *("--generation-deterministic", "--no-shrink", "--warnings", "off"),
        *("--request-timeout", "60", "--suppress-health-check", "too_slow"),
        *("--continue-on-failure", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "test cases generated" in done.stdout or "Test cases" in done.stdout, done.stdout
