"""CPU that the shipper takes for each receipt, everything included: reading the journal, receipts, ledger, accounts.

    python bench/shipping.py [--receipts 100000] [--accounts 6] [--url postgresql://…]

Receipts are written to a journal as a worker writes them (an open record and a close record each), and shipped in
batches of what half a second brings at the given rate. Writing them is not measured.
"""

import argparse
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from antiphon.app.stores import Stores
from antiphon.core.bank import Want
from antiphon.core.budget import Account, Measure, Span
from antiphon.core.clock import SystemClock
from antiphon.core.ids import Uuid7
from antiphon.core.ledger import Holds
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Basis, Timings, Told
from antiphon.core.secret import Secret
from antiphon.core.usage import Usage
from antiphon.metering.journal import FileJournal
from antiphon.metering.shipping import Shipper

MEASURES: tuple[Measure, ...] = ("money", "tokens", "requests")
ROLLING_NS = 86_400_000_000_000
LIMIT = 10**18


def accounts(count: int) -> list[Account]:
    """So many, of all measures, one in three of them over a rolling window."""
    return [
        Account(
            key=f"budget-{number}|acme|value-{number}",
            tenant="acme",
            budget=f"budget-{number}",
            measure=MEASURES[number % 3],
            span=Span(start_ns=0, rolling_ns=ROLLING_NS) if number % 3 == 2 else Span(start_ns=1),
        )
        for number in range(count)
    ]


def told(receipt_id: str, at_ns: int, number: int, holds: str, outcome: str) -> Told:
    """A receipt as a stream of a usual size leaves it."""
    is_open = outcome == "running"
    usage = None if is_open else Usage(input_tokens=812, output_tokens=164, cached_tokens=256)
    attempt = Attempt(
        deployment="openai-mini",
        provider="openai",
        model="gpt-4o-mini",
        zone="public",
        region="eu",
        tier="fast",
        started_us=212,
        timings=Timings(queue_us=11, first_byte_us=183_211, first_token_us=190_112, last_byte_us=1_410_331),
        status=None if is_open else 200,
        request_id="" if is_open else f"req_{number:024x}",
        ticket=f"6928a1b2c3d4-0001-{number}",
        usage=usage,
        cost_nano_usd=None if is_open else 201_450,
        holds=holds,
        held_nano_usd=914_000,
        held_tokens=4_812,
        requests=1,
        open=is_open,
        price="genai-prices 0.2.3, 2026-11-27",
    )
    return Told(
        id=receipt_id,
        at_ns=at_ns,
        outcome=outcome,  # pyright: ignore[reportArgumentType] - one of its values
        status=0 if is_open else 200,
        served="openai-mini",
        served_model="gpt-4o-mini-2024-07-18",
        stream=True,
        needs=("stream",),
        output_tokens=1000,
        digest="d" * 64,
        size_bytes=3_104,
        seed=12_345 + number,
        attempts=(attempt,),
        usage=usage,
        cost_nano_usd=None if is_open else 201_450,
        cost_basis="bundled",
        duration_us=1_410_900,
        first_token_us=190_400,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )


def measure(count: int, per_batch: int, accounts_count: int, stores: Stores) -> dict[str, float]:
    """Microseconds of CPU a receipt: over all batches, and in the one that the machine's other work disturbed least."""
    ids, some = Uuid7(SystemClock()), accounts(accounts_count)
    holds = Holds(id="h" * 36, accounts=tuple((one.key, one.span.start_ns) for one in some))
    tail = Basis(revision="r" * 16, principal=Principal(tenant="acme", key="k"), asked="fast", worker=1).tail()
    batches: list[float] = []
    wall_s = 0.0
    with closing(stores.database()) as database, closing(stores.bank()) as bank:
        bank.grant(
            "boot-0001",
            [Want(account=one, limit=LIMIT, hard=True, granted=0, need=1, like=10**15) for one in some],
            time.time_ns(),
        )
        journal = FileJournal(stores.directory, "boot-0001")
        shipper = Shipper(stores.directory, database)
        number = 0
        while number < count:
            written = min(per_batch, count - number)
            for _ in range(written):
                number += 1
                now_ns, receipt_id = time.time_ns(), ids.new()
                journal.held(holds)
                journal.opened(told(receipt_id, now_ns, number, holds.id, "running"), tail)
                journal.closed(told(receipt_id, now_ns, number, holds.id, "ok"), tail)
            began_s, started_s = time.process_time(), time.perf_counter()
            shipper.step()
            batches.append((time.process_time() - began_s) / written * 1e6)
            wall_s += time.perf_counter() - started_s
        journal.close()
    return {
        "mean_us": sum(batches) / len(batches),
        "median_us": median(batches),
        "wall_us": wall_s / count * 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--receipts", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=1_500, help="receipts in half a second")
    parser.add_argument("--accounts", type=int, default=6)
    parser.add_argument("--dir", type=Path, help="where the database is written (default: a temporary directory)")
    parser.add_argument("--url", help="an empty Postgres (default: SQLite in the directory)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.dir) as directory:
        stores = Stores(directory=Path(directory), url=Secret(asked.url) if asked.url else None, home="bench")
        found = measure(asked.receipts, asked.batch, asked.accounts, stores)
    print(" ".join(f"{name}={value:.2f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
