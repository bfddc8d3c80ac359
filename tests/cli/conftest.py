"""A real gateway with lab models, and the real command beside it."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, NamedTuple

import pytest

ADMIN = "sk-admin-0123456789"
LIMITED = "sk-limited-0123456789"
COMMAND = [sys.executable, "-m", "antiphon"]
PATIENCE_S = 60

CONFIG = f"""
storage: {{dir: data, capture: content, ship_interval_s: 0.05}}
keys:
  - {{name: admin, key: {ADMIN}, admin: true, team: core, tags: [one, two]}}
  - {{name: limited, key: {LIMITED}, models: [fast]}}
routes:
  fast: {{models: [quick], description: The quick one.}}
  auto: {{models: [quick, absent]}}
  sorry: {{models: [failing], last_resort: {{respond: We will write to you., hand_off: desk}}}}
providers:
  lab:
    lab:
      models:
        quick: {{tokens_per_s: 1000000, answer_tokens: 30}}
        slow: {{tokens_per_s: 20, answer_tokens: 2000}}
        busy: {{faults: [{{kind: rate_limited, retry_after_s: 7}}]}}
        cutting: {{tokens_per_s: 1000000, answer_tokens: 200, faults: [{{kind: cut}}]}}
        failing: {{faults: [{{kind: error_500}}]}}
        unbilled: {{tokens_per_s: 1000000}}
  openai: {{key: "${{env:NOT_SET:-}}"}}
models:
  quick: {{provider: lab, tier: fast, zone: private, price: {{input: 1, output: 2}}, limits: {{context_tokens: 8000}}}}
  slow: {{provider: lab}}
  busy: {{provider: lab}}
  cutting: {{provider: lab}}
  failing: {{provider: lab}}
  unbilled: {{provider: lab}}
  absent: {{provider: openai}}
"""


class Ran(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Gateway(NamedTuple):
    """A gateway that runs."""

    url: str
    config: Path
    admin: str
    limited: str


class Started(NamedTuple):
    """A command that runs."""

    process: subprocess.Popen[str]
    out: IO[str]
    err: IO[str]


def environ(**more: str) -> dict[str, str]:
    """The environment without what would change commands."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANTIPHON_") and not name.endswith("_API_KEY") and name not in {"NO_COLOR", "TERM"}
    }
    return {**own, "TERM": "xterm", "PYTHONWARNINGS": "error", **more}


def _antiphon(
    *arguments: str | Path, stdin: str = "", cwd: Path | None = None, asking: Gateway | None = None, **variables: str
) -> Ran:
    if asking is not None:
        variables = {"ANTIPHON_URL": asking.url, "ANTIPHON_KEY": ADMIN, **variables}
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environ(**variables),
        timeout=PATIENCE_S,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def antiphon() -> Callable[..., Ran]:
    """Run a command to its end; `asking` names the gateway whose admin runs it."""
    return _antiphon


@contextmanager
def _started(*arguments: str | Path, asking: Gateway | None = None, **variables: str) -> Iterator[Started]:
    if asking is not None:
        variables = {"ANTIPHON_URL": asking.url, "ANTIPHON_KEY": ADMIN, **variables}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ(**variables),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        yield Started(process, process.stdout, process.stderr)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="session")
def started() -> Callable[..., AbstractContextManager[Started]]:
    """A command that runs while the block does; ended by SIGTERM when it still runs then."""
    return _started


def _line(stream: IO[str], said: str) -> str:
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if said in line:
            return line
    raise AssertionError(f"nobody said {said!r}, but {''.join(lines)!r}")


@pytest.fixture(scope="session")
def line() -> Callable[[IO[str], str], str]:
    """Wait for the line of a stream that says this."""
    return _line


def address(greeting: str) -> str:
    return next(word for word in greeting.split() if word.startswith("http")).rstrip(":.,").removesuffix("/v1")


@contextmanager
def _gateway(config: Path, *arguments: str) -> Iterator[Gateway]:
    """A gateway that must end well."""
    with _started("serve", "--config", config, *arguments) as server:
        url = address(_line(server.err, "listens on"))
        rest = Thread(target=server.err.read, daemon=True)
        rest.start()
        yield Gateway(url, config, ADMIN, LIMITED)
        server.process.terminate()
        assert server.process.wait(PATIENCE_S) == 0
        rest.join(PATIENCE_S)


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[Gateway]]:
    """A gateway of a configuration file, while the block runs."""
    return _gateway


@pytest.fixture(scope="session")
def text() -> str:
    """A configuration without secrets' places: lab models that answer at once, and some that fail."""
    return CONFIG


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = tmp_path_factory.mktemp("gateway") / "antiphon.yaml"
    config.write_text(CONFIG)
    with _gateway(config, "--port", "0") as one:
        yield one


@pytest.fixture(scope="session")
def terminal() -> Callable[..., tuple[int, str]]:
    """Run a command on a terminal of its own; gives its exit code and all that the terminal showed."""
    return _terminal


def _terminal(
    *arguments: str | Path, asking: Gateway, typing: Sequence[tuple[str, str]] = (), **variables: str
) -> tuple[int, str]:
    """`typing` holds what is waited for on the screen, and what is typed then."""
    ours, theirs = pty.openpty()
    variables = {"ANTIPHON_URL": asking.url, "ANTIPHON_KEY": ADMIN, **variables}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=theirs, stdout=theirs, stderr=theirs, env=environ(**variables)
    )
    os.close(theirs)
    shown, at, todo = "", 0, list(typing)
    with suppress(OSError):  # Linux says EIO when the other side has closed
        while select.select([ours], [], [], PATIENCE_S)[0] and (piece := os.read(ours, 65_536)):
            shown += piece.decode("utf-8", "replace")
            while todo and (found := shown.find(todo[0][0], at)) >= 0:
                awaited, typed = todo.pop(0)
                at = found + len(awaited)
                os.write(ours, typed.encode())
    os.close(ours)
    return process.wait(PATIENCE_S), shown
