"""Names that no database takes, from callers: they are counted and recorded, and nobody else is held up by them."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from servers import Postgres

from rig.config import ALICE, ROOT, to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.scripts import completion
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes
ODD = "nul \0, line\nbreak, del \x7f, next \x85, 100%|"
SCOPES = ["end_user", "session", "run", "step", "model"]
NAMED = {f"x-antiphon-{name}": f"{name}\x85|%" for name in ("session", "run", "step")}


def ask(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-test", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], **more}


def config(up: Upstream, url: str | None) -> Config:
    made = to_upstream(up.url)
    made["budgets"] = [{"name": "each", "on": SCOPES, "usd": 1, "window": "total"}]
    made["limits"] = [{"name": "rate", "on": SCOPES, "requests": 1000}]
    made["storage"] |= {} if url is None else {"url": url}
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


def test_control_characters_in_names_are_counted_and_recorded(start: Start, up: Upstream, url: str | None) -> None:
    up.script = whole(completion("Hello!"))
    gateway = start(config(up, url), key=ALICE)

    odd = gateway.chat(ask(user=ODD), headers=NAMED)
    model = gateway.chat(ask(model="gpt\0test"))
    good = gateway.chat(ask(user="ann"), headers=NAMED)

    assert (odd.status, model.status, good.status) == (200, 404, 200)
    receipt = gateway.receipt(odd)
    assert (receipt["user"], receipt["outcome"]) == (ODD, "ok")
    until(lambda: len([one for one in accounts(gateway) if float(one["spent"]) > 0]) == 2, "both are booked", 120)
    assert sorted(one["values"][0] for one in accounts(gateway)) == sorted([ODD, "ann"])
    assert gateway.stop() == 0
    assert "not_shipped" not in gateway.log_file.read_text()
    assert "store_away" not in gateway.log_file.read_text()
    if url is not None:
        with psycopg.connect(url) as database:
            keys = [key for (key,) in database.execute("SELECT key FROM accounts").fetchall()]
            assert sorted(unquote(key.split("|")[2]) for key in keys) == sorted([ODD, "ann"])
            assert database.execute("SELECT count(*) FROM ledger").fetchall() == [(2,)]


def accounts(gateway: Gateway) -> list[dict[str, Any]]:
    """As the command shows them."""
    command = [sys.executable, "-m", "antiphon", "budgets", "accounts", "each", "--json", "--config", gateway.file]
    done = subprocess.run(command, capture_output=True, text=True, cwd=gateway.home, check=True, timeout=60)
    return json.loads(done.stdout)["data"]


def test_ids_with_a_nul_are_of_nothing(start: Start, up: Upstream, url: str | None) -> None:
    gateway = start(config(up, url), key=ROOT)

    for path in ("/v1/receipts/a%00b", "/v1/responses/resp_%00", "/v1/conversations/conv_%00"):
        answer = gateway.ask("GET", path)
        assert answer.status == 404, (path, answer)


def test_names_that_are_too_long_together_are_refused_and_hold_nobody_up(
    start: Start, up: Upstream, url: str | None
) -> None:
    up.script = whole(completion("Hello!"))
    gateway = start(config(up, url), key=ALICE)
    long = dict.fromkeys(NAMED, "\x85" * 128)

    refused = gateway.chat(ask(user="🙂" * 128), headers=long)

    assert (refused.status, refused.error["type"]) == (400, "invalid_request_error")
    assert "longer than 2000 bytes" in refused.error["message"]
    assert gateway.chat(ask(user="ann"), headers=NAMED).status == 200
    assert len(up.seen) == 1
