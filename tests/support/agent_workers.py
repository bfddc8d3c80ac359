"""Worker processes of agents by a script, and the person who says what became of their effects."""

import ctypes
import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from scripted_agents import Place

from antiphon.core.run import Mail, Run, RunStatus
from antiphon.core.run_store import Asked
from antiphon.core.secret import Secret
from antiphon.store.postgres import PostgresDatabase
from antiphon.store.postgres_link import PostgresPlace
from antiphon.store.sqlite import SqliteDatabase

PR_SET_CHILD_SUBREAPER = 36
"""Source: linux/prctl.h."""
OPEN: tuple[RunStatus, ...] = ("queued", "running", "waiting", "paused")


class Worker:
    """A process of its own; `elsewhere`: in a namespace of pids of its own, as another machine would be."""

    def __init__(self, place: Place, *, elsewhere: bool = False, life: str = "") -> None:
        """`life` names it in its log; it is not waited for then."""
        self.life = life
        command = place.command(life)
        if elsewhere:
            command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *command]
        self._log = (place.dir / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True)
        assert self._process.stdout is not None
        self.ready = not life and self._process.stdout.readline() == b"ready\n"

    @property
    def gone(self) -> int | None:
        """How it ended; None: it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, what: signal.Signals) -> None:
        """A signal to all of it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, what)

    def end(self) -> int:
        """However it stands. Returns: how it ended."""
        self.say(signal.SIGKILL)
        return self.ended()

    def ended(self, within_s: float = 30.0) -> int:
        code = self._process.wait(within_s)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        return code


class Nest:
    """Forks workers from a process that has loaded all that they need, as the supervisor of a gateway does."""

    def __init__(self, place: Place) -> None:
        if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError("this process can't be made the reaper of what it started")
        with (place.dir / "log").open("ab") as log:
            self._process = subprocess.Popen(place.nest(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def worker(self, life: str) -> "Forked":
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{life}\n".encode())
        self._process.stdin.flush()
        return Forked(life, int(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Forked:
    """The same of a worker that was forked."""

    def __init__(self, life: str, pid: int) -> None:
        self.life, self.pid = life, pid
        self._code: int | None = None

    @property
    def gone(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def say(self, what: signal.Signals) -> None:
        if self.gone is None:
            os.kill(self.pid, what)

    def end(self) -> int:
        self.say(signal.SIGKILL)
        return self.ended()

    def ended(self) -> int:
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


def prepared(directory: Path, url: str = "", **settings: object) -> Place:
    """A place whose tables are there."""
    if url:
        PostgresDatabase(PostgresPlace(url=Secret(url), home="test")).close()
    else:
        SqliteDatabase(directory).close()
    return Place(directory, url, settings)


class Person:
    """Answers reviews by looking at what was done."""

    def __init__(self, place: Place) -> None:
        self._place, self.store = place, place.store()
        self.reviewed: set[tuple[str, int]] = set()

    def effects(self) -> Counter[str]:
        """How often each was done."""
        file = self._place.effects
        return Counter(file.read_text().splitlines() if file.exists() else ())

    def look(self) -> list[Run]:
        """Answer what waits for an answer. Returns: runs that have not ended."""
        found = self.store.page(Asked(statuses=OPEN, most=1000))
        for run in found:
            wait = run.wait
            if wait is None or wait.kind != "review" or (run.id, run.segment) in self.reviewed:
                continue
            done = f"{run.id} {wait.key}" in self.effects()
            mail = Mail(
                id=f"review {run.segment}",
                run=run.id,
                tenant=run.tenant,
                kind="answer",
                at_ns=time.time_ns(),
                by="user/person",
                key=wait.key,
                body=json.dumps({"done": done}).encode(),
            )
            self.store.post(mail)
            self.reviewed.add((run.id, run.segment))
        return found
