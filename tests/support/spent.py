"""Receipts with use and cost of every kind, in a real database, for tests of reports and exports."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
from receipts import halves

from antiphon.core.plan import Envelope, Plan, Step
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Receipt, Timings
from antiphon.core.request import Lineage
from antiphon.core.usage import Usage
from antiphon.store.database import Batch, Database, Row
from antiphon.store.sqlite import SqliteDatabase

DAY_NS = 86_400_000_000_000
HOUR_NS = DAY_NS // 24
START_NS = 1_795_000_000 // 86_400 * 86_400 * 1_000_000_000
"""2026-11-18, at midnight."""
DEPLOYMENTS = {
    "gpt": ("openai", "premium"),
    "haiku": ("anthropic", "fast"),
    "llama": ("own", "fast"),
}
ENDPOINTS = ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"]


def id_at(at_ns: int, number: int) -> str:
    """As UUIDv7 would have it."""
    text = f"{at_ns // 1_000_000:012x}"
    return f"{text[:8]}-{text[8:]}-7{number % 4096:03x}-8000-{number:012x}"


def plan(route: str) -> Plan:
    step = Step(name="answer", deployments=("gpt",), envelope=Envelope())
    return Plan(recipe="single", route=route, steps=(step,), candidates=())


def attempt(chance: Random, deployment: str, *, error: str = "") -> Attempt:
    provider, tier = DEPLOYMENTS[deployment]
    usage = None
    if not error and chance.random() < 0.9:
        usage = Usage(
            input_tokens=chance.randrange(1, 5000),
            output_tokens=chance.randrange(500),
            cached_tokens=chance.choice([0, 0, 7]),
        )
    priced = deployment != "llama" and usage is not None
    return Attempt(
        deployment=deployment,
        provider=provider,
        model=f"{deployment}-1",
        tier=tier,
        started_us=12,
        timings=Timings(first_token_us=900, last_byte_us=4000),
        status=500 if error else 200,
        error=error,
        usage=usage,
        cost_nano_usd=chance.randrange(1, 10**9) if priced else None,
    )


def made(chance: Random, number: int, at_ns: int) -> Receipt:
    """One receipt of any kind."""
    principal = Principal(
        tenant=chance.choice(["acme", "globex"]),
        key=chance.choice(["k1", "k2"]),
        user=chance.choice(["", "ann"]),
        team=chance.choice(["", "support", 'it\'s "odd"']),
        tags=tuple(chance.sample(["a", "b", "ü"], chance.randrange(3))),
    )
    told = {
        "id": id_at(at_ns, number),
        "at_ns": at_ns,
        "revision": "r1",
        "principal": principal,
        "asked": chance.choice(["fast", "auto"]),
        "endpoint": chance.choice(ENDPOINTS),
        "dialect": "openai_chat",
        "plan": plan(chance.choice(["fast", "slow"])),
        "user": chance.choice(["", "customer-7"]),
        "lineage": Lineage(session=chance.choice(["", "s1"]), run=chance.choice(["", "a/b"])),
        "stream": chance.random() < 0.5,
        "duration_us": chance.randrange(10**6),
    }
    kind = chance.random()
    if kind < 0.1:
        return Receipt(**told, outcome="refused", status=402, error="budget_exceeded")
    if kind < 0.12:
        saved = chance.choice([None, 500])
        first = id_at(at_ns, number - 1)
        return Receipt(**told, outcome="ok", status=200, cached=first, saved_nano_usd=saved, cost_nano_usd=0)
    if kind < 0.15:
        return Receipt(**told, outcome="ok", status=200, shared=id_at(at_ns, number - 1), cost_basis="shared")
    if kind < 0.2:
        return Receipt(**told, outcome="running")
    tries = [attempt(chance, chance.choice(list(DEPLOYMENTS)), error="upstream_error")] if kind < 0.35 else []
    if kind < 0.25:
        return Receipt(**told, outcome="failed", status=502, attempts=tuple(tries), cost_basis="no_usage")
    served = attempt(chance, chance.choice(list(DEPLOYMENTS)), error="upstream_broken" if kind > 0.95 else "")
    if served.error:
        return Receipt(
            **told, outcome="failed", status=200, error="upstream_broken", served=served.deployment, attempts=(served,)
        )
    return Receipt(
        **told,
        outcome=chance.choice(["ok", "ok", "ok", "client_gone"]),
        status=200,
        served=served.deployment,
        attempts=(*tries, served),
        usage=served.usage,
        cost_nano_usd=served.cost_nano_usd,
        cost_basis="reported" if served.cost_nano_usd else "unpriced" if served.usage else "no_usage",
    )


def some(count: int, *, seed: int = 1, days: float = 3, start_ns: int = START_NS) -> list[Receipt]:
    """Receipts spread over days."""
    chance = Random(seed)
    times = sorted(start_ns + int(chance.random() * days * DAY_NS) for _ in range(count))
    return [made(chance, number, at_ns) for number, at_ns in enumerate(times, 1)]


def store(directory: Path, receipts: Iterable[Receipt]) -> None:
    """Write them into a data directory."""
    with closing(SqliteDatabase(directory)) as database:
        fill(database, receipts)


def fill(database: Database, receipts: Iterable[Receipt], *, whole: int = 5) -> None:
    """Write them as the shipper does: most as a body and a basis, each `whole`-th in one piece."""
    rows: list[Row] = []
    bases: dict[bytes, str] = {}
    for number, receipt in enumerate(receipts):
        told, tail = halves(receipt)
        basis = None if number % whole == 0 else bases.setdefault(tail, f"b{len(bases)}")
        body = msgspec.json.encode(receipt if basis is None else told)
        tenant = receipt.principal.tenant if receipt.principal else ""
        rows.append(
            Row(id=receipt.id, tenant=tenant, at_ns=receipt.at_ns, outcome=receipt.outcome, body=body, basis=basis)
        )
    names = [(name, tail) for tail, name in bases.items()]
    database.write(Batch(rows=rows, bases=names))
