"""How long a spend report takes over very many receipts in Parquet.

python bench/spend.py
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from antiphon.core.spend import By, Question
from antiphon.store.parquet import GROUP_ROWS, arrow_type, bounds
from antiphon.store.parquet_place import Place
from antiphon.store.parquet_rows import COLUMNS, TRIES
from antiphon.store.reports_duckdb import ParquetSpending
from lib.machine import machine, versions

METHOD = (
    "{receipts:,} receipts over {days} days, one file a day as `antiphon export` writes them: same columns, types, "
    "compression and row groups. Values are drawn: 40 teams, 12 models, 15 routes, 8 deployments of 4 providers, 5,000 "
    "users, 200,000 sessions; 4 % have a second attempt, 3 % no price. A report: files listed, a database opened, summed "
    "up, lines read; in the process of the bench, files in the page cache. Median of {rounds} rounds of wall time."
)
LIMIT_S = 2.0
FIRST = date(2026, 11, 1)
REPORTS: tuple[tuple[By, ...], ...] = (
    (),
    ("team", "model", "route"),
    ("day",),
    ("team", "hour"),
    ("tag",),
    ("user",),
    ("session",),
    ("provider", "deployment"),
)
HELD: tuple[By, ...] = ("team", "model", "route")
"""The report that the target is about."""
DEPLOYMENTS = [f"deployment-{number}" for number in range(8)]


def words(chance: np.random.Generator, rows: int, prefix: str, kinds: int) -> pa.Array:
    """Texts, some more common than others."""
    picked = np.minimum((chance.random(rows) ** 2 * kinds).astype(np.int32), kinds - 1)
    named = pa.array([f"{prefix}-{number}" for number in range(kinds)])
    return pa.DictionaryArray.from_arrays(pa.array(picked), named).cast(pa.string())


def day_table(day: date, rows: int, seed: int) -> pa.Table:
    """The receipts of one day."""
    chance = np.random.default_rng(seed)
    start_ns, _ = bounds(day)
    at_us = np.sort(chance.integers(0, 86_400_000_000, rows)) + start_ns // 1000
    used, said = chance.integers(50, 4000, rows), chance.integers(1, 800, rows)
    priced = chance.random(rows) >= 0.03
    cost = used * 150 + said * 600
    counts = np.where(chance.random(rows) < 0.04, 2, 1)
    columns: dict[str, Any] = {
        "id": pa.array([f"{at:016x}" for at in at_us]),
        "received_at": pa.array(at_us, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
        "tags": tags(chance, rows),
        "outcome": words(chance, rows, "ok", 1).cast(pa.string()),
        "status": pa.array(np.full(rows, 200, np.int16)),
        "input_tokens": pa.array(used),
        "output_tokens": pa.array(said),
        "cached_tokens": pa.array(used // 3),
        "cost_nano_usd": pa.array(cost, mask=~priced),
        "spent_nano_usd": pa.array(cost, mask=~priced),
        "unpriced": pa.array(~priced),
        "unpriced_tokens": pa.array(np.where(priced, 0, used + said)),
        "attempt_count": pa.array(counts.astype(np.int16)),
        "duration_us": pa.array(chance.integers(200_000, 9_000_000, rows)),
        "first_token_us": pa.array(chance.integers(90_000, 900_000, rows)),
        "attempts": attempts(chance, counts, used, said, cost, priced),
    }
    kinds = {"team": 40, "model": 12, "route": 15, "user": 5000, "session": 200_000, "deployment": 8, "tenant": 3}
    for name, kind, _ in COLUMNS:
        if name in columns:
            continue
        if kind == "string":
            columns[name] = words(chance, rows, name, kinds.get(name, 1))
        elif kind == "bool":
            columns[name] = pa.array(np.zeros(rows, bool))
        else:
            columns[name] = pa.array(np.zeros(rows, np.int64)).cast(arrow_type(kind))
    schema = pa.schema([(name, arrow_type(kind)) for name, kind, _ in COLUMNS])
    return pa.table({name: columns[name].cast(schema.field(name).type) for name in schema.names}, schema=schema)


def tags(chance: np.random.Generator, rows: int) -> pa.Array:
    counts = chance.integers(0, 3, rows)
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), words(chance, int(ends[-1]), "tag", 20))


def attempts(
    chance: np.random.Generator, counts: np.ndarray, used: np.ndarray, said: np.ndarray, cost: np.ndarray, priced: Any
) -> pa.Array:
    """One or two of each receipt: the last has the use, one before it has failed."""
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    total = int(ends[-1])
    of = np.repeat(np.arange(len(counts)), counts)
    last = np.zeros(total, bool)
    last[ends[1:] - 1] = True
    fields: dict[str, pa.Array] = {
        "deployment": words(chance, total, "deployment", 8),
        "provider": words(chance, total, "provider", 4),
        "error": pa.array(np.where(last, "", "upstream_error")),
        "input_tokens": pa.array(used[of], mask=~last),
        "output_tokens": pa.array(said[of], mask=~last),
        "cached_tokens": pa.array(used[of] // 3, mask=~last),
        "cost_nano_usd": pa.array(cost[of], mask=~(last & priced[of])),
    }
    made = []
    for name, kind in TRIES:
        type_ = arrow_type(kind)
        if name in fields:
            made.append(fields[name].cast(type_))
        elif kind == "string":
            made.append(words(chance, total, name, 2))
        elif kind == "bool":
            made.append(pa.array(np.zeros(total, bool)))
        else:
            made.append(pa.array(np.zeros(total, np.int64)).cast(type_))
    items = pa.StructArray.from_arrays(made, fields=[pa.field(name, arrow_type(kind)) for name, kind in TRIES])
    return pa.ListArray.from_arrays(pa.array(ends), items)


def write(place: Place, receipts: int, days: int) -> int:
    """Make the files. Returns: their size in bytes."""
    for number in range(days):
        path = Path(place.file("receipts", FIRST + timedelta(days=number), "gateway"))
        path.parent.mkdir(parents=True)
        table = day_table(FIRST + timedelta(days=number), receipts // days, number)
        parquet.write_table(table, path, compression="zstd", row_group_size=GROUP_ROWS)
    return sum(path.stat().st_size for path in Path(place.url).rglob("*.parquet"))


def measure(place: Place, by: tuple[By, ...], days: int, rounds: int) -> dict[str, Any]:
    question = Question(by=by, since_ns=bounds(FIRST)[0], until_ns=bounds(FIRST + timedelta(days=days))[0])
    took: list[float] = []
    lines = 0
    for _ in range(rounds):
        began = time.perf_counter()
        lines = len(ParquetSpending(place).sums(question, 600).lines)
        took.append(time.perf_counter() - began)
    return {"by": ",".join(by) or "(all)", "lines": lines, "s": round(median(took), 2), "most_s": round(max(took), 2)}


def page(result: dict[str, Any]) -> str:
    held = next(row for row in result["rows"] if row["by"] == ",".join(HELD))
    box, told = result["machine"], ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    met = "**met**" if held["s"] <= LIMIT_S else "**missed**"
    rows = "\n".join(f"| {row['by']} | {row['lines']:,} | {row['s']} | {row['most_s']} |" for row in result["rows"])
    return (
        f"# Spend reports, {result['day']}\n\nCommand: `python bench/spend.py`. {result['method']} "
        f"Versions: {told}. Machine: {box['cpu']}, {box['cores']} cores.\n\n"
        f"Target, a report by {held['by']}: {held['s']} of at most {LIMIT_S:g} s: {met}. "
        f"Files: {result['size_bytes'] / 1e6:,.0f} MB, made in {result['made_s']:.0f} s.\n\n"
        f"| by | lines | s | slowest round, s |\n| --- | --- | --- | --- |\n{rows}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="antiphon-spend-") as directory:
        place, began = Place(directory), time.perf_counter()
        size_bytes = write(place, asked.receipts, asked.days)
        made_s = time.perf_counter() - began
        rows = [measure(place, by, asked.days, asked.rounds) for by in REPORTS]
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "method": METHOD.format(receipts=asked.receipts, days=asked.days, rounds=asked.rounds),
        "versions": {**versions(), "duckdb": duckdb.__version__, "pyarrow": pa.__version__},
        "machine": machine(),
        "size_bytes": size_bytes,
        "made_s": made_s,
        "rows": rows,
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-spend"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result))


if __name__ == "__main__":
    main()
