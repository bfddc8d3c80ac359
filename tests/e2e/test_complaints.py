"""The example of an agent does what its page says, on both databases."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rig.gateway import GREETING, START_S, STOP_S
from rig.wait import until

ROOT = Path(__file__).parents[2]
NUMBERS = ["delivery: 41", "damage: 15", "billing: 12", "service: 9", "other: 5", "safety: 5"]


@contextmanager
def serving(example: Path, environ: dict[str, str]) -> Iterator[str]:
    """The example's gateway. Gives: its address."""
    log = example / "served.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "antiphon", "serve", "--config", str(example / "antiphon.yaml"), "--port", "0"],
            cwd=example,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:

        def greeted() -> re.Match[str] | None:
            said = log.read_bytes().decode()
            assert process.poll() is None, said
            return GREETING.search(said)

        yield f"http://127.0.0.1:{int(until(greeted, 'the greeting', START_S)[1])}"
    finally:
        process.terminate()
        process.wait(STOP_S)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_example_counts_asks_and_writes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    example = tmp_path / "complaints"
    shutil.copytree(ROOT / "examples" / "complaints", example, ignore=shutil.ignore_patterns("data", "*.db"))
    environ = {**os.environ, "ANTIPHON_KEY": "sk-complaints-example"}
    arguments: list[str] = []
    if kind == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.database()
        arguments = ["--postgres", url, "--reader", "complaints_reader"]
        environ["COMPLAINTS_DB"] = url.replace("//antiphon@", "//complaints_reader@")
    seeded = [sys.executable, str(example / "seed.py"), *arguments]
    subprocess.run(seeded, check=True, env=environ, stdout=subprocess.DEVNULL)

    with serving(example, environ) as address:

        def agent(*words: str, code: int = 0) -> Any:
            command = [sys.executable, "-m", "antiphon", "agent", *words, "--url", address, "--json"]
            done = subprocess.run(command, cwd=example, env=environ, capture_output=True, check=False)
            assert done.returncode == code, done.stderr.decode()
            return msgspec.json.decode(done.stdout)

        waiting = agent("run", "complaints", "--input", str(example / "november.json"), code=1)
        assert waiting["wait"]["kind"] == "approval"
        assert not list(example.glob("data/workspaces/*/*.md"))
        agent("approve", waiting["id"], "--config", str(example / "antiphon.yaml"))
        done = agent("attach", waiting["id"])

    assert done["status"] == "done"
    assert [one.partition(" (")[0] for one in done["result"]["causes"]] == NUMBERS
    (report,) = example.glob("data/workspaces/*/*.md")
    assert "87 complaints came in; the month before it were 81." in report.read_text("utf-8")
