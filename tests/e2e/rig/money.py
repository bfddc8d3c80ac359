"""Upstreams that use what a test says and keep a bill of it, and the books of a gateway: its ledger and its accounts."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rig.fleet import Json
from rig.gateway import BUSY_S, Gateway
from rig.scripts import DONE, completion, event, word
from rig.upstream import JSON, Script, Seen, streamed, whole

INPUT_NANO_USD, OUTPUT_NANO_USD = 1000, 2000
"""What a token costs at `rig.fleet.PRICE`."""
PATIENT: Json = {"wait_s": 30}
"""Metering that waits for a lease however busy the machine is. Where it is known that none is left nobody waits."""
Rows = Callable[[str], list[tuple[Any, ...]]]


@dataclass
class Bill:
    """What an upstream counted of what it answered."""

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def nano_usd(self) -> int:
        return self.input_tokens * INPUT_NANO_USD + self.output_tokens * OUTPUT_NANO_USD

    def amount(self, measure: str) -> int:
        return {"usd": self.nano_usd, "tokens": self.tokens, "requests": self.answers}[measure]

    def uses(self, input_tokens: int = 50, output_tokens: int | None = None) -> Script:
        """Answers chats, streams and embeddings; `output_tokens` None: as many as a request allows."""

        async def script(seen: Seen, writer: asyncio.StreamWriter) -> None:
            asked = json.loads(seen.body)
            embeds = "/embeddings" in seen.line
            most = asked.get("max_tokens") or asked.get("max_completion_tokens") or 0
            out = 0 if embeds else most if output_tokens is None else output_tokens
            self.answers += 1
            self.input_tokens += input_tokens
            self.output_tokens += out
            usage = {"prompt_tokens": input_tokens, "total_tokens": input_tokens + out}
            if embeds:
                vectors = [{"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}]
                body = {"object": "list", "data": vectors, "model": "up-1", "usage": usage}
                await whole(json.dumps(body).encode(), JSON)(seen, writer)
                return
            usage["completion_tokens"] = out
            if seen.streams:
                await streamed(word("said"), event(finish="stop"), used(usage), DONE)(seen, writer)
            else:
                await whole(completion("said", usage=usage))(seen, writer)

        return script


def used(usage: Json) -> bytes:
    """The event of a stream that tells its usage."""
    said = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up-1", "choices": []}
    return b"data: %b\n\n" % json.dumps({**said, "usage": usage}).encode()


@dataclass
class Entry:
    """One of the ledger's."""

    id: str
    kind: str
    receipt: str
    holds: str
    credit: str
    money_nano_usd: int | None
    tokens: int
    requests: int
    overrun_nano_usd: int


@dataclass
class Account:
    key: str
    spent: int
    held: int

    @property
    def values(self) -> list[str]:
        """Budget, tenant and the values of its scopes."""
        return self.key.split("|")


class Books:
    """What a database has booked."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @property
    def entries(self) -> list[Entry]:
        names = "id, kind, receipt, holds, credit, money_nano_usd, tokens, requests, overrun_nano_usd"
        return [Entry(*row) for row in self._rows(f"SELECT {names} FROM ledger ORDER BY at_ns")]

    @property
    def accounts(self) -> dict[str, Account]:
        """By key; those of a budget whose windows pass are the latest ones."""
        rows = self._rows("SELECT key, spent, held FROM accounts ORDER BY start_ns")
        return {row[0]: Account(row[0], int(row[1]), int(row[2])) for row in rows}

    def of(self, budget: str) -> dict[tuple[str, ...], int]:
        """What is booked on a budget's accounts, by the values of its scopes."""
        found = [one for one in self.accounts.values() if one.values[0] == budget]
        return {tuple(one.values[2:]): one.spent for one in found}

    def spent(self, budget: str) -> int:
        return sum(self.of(budget).values())

    @property
    def held(self) -> int:
        """Leased and not booked, on all accounts."""
        return sum(one.held for one in self.accounts.values())

    @property
    def leases(self) -> int:
        return int(self._rows("SELECT count(*) FROM leases")[0][0])

    @property
    def tokens(self) -> int:
        return sum(one.tokens for one in self.entries)

    @property
    def money_nano_usd(self) -> int:
        return sum(one.money_nano_usd or 0 for one in self.entries)


def books(gateway: Gateway) -> Books:
    """Those of a gateway that keeps them in its data directory."""

    def rows(statement: str) -> list[tuple[Any, ...]]:
        file = f"file:{gateway.data / 'antiphon.db'}?mode=ro"
        with closing(sqlite3.connect(file, uri=True, timeout=BUSY_S)) as database:
            return cast("list[tuple[Any, ...]]", database.execute(statement).fetchall())

    return Books(rows)


def audit(gateway: Gateway) -> Json:
    """What `antiphon db check` says."""
    ran = subprocess.run(
        [sys.executable, "-m", "antiphon", "db", "check", "--json", "--config", str(gateway.file)],
        capture_output=True,
        text=True,
        cwd=gateway.home,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        timeout=120,
    )
    assert ran.stdout, ran
    return json.loads(ran.stdout)


def budget(name: str = "cap", **more: Any) -> Json:
    """A hard one for all time, unless told otherwise."""
    return {"name": name, "window": "total", **more}


def notes(receipt: Json) -> str:
    return "\n".join(receipt.get("notes", []))


def segments(gateway: Gateway) -> Iterable[Path]:
    return (gateway.data / "journal").glob("*.journal")
