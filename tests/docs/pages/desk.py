"""A newcomer's desk: a directory with the examples and the commands, and what is started from it."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from pages.page import ROOT

GATEWAY, LAB, COLLECTOR = "127.0.0.1:8080", "127.0.0.1:8090", "127.0.0.1:4318"
"""Where pages say that a gateway, a lab and a collector of traces listen; here they are somewhere free."""
SERVES = re.compile(r"^(?:\.venv/bin/)?antiphon (?P<lab>lab )?serve\b[^|&;<>\n]*$")
LISTENS = re.compile(r"(?:Antiphon listens|Lab models listen) on https?://[^:/]+:(\d+)")
MADE = re.compile(r"^make serve(?: ARGS='(?P<args>[^'\n]*)')?$")
MAKE_SERVE = "antiphon serve --config examples/quickstart.yaml"
PATIENCE_S = 20.0
SHIM = '#!/bin/sh\nexec {python} {module} "$@"\n'


class Desk:
    """Runs what pages say, in order, as one session of a shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.addresses: dict[str, str] = {}
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = 0
        shutil.copytree(ROOT / "examples", home / "examples", ignore=shutil.ignore_patterns("antiphon-data"))
        commands = home / ".venv" / "bin"
        commands.mkdir(parents=True)
        for name, module in (("antiphon", "-m antiphon"), ("python", ""), ("python3", "")):
            shim = commands / name
            shim.write_text(SHIM.format(python=shlex.quote(sys.executable), module=module))
            shim.chmod(0o755)
        (home / "strict").mkdir()
        (home / "strict" / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
        (home / "lenient").mkdir()
        (home / "lenient" / ".curlrc").write_text("silent\nshow-error\n")
        self._environ = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONUTF8": "1",
        }
        self._state = home / ".state"
        self._state.write_text("")

    def placed(self, text: str) -> str:
        """The text with the addresses of what was started."""
        for said, real in self.addresses.items():
            text = text.replace(said, real)
        return text

    def write(self, name: str, text: str) -> Path:
        file = self.home / name
        file.write_text(self.placed(text), "utf-8")
        return file

    def shell(self, script: str, *, lenient: bool = False) -> str:
        """Run a script; what it exports is there for the next. Returns: what it printed. Raises: AssertionError."""
        whole = f". {self._state}\n{self._ours(lenient=lenient)}\n{self.placed(script)}\nexport -p > {self._state}\n"
        return self._run(["bash", "-euo", "pipefail", "-c", whole], script)

    def python(self, program: str) -> str:
        """Run a program. Returns: what it printed. Raises: AssertionError."""
        return self._run([sys.executable, "-W", "error", "-c", self.placed(program)], program)

    def _ours(self, *, lenient: bool = False) -> str:
        """What a script is told of this desk, whatever one before it exported."""
        where = self.addresses.get(GATEWAY, GATEWAY)
        kind = "lenient" if lenient else "strict"
        return f"export ANTIPHON_URL=http://{where} CURL_HOME={shlex.quote(str(self.home / kind))}"

    def _run(self, command: list[str], shown: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
        )
        output = done.stdout.decode(errors="replace")
        assert done.returncode == 0, f"ended with {done.returncode}:\n{shown}\n--- it printed:\n{output}"
        return output

    def serve(self, command: str) -> str:
        """Start a gateway or a lab in the place of the one before. Returns: what it said. Raises: AssertionError."""
        kind = LAB if "lab serve" in command else GATEWAY
        self.stop(kind)
        self._logs += 1
        log = self.home / f"served-{self._logs}.log"
        with log.open("wb") as file:
            self._servers[kind] = subprocess.Popen(
                ["bash", "-c", f". {self._state}; exec {command} --port 0"],
                cwd=self.home,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        end_s = time.monotonic() + PATIENCE_S
        while (listens := LISTENS.search(said := log.read_text())) is None:
            waits = self._servers[kind].poll() is None and time.monotonic() < end_s
            assert waits, f"`{command}` did not serve:\n{said}"
            time.sleep(0.02)
        self.addresses[kind] = f"127.0.0.1:{listens[1]}"
        return said

    def stop(self, kind: str) -> None:
        server = self._servers.pop(kind, None)
        if server is not None:
            server.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                server.wait(PATIENCE_S)
            server.kill()
            server.wait()

    def close(self) -> None:
        for kind in list(self._servers):
            self.stop(kind)


def serving(script: str) -> str:
    """The command of a script that serves until it is stopped; empty for any other script."""
    line = script.strip()
    made = MADE.match(line)
    if made:
        return f"{MAKE_SERVE} {made['args'] or ''}".rstrip()
    return line if SERVES.match(line) else ""
