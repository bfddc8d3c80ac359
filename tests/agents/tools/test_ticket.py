from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from toolery import Came, Upstream, bench, tool

from antiphon.agents.sealed import SealedRuns
from antiphon.agents.tools.ticket import tickets
from antiphon.core.run_store import RunStore
from antiphon.net.client import Client
from antiphon.net.post import signature
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.local import LocalSealer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    SqliteDatabase(tmp_path).close()
    made = SealedRuns(SqliteRuns(tmp_path), LocalSealer(tmp_path / "local.key"))
    yield made
    made.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.close()


async def test_a_ticket_is_opened_once_for_a_call_and_kept_by_tenant(store: RunStore) -> None:
    made = bench(tool("escalate", ticket={"queue": "care", "fields": {"order": "Number"}}), parts={"store": store})
    first = await made.call("escalate", key="run.1", title="Late", body="Send it", severity="HIGH", order="17")
    again = await made.call("escalate", key="run.1", title="Late", body="Send it", severity="high", order="17")
    await made.call("escalate", key="run.2", title="Lost", body="")
    assert first.data == again.data
    kept = tickets(store, "acme", "care", made.clock.now_ns())
    assert sorted((one.title, one.severity, one.by, one.fields.get("order")) for one in kept) == [
        ("Late", "high", "user/ann", "17"),
        ("Lost", "normal", "user/ann", None),
    ]
    assert tickets(store, "globex", "care", made.clock.now_ns()) == []
    found = made.box.get("escalate")
    assert found is not None
    assert (found.effect, found.sends) == ("idempotent", False)


async def test_it_is_posted_signed_and_tried_again(store: RunStore, client: Client) -> None:
    async with Upstream() as upstream:

        def answers(_: Came) -> tuple[int, str, bytes]:
            return (503, "text/plain", b"") if len(upstream.came) == 1 else (204, "text/plain", b"")

        upstream.answers = answers
        hook = {"webhook": f"{upstream.url}/tickets", "secret": "${env:HOOK_SECRET}"}
        made = bench(tool("escalate", ticket=hook), parts={"store": store, "transport": client})
        result = await made.call("escalate", title="Late", body="Send it")
        first, second = upstream.came
    said = msgspec.json.decode(second.body)
    assert said["id"] == msgspec.json.decode(first.body)["id"] == result.data["id"]
    at = int(second.headers["x-antiphon-signature"].partition(",")[0].removeprefix("t="))
    assert second.headers["x-antiphon-signature"] == signature(second.body, "s3cret", at)
    assert len(tickets(store, "acme", "tickets", made.clock.now_ns())) == 1
    found = made.box.get("escalate")
    assert found is not None
    assert found.sends
