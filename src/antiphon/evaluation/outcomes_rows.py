"""Rows of a file of outcomes, each with the line that it stands on: JSON lines, CSV or Parquet."""

import csv
import gzip
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from antiphon.core.error import ConfigError, Problem
from antiphon.providers.extras import require

Cells = Mapping[str, object]
KINDS = (".jsonl", ".jsonl.gz", ".csv", ".parquet")
BATCH_ROWS = 5_000
_PARTS = ("score", "input_tokens", "output_tokens", "cost_usd", "answer")
"""Of a model's outcome where one line has all models of a prompt, as lab models replay it."""


def rows(path: Path, where: str) -> Iterator[tuple[int, Cells]]:
    """Rows with their lines, from 1 on; of Parquet the number of the row. Raises: ConfigError, OSError."""
    name = path.name
    if name.endswith((".jsonl", ".jsonl.gz")):
        yield from _json_lines(path)
    elif name.endswith(".csv"):
        yield from _csv(path)
    elif name.endswith(".parquet"):
        yield from _parquet(path, where)
    else:
        raise _unreadable(
            path, 0, where, "is of a kind that isn't read", f"name a file that ends with {' or '.join(KINDS)}"
        )


def _json_lines(path: Path) -> Iterator[tuple[int, Cells]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    number = 0
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        try:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    for cells in _spread(decoder.decode(line), path, number):
                        yield number, cells
        except msgspec.MsgspecError as error:
            raise _unreadable(path, number, "row", f"is no JSON object ({error})", "write one object a line") from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise _unreadable(path, 0, "file", f"is no whole gzip file ({error})", "compress it again") from None


def _spread(row: dict[str, Any], path: Path, line: int) -> Iterator[Cells]:
    """A row as it is, or one for each model where the row has all models of a prompt."""
    models = row.get("models")
    if models is None:
        yield row
        return
    if not isinstance(models, dict):
        raise _unreadable(path, line, "models", "is no object", "write each model's name and its outcome")
    common = {"prompt_id": row.get("id"), "prompt": row.get("prompt"), "task": row.get("category") or row.get("task")}
    for model, parts in cast("dict[str, object]", models).items():
        if not isinstance(parts, list):
            raise _unreadable(path, line, f"models.{model}", "is no list", f"write [{', '.join(_PARTS)}]")
        yield {**common, "model": model, **dict(zip(_PARTS, cast("list[object]", parts), strict=False))}


def _csv(path: Path) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, strict=True)
        try:
            for row in reader:
                if None in row:
                    raise _unreadable(path, reader.line_num, "row", "has more cells than the head", "quote commas")
                yield reader.line_num, row
        except csv.Error as error:
            raise _unreadable(path, reader.line_num, "row", f"is no CSV ({error})", "quote texts by RFC 4180") from None
        except UnicodeDecodeError as error:
            raise _unreadable(
                path, reader.line_num + 1, "row", f"is not UTF-8 ({error.reason})", "save it as UTF-8"
            ) from None


def _parquet(path: Path, where: str) -> Iterator[tuple[int, Cells]]:
    parquet: Any = require("pyarrow.parquet", "parquet", where, "reading Parquet")
    arrow: Any = require("pyarrow", "parquet", where, "reading Parquet")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except arrow.ArrowInvalid as error:
        raise _unreadable(path, number, where, f"is no Parquet ({error})", "write it again") from None


def _unreadable(path: Path, line: int, at: str, wrong: str, remedy: str) -> ConfigError:
    return ConfigError([Problem(file=str(path), line=line, path=at, wrong=wrong, remedy=remedy)])
