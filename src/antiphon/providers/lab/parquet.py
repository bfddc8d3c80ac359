"""Recorded outcomes in Parquet: columns `model`, `output` or `answer`, and `prompt` or `prompt_id`.

`input_tokens` and `output_tokens` are read when they are there. A file that has only `prompt_id` is read
together with the JSON lines beside it, `NAME.jsonl.gz` or `NAME.jsonl` for `NAME_outputs.parquet` (or
`NAME.parquet`), whose `id` it names: they have the prompts and the tokens. Batches of rows are read one at a time.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import msgspec
from msgspec import Struct

from antiphon.core.error import ConfigError, Problem
from antiphon.providers.lab.replay import Outcome, Table, nothing_of, outcome, prompt_hash, rows, unreadable

BATCH_ROWS = 1024
TEXTS = ("output", "answer")

Prompts = dict[str, tuple[bytes, Outcome | None]]
"""By id: the prompt's hash, and what else is recorded of the model."""


class Batch(Protocol):
    def to_pylist(self) -> list[dict[str, object]]: ...


class Names(Protocol):
    names: list[str]


class ParquetFile(Protocol):
    """What is used of `pyarrow.parquet.ParquetFile`."""

    schema_arrow: Names

    def iter_batches(self, *, batch_size: int, columns: list[str]) -> Iterator[Batch]: ...


class Row(Struct, frozen=True):
    model: str
    output: str | None = None
    answer: str | None = None
    prompt: str | None = None
    prompt_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def require() -> ModuleType:
    """The Parquet reader. Raises: ConfigError when the extra is not installed."""
    try:
        return importlib.import_module("pyarrow.parquet")
    except ImportError:
        problem = Problem(
            file="pyarrow",
            line=0,
            path="replay",
            wrong="reading Parquet needs pyarrow, which is not installed",
            remedy="run: pip install 'antiphon[parquet]'",
        )
        raise ConfigError([problem]) from None


def load_parquet(path: Path, model: str) -> Table:
    """The outcomes of one model in a Parquet file. Raises: ConfigError."""
    open_file = cast("Callable[[Path], ParquetFile]", require().ParquetFile)
    try:
        file = open_file(path)
        return _table(path, model, file)
    except (OSError, ValueError, msgspec.ValidationError) as error:  # pyarrow's own errors are ValueErrors
        raise unreadable(path, 0, f"the file is not Parquet of outcomes ({error})") from None


def _table(path: Path, model: str, file: ParquetFile) -> Table:
    columns = [name for name in file.schema_arrow.names if name in Row.__struct_fields__]
    if "model" not in columns or not set(columns) & {*TEXTS} or not set(columns) & {"prompt", "prompt_id"}:
        raise unreadable(path, 0, f"the columns {', '.join(file.schema_arrow.names)} lack model, output or prompt")
    prompts = {} if "prompt" in columns else _beside(path, model)
    table: Table = {}
    others: dict[str, None] = {}
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
        for row in msgspec.convert(batch.to_pylist(), list[Row]):
            if row.model == model:
                _add(table, row, prompts)
            else:
                others[row.model] = None
    if not table:
        raise nothing_of(path, model, sorted(others))
    return table


def _add(table: Table, row: Row, prompts: Prompts) -> None:
    key, known = prompts.get(row.prompt_id or "", (b"", None))
    if row.prompt is not None:
        key = prompt_hash(row.prompt)
    if not key:
        return
    text = row.output if row.output is not None else row.answer
    recorded = known or Outcome("")
    input_tokens = row.input_tokens if row.input_tokens is not None else recorded.input_tokens
    output_tokens = row.output_tokens if row.output_tokens is not None else recorded.output_tokens
    table.setdefault(key, Outcome(text or "", input_tokens, output_tokens))


def _beside(path: Path, model: str) -> Prompts:
    """Prompts and tokens from the JSON lines beside a Parquet file."""
    name = path.stem.removesuffix("_outputs")
    for companion in (path.with_name(f"{name}.jsonl.gz"), path.with_name(f"{name}.jsonl")):
        if companion.is_file():
            return {
                row.id: (
                    prompt_hash(row.prompt),
                    outcome(companion, row.models[model]) if model in row.models else None,
                )
                for row in rows(companion)
            }
    raise unreadable(path, 0, f"it has prompt_id and no prompt, and no {name}.jsonl.gz beside it has them")
