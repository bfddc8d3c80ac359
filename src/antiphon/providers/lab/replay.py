"""Recorded outcomes: what real models once answered, found by the hash of the prompt.

A prompt's hash is SHA-256 over the text of the last user message, its blanks run together to single
spaces. Files are JSON lines, plain or gzipped, one prompt a line:
`{"id", "prompt", "models": {MODEL: [score, input_tokens, output_tokens, cost_usd, answer]}}`;
or Parquet, see `antiphon.providers.lab.parquet`. A file is read once, line by line, and only one model's
outcomes are kept: about 300 bytes a prompt and the bytes of its answer. Where two lines have the same
prompt the first counts. An outcome whose answer is null is an answer without text.
"""

import gzip
import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import ConfigError, Problem


class Outcome(Struct, frozen=True):
    """What one model once answered. None: it was not recorded."""

    answer: str
    input_tokens: int | None = None
    output_tokens: int | None = None


Table = dict[bytes, Outcome]
"""Outcomes by the prompt's hash."""


class Row(Struct, frozen=True):
    prompt: str
    id: str = ""
    models: dict[str, Raw] = {}


class Recorded(Struct, frozen=True, array_like=True):
    score: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    answer: str | None = None


ROW = msgspec.json.Decoder(Row)
RECORDED = msgspec.json.Decoder(Recorded)
SHOWN_NAMES = 8


def prompt_hash(prompt: str) -> bytes:
    """What an outcome is found by."""
    return sha256(" ".join(prompt.split()).encode()).digest()


def load_lines(path: Path, model: str) -> Table:
    """The outcomes of one model in a file of JSON lines. Raises: ConfigError."""
    table: Table = {}
    others: dict[str, None] = {}
    for row in rows(path):
        raw = row.models.get(model)
        if raw is not None:
            recorded = outcome(path, raw)
            table.setdefault(prompt_hash(row.prompt), recorded)
        elif len(others) < SHOWN_NAMES:
            others |= dict.fromkeys(row.models)
    if not table:
        raise nothing_of(path, model, list(others))
    return table


def outcome(path: Path, raw: Raw) -> Outcome:
    """One recorded list. Raises: ConfigError."""
    try:
        recorded = RECORDED.decode(raw)
    except msgspec.DecodeError as error:
        raise unreadable(path, 0, f"an outcome is not [score, tokens, tokens, cost, answer] ({error})") from None
    return Outcome(recorded.answer or "", recorded.input_tokens, recorded.output_tokens)


def rows(path: Path) -> Iterator[Row]:
    """The lines of a file, one at a time. Raises: ConfigError."""
    number = 0
    try:
        with _opened(path) as lines:
            for line in lines:
                number += 1
                if not line.isspace():
                    yield ROW.decode(line)
    except msgspec.DecodeError as error:
        raise unreadable(path, number, f"the line is not a recorded prompt ({error})") from None
    except (OSError, EOFError) as error:
        raise unreadable(path, number, f"the file can't be read ({error})") from None


def _opened(path: Path) -> io.BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def unreadable(path: Path, line: int, wrong: str) -> ConfigError:
    remedy = "name a .jsonl, .jsonl.gz or .parquet file of recorded outcomes"
    problem = Problem(file=str(path), line=line, path="replay", wrong=wrong, remedy=remedy)
    return ConfigError([problem])


def nothing_of(path: Path, model: str, names: list[str]) -> ConfigError:
    shown = ", ".join(names[:SHOWN_NAMES]) or "none"
    problem = Problem(
        file=str(path),
        line=0,
        path="replay_model",
        wrong=f"no outcome of the model {model!r} is in the file",
        remedy=f"write one that is, such as {shown}",
    )
    return ConfigError([problem])
