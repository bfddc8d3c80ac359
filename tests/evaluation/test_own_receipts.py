"""Scored receipts become outcomes, out of every store: one contract."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from receipts import receipt
from servers import Postgres

from antiphon.core.plan import Candidate, Envelope, Grounds, Plan, Step
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Receipt
from antiphon.core.score import Score
from antiphon.core.signal import Fact
from antiphon.core.usage import Usage
from antiphon.evaluation.own_receipts import BARE, CUT, SEALED, TEAM, UNREAD, OwnReceipts
from antiphon.evaluation.scored import ScoredReceipt, outcomes
from antiphon.store import scored
from antiphon.store.database import Batch, Database, Reader, Row
from antiphon.store.postgres import PostgresDatabase, PostgresReader
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.vault.local import LocalSealer

AT_NS = 1_760_000_000_000_000_000
HOUR_NS = 3_600_000_000_000
ASK = "What is 2 + 2?"
OF_DIALECTS: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASK}]},
    "openai_responses": {"model": "m", "instructions": "Be brief.", "input": ASK},
    "anthropic_messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": ASK}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": ASK}]}]},
    "openai_completions": {"model": "m", "prompt": ASK},
}  # fmt: skip


class Store:
    """A database, whoever reads it, and the key that content is sealed with."""

    def __init__(self, database: Database, reader: Reader, sealer: LocalSealer) -> None:
        self.database, self.reader, self.sealer = database, reader, sealer

    def put(self, *told: Receipt, body: bytes = b"", captured: bytes | None = None) -> None:
        """Receipts, each with a body that was captured. `captured`: what of it is kept; None: all."""
        for one in told:
            tenant = one.principal.tenant if one.principal else ""
            kept = msgspec.msgpack.encode(
                {"request": body if captured is None else captured, "answer": b"4", "cut": captured is not None}
            )
            sealed = [(one.id, tenant, self.sealer.seal(kept, f"{tenant}/{one.id}"))] if one.captured else []
            row = Row(id=one.id, tenant=tenant, at_ns=one.at_ns, outcome="ok", body=msgspec.json.encode(one))
            self.database.write(Batch(rows=[row], contents=sealed))

    def score(self, number: int, value: float, **fields: Any) -> None:
        said: dict[str, Any] = {
            "receipt": name(number), "tenant": "acme", "deployment": "small", "route": "auto", "source": "feedback",
            "score": value, "at_ns": AT_NS, "by": "alice",
        }  # fmt: skip
        self.database.write(Batch(scores=[Score(**{**said, **fields})]))

    def own(self) -> OwnReceipts:
        return OwnReceipts(self.reader, self.sealer)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with ExitStack() as stack:
        sealer = LocalSealer(tmp_path / "local.key")
        if request.param == "sqlite":
            made = Store(SqliteDatabase(tmp_path), SqliteReader(tmp_path), sealer)
        else:
            server: Postgres = request.getfixturevalue("postgres")
            place = server.place()
            made = Store(PostgresDatabase(place), PostgresReader(place), sealer)
        stack.callback(made.database.close)
        stack.callback(made.reader.close)
        yield made


def name(number: int) -> str:
    """An id of the time that its receipt has."""
    text = f"{(AT_NS + number * HOUR_NS) // 1_000_000:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-{number:012d}"


def plan(recipe: Any = "single", *deployments: str) -> Plan:
    names = deployments or ("small", "large")
    return Plan(
        recipe=recipe,
        route="auto",
        steps=(Step(name="answer", deployments=names, envelope=Envelope()),),
        candidates=(Candidate(deployment="blind", lost="lacks images"), *(Candidate(deployment=one) for one in names)),
    )


def tried(deployment: str = "small", cost: int | None = 7, **fields: Any) -> Attempt:
    usage = Usage(input_tokens=5, output_tokens=3)
    known: dict[str, Any] = {"provider": "p", "model": "m", "usage": usage, **fields}
    return Attempt(deployment=deployment, cost_nano_usd=cost, **known)


def said(dialect: str = "openai_chat") -> bytes:
    return json.dumps(OF_DIALECTS[dialect]).encode()


def served(number: int, body: bytes = said(), **fields: Any) -> Receipt:
    known: dict[str, Any] = {
        "id": name(number), "at_ns": AT_NS + number * HOUR_NS, "captured": True, "size_bytes": len(body), "plan": plan(),
        "dialect": "openai_chat", "endpoint": "/v1/chat/completions", "asked": "auto", "served": "small",
        "attempts": (tried(),),
    }  # fmt: skip
    return receipt(number, **{**known, **fields})


def found(store: Store, tenant: str = "acme", first: int = 0, last: int = 1000) -> list[ScoredReceipt]:
    return list(store.own().scored(tenant, AT_NS + first * HOUR_NS, AT_NS + last * HOUR_NS))


def test_a_scored_receipt_says_what_was_asked_who_answered_and_what_it_cost(store: Store) -> None:
    task = Fact(name="task.name", value="math", confidence=0.9)
    store.put(served(1, facts=(task,), grounds=Grounds(propensity=0.25)), body=said())
    store.score(1, 0.75)
    store.put(served(2), body=said())

    assert found(store) == [
        ScoredReceipt(
            receipt=name(1), deployment="small", prompt=ASK, score=0.75, cost_nano_usd=7, input_tokens=5,
            output_tokens=3, task="math", propensity=0.25,
        )
    ]  # fmt: skip
    (outcome,) = outcomes(iter(found(store)))
    assert (outcome.prompt_id, outcome.model, outcome.score) == (name(1), "small", 0.75)


@pytest.mark.parametrize("dialect", sorted(OF_DIALECTS))
def test_the_prompt_is_what_the_user_said_last_in_every_dialect(store: Store, dialect: str) -> None:
    store.put(served(1, said(dialect), dialect=dialect), body=said(dialect))
    store.score(1, 1.0)

    assert [one.prompt for one in found(store)] == [ASK]


def test_tenants_and_times_are_kept_apart(store: Store) -> None:
    for number in range(4):
        store.put(served(number), body=said())
        store.score(number, 1.0)
    store.put(served(4, principal=Principal(tenant="globex", key="bob")), body=said())
    store.score(4, 0.0, tenant="globex")

    assert [one.receipt for one in found(store, first=1, last=3)] == [name(1), name(2)]
    assert [one.receipt for one in found(store, "globex")] == [name(4)]
    assert found(store, "t\0") == found(store, "nobody") == []


def test_of_many_receipts_each_comes_once_in_order_of_time(store: Store) -> None:
    count = scored.PAGE_RECEIPTS + 3
    store.database.write(
        Batch(
            rows=[
                Row(id=one.id, tenant="acme", at_ns=one.at_ns, outcome="ok", body=msgspec.json.encode(one))
                for one in (served(number) for number in range(0, 2 * count, 2))
            ],
            scores=[
                Score(receipt=name(number), tenant="acme", deployment="small", route="auto", source=source, score=1,
                      at_ns=AT_NS, by="alice")
                for number in range(2 * count) for source in ("feedback", "evaluation")
            ],
        )
    )  # fmt: skip

    bodies = list(store.reader.scored("acme", AT_NS, AT_NS + 2 * count * HOUR_NS))

    assert [json.loads(one)["id"] for one in bodies] == [name(number) for number in range(0, 2 * count, 2)]


def test_readers_come_before_contracts_and_judges_and_of_equals_the_mean_counts(store: Store) -> None:
    for number in (1, 2):
        store.put(served(number), body=said())
        store.score(number, 0.0, source="contract", by="answer")
        store.score(number, 1.0, source="judge", by="answer")
    store.score(1, 0.25)
    store.score(1, 0.75, source="evaluation", by="ci")
    store.score(1, 0.8, by="carol")

    assert [round(one.score, 6) for one in found(store)] == [0.6, 0.5]


def test_each_answer_that_a_judge_looked_at_is_an_outcome_of_its_own_deployment(store: Store) -> None:
    attempts = (
        tried("small", 1, step="member-1"),
        tried("large", 50, step="judge"),
        tried("large", 9, step="member-2"),
        tried("large", 70, step="judge-2"),
    )
    store.put(served(1, plan=plan("best_of"), attempts=attempts, served="large"), body=said())
    store.score(1, 0.2, source="judge", by="member-1")
    store.score(1, 0.9, source="judge", by="member-2", deployment="large")

    got = [(one.deployment, one.score, one.cost_nano_usd) for one in found(store)]
    assert got == [("small", 0.2, 1), ("large", 0.9, 9)]


def test_a_propensity_is_of_who_was_chosen_and_not_of_who_stood_in(store: Store) -> None:
    kept = Grounds(propensity=0.1)
    store.put(served(1, grounds=kept), body=said())
    stood_in = (tried("small", None, error="upstream_error", failure="server"), tried("large", 40))
    store.put(served(2, grounds=kept, served="large", attempts=stood_in), body=said())
    store.put(served(3, grounds=kept, attempts=(), cached="other"), body=said())
    store.score(1, 1.0)
    store.score(2, 1.0, deployment="large")
    store.score(3, 1.0)

    assert [(one.deployment, one.propensity, one.cost_nano_usd) for one in found(store)] == [
        ("small", 0.1, 7),
        ("large", None, 40),
        ("small", None, None),
    ]


def test_what_nothing_is_learned_from_is_counted_by_why(store: Store, tmp_path: Path) -> None:
    store.put(served(1, captured=False))
    store.put(served(2), body=said(), captured=said()[:20])
    store.put(served(3, plan=plan("panel")), body=said())
    tools = json.dumps({"model": "m", "messages": [{"role": "assistant", "content": "hi"}]}).encode()
    store.put(served(4, tools), body=tools)
    store.put(served(5, b"no json"), body=b"no json")
    store.put(served(6), body=said())
    for number in range(1, 7):
        store.score(number, 1.0)

    own = store.own()
    assert [one.receipt for one in own.scored("acme", AT_NS, AT_NS + 9 * HOUR_NS)] == [name(6)]
    assert (own.receipts, own.prompts) == (6, 1)
    assert own.left == {BARE: 1, CUT: 1, TEAM: 1, UNREAD: 2}

    for sealer in (None, LocalSealer(tmp_path / "other.key")):
        strange = OwnReceipts(store.reader, sealer)
        assert list(strange.scored("acme", AT_NS, AT_NS + 9 * HOUR_NS)) == []
        assert strange.left[SEALED] == 4


def test_a_cut_answer_does_not_cost_the_request(store: Store) -> None:
    store.put(served(1), body=said(), captured=said())
    store.score(1, 1.0)

    assert [one.prompt for one in found(store)] == [ASK]
