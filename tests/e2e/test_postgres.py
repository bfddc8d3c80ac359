"""Gateways that share a Postgres: each has the receipts of all, and none is lost while it is away."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from servers import Postgres

from rig.config import ALICE, to_upstream
from rig.fixtures import Start
from rig.gateway import Config, Gateway
from rig.scripts import completion
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes
ASK = {"model": "gpt-test", "messages": [{"role": "user", "content": "Hello!"}]}


def shared(up: Upstream, url: str) -> Config:
    config = to_upstream(up.url)
    config["storage"] |= {"url": url, "postgres": {"connect_timeout_s": 20, "statement_timeout_s": 20}}
    return config


def asked(gateway: Gateway) -> str:
    answer = gateway.chat(ASK)
    assert answer.status == 200, answer
    return answer.receipt_id


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as database:
        return [row[0] for row in database.execute(query.encode()).fetchall()]


def test_receipts_of_all_gateways_are_in_one_place_also_those_from_while_it_was_away(
    start: Start, up: Upstream, postgres: Postgres, tmp_path: Path
) -> None:
    up.script = whole(completion("Hello!"))
    url = postgres.database()
    one, other = (start(shared(up, url), key=ALICE, home=tmp_path / name) for name in ("one", "other"))
    ids = [asked(one), asked(other)]

    def stored() -> bool:
        return set(rows(url, "SELECT id FROM receipts WHERE outcome = 'ok'")) >= set(ids)

    until(stored, "both receipts are in Postgres")
    assert one.receipt(ids[1])["outcome"] == other.receipt(ids[0])["outcome"] == "ok"
    postgres.stop()
    try:
        ids += [asked(one), asked(other)]
        one.event("journal.not_shipped")
    finally:
        postgres.start()
    until(stored, "all receipts are in Postgres", 60)

    assert (one.stop(), other.stop()) == (0, 0)
    assert rows(url, "SELECT count(*) FROM running") == rows(url, "SELECT count(*) FROM shipped") == [0]
    assert sorted(rows(url, "SELECT receipt FROM ledger")) == sorted(ids)
    assert not (one.data / "antiphon.db").exists()
