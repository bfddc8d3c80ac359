"""A gateway as a process of its own, with its configuration, its log and its data."""

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from antiphon.core.receipt import Receipt
from antiphon.metering.records import Records
from antiphon.store.sqlite import SqliteReader
from rig.wait import until

Config = dict[str, Any]
GREETING = re.compile(r"Antiphon listens on https?://[^:]+:(\d+) \(revision (\w+)")
UNEXPECTED = re.compile(r"Traceback|Exception ignored|had to kill|request\.crashed|never retrieved")
START_S = 60.0
STOP_S = 90.0
ASK_S = 60.0
BUSY_S = 30.0
"""So long a reader of the database waits for a lock."""
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def receipt_id(self) -> str:
        return self.headers["x-antiphon-receipt"]


@dataclass
class Gateway:
    """`start` it, ask it, `stop` it. Everything that it writes lies below `home`."""

    home: Path
    config: Config | None
    """None: none is given, so that it finds its own."""
    arguments: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    """What `ask` sends unless told otherwise."""
    command: Sequence[str] = (sys.executable, "-m", "antiphon")
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    # --- its process

    @property
    def file(self) -> Path:
        return self.home / "antiphon.yaml"

    @property
    def data(self) -> Path:
        return self.home / "antiphon-data"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def write(self, config: Config | None = None) -> None:
        """Put a configuration in the file, in one step, so that no half of it is ever read."""
        self.config = config or self.config
        if self.config is not None:
            self.put(yaml.safe_dump(self.config, sort_keys=False))

    def put(self, text: str) -> None:
        """The same of a text, whatever it says."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)

    def launch(self) -> None:
        """Start it, and don't wait."""
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        self.write()
        self.log_file.touch()
        environ = {**os.environ, "PYTHONWARNINGS": "error", "TMPDIR": str(self.home / "tmp"), **self.environ}
        chosen = [] if self.config is None else ["--config", str(self.file)]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "serve", *chosen, "--port", "0", *self.arguments],
                cwd=self.home,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> "Gateway":
        told = self.log_file.stat().st_size if self.log_file.exists() else 0
        self.launch()
        process = self.process
        assert process is not None

        def greeted() -> re.Match[str] | None:
            log = self.log_file.read_bytes()[told:].decode(errors="replace")
            assert process.poll() is None, f"the gateway ended with {process.returncode}:\n{log}"
            return GREETING.search(log)

        match = until(greeted, "the greeting", START_S)
        self.port = int(match[1])
        return self

    def ended(self, deadline_s: float = STOP_S) -> int:
        """Its exit code, once it has one."""
        process = self.process
        assert process is not None
        until(lambda: process.poll() is not None, "the gateway's end", deadline_s)
        return process.returncode

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        self.signal()
        return self.ended()

    def kill(self) -> None:
        """Kill the supervisor, and every process that it ever started, at the same moment."""
        os.killpg(self.pid, signal.SIGKILL)
        self.ended()
        until(lambda: not _group(self.pid), "the end of every process: until then the data directory is theirs")

    def close(self) -> None:
        """Leave nothing behind, however the test went. Nothing that nobody expected may stand in its log."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.log_file.open("a").write("\nthe test had to kill this gateway\n")
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(STOP_S)
        log = self.log_file.read_text()
        assert not UNEXPECTED.search(log), log

    def children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    # --- its log

    @property
    def log_file(self) -> Path:
        return self.home / "stderr.log"

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """Its log lines, of one event or of all."""
        whole, _, _ = self.log_file.read_bytes().rpartition(b"\n")  # the last line may be half written
        lines = [json.loads(line) for line in whole.decode().splitlines() if line.startswith("{")]
        return [line for line in lines if not name or line["event"] == name]

    def event(self, name: str, count: int = 1) -> dict[str, Any]:
        """The `count`-th event of a name, once it has come."""
        return until(lambda: self.events(name)[count - 1 :], f"event {name}")[0]

    # --- its API

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASK_S)
        try:
            told = {"content-type": "application/json"} if body is not None else {}
            token = self.key if key is None else key
            if token:
                told["authorization"] = f"Bearer {token}"
            connection.request(method, path, body, {**told, **(headers or {})})
            response = connection.getresponse()
            said = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, said, response.read())
        finally:
            connection.close()

    def get(self, path: str, *, key: str | None = None) -> Answer:
        return self.ask("GET", path, key=key)

    def chat(
        self, body: bytes | Mapping[str, Any], *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", "/v1/chat/completions", data, key=key, headers=headers)

    def receipt(self, answer: Answer | str, *, key: str | None = None) -> dict[str, Any]:
        """A receipt by the API, as JSON."""
        receipt_id = answer if isinstance(answer, str) else answer.receipt_id
        said = self.get(f"/v1/receipts/{receipt_id}", key=key)
        assert said.status == 200, said
        return said.json

    def closed_receipt(self, receipt_id: str, *, key: str | None = None) -> dict[str, Any]:
        """The same, once it says how the request ended."""

        def ended() -> dict[str, Any] | None:
            receipt = self.receipt(receipt_id, key=key)
            return None if receipt["outcome"] == "running" else receipt

        return until(ended, f"the end of {receipt_id}")

    def metrics(self) -> dict[tuple[str, str], float]:
        """(name, labels as written) to value."""
        page = self.get("/metrics").body.decode()
        return {(name, labels): float(value) for name, labels, value in SAMPLE.findall(page)}

    def metric(self, name: str, *labels: str) -> float:
        """Sum over all samples of a name whose labels hold these, such as `outcome="ok"`."""
        return sum(
            value
            for (found, written), value in self.metrics().items()
            if found == name and all(label in written for label in labels)
        )

    # --- its data

    def records(self) -> Records:
        return Records(SqliteReader(self.data), self.data / "journal")

    def stored(self, *, running: bool = False) -> list[Receipt]:
        return [one for one in stored(self.data) if running or one.outcome != "running"]

    def at_rest(self) -> bool:
        """Whether every receipt that is stored has its end; what runs is booked at its most until then."""
        return all(one.outcome != "running" for one in stored(self.data))


def _group(leader: int) -> list[int]:
    """Processes of a group that run, or have not yet ended."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if state not in "ZX" and int(group) == leader:
                found.append(int(stat.parent.name))
    return found


def stored(data: Path) -> list[Receipt]:
    """Every receipt in the database of a data directory."""
    with closing(sqlite3.connect(f"file:{data / 'antiphon.db'}?mode=ro", uri=True, timeout=BUSY_S)) as database:
        rows = database.execute(
            "SELECT body, tail FROM receipts LEFT JOIN bases ON bases.id = receipts.basis ORDER BY receipts.id"
        ).fetchall()
    return [msgspec.json.decode(body[:-1] + (tail or b"}"), type=Receipt) for body, tail in rows]
