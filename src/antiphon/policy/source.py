"""Texts of policies, and where each policy stands in them."""

from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from hashlib import sha256
from pathlib import Path
from typing import Literal

from msgspec import Struct

from antiphon.core.error import ConfigError, Problem

Mode = Literal["enforce", "shadow"]
LARGEST_BYTES = 1_048_576
"""Of one file."""


class Source(Struct, frozen=True, kw_only=True):
    """A text of policies: a file, or a bundle of the admin API."""

    name: str
    """What messages call it: the file, or `bundle/NAME@NUMBER`."""
    text: str
    tenant: str = ""
    """Its policies are for principals of this tenant alone; empty: of all."""
    mode: Mode = "enforce"
    """`shadow`: what its policies would have decided is noted, and nothing else."""
    share: float = 1.0
    """Part of callers that they are for, 0 to 1."""

    @property
    def hash(self) -> str:
        """SHA-256 of the text, 64 hexadecimal digits."""
        return sha256(self.text.encode()).hexdigest()


class Passage(Struct, frozen=True, kw_only=True):
    """One policy as it is written."""

    line: int
    """Of its first word, from 1."""
    text: str
    """Up to and with its `;`."""


def passages(text: str) -> list[Passage]:
    """The policies of a text; a last one without its `;` counts too. Comments before a policy are left out."""
    out: list[Passage] = []
    start, line, begun = 0, 1, -1
    for at, char in _code(text):
        if char == "\n":
            line += 1
        elif begun < 0 and not char.isspace():
            begun, start = line, at
        if char == ";" and begun >= 0:
            out.append(Passage(line=begun, text=text[start : at + 1]))
            begun = -1
    if begun >= 0:
        out.append(Passage(line=begun, text=text[start:]))
    return out


def _code(text: str) -> Iterator[tuple[int, str]]:
    """Characters outside strings and comments, and every line feed; a string counts as its quotes."""
    quoted = comment = escaped = False
    for at, char in enumerate(text):
        if char == "\n":
            comment = False
            yield at, char
        elif comment:
            continue
        elif quoted:
            if char == '"' and not escaped:
                quoted = False
                yield at, char
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted, escaped = True, False
            yield at, char
        elif char == "/" and text.startswith("//", at):
            comment = True
        else:
            yield at, char


def files_of(patterns: Sequence[str]) -> list[Path]:
    """The files that paths and patterns name, each once, those of a pattern in order of names."""
    found = [Path(file) for one in patterns for file in (_matching(one) if has_magic(one) else [one])]
    return list(dict.fromkeys(found))


def _matching(pattern: str) -> list[str]:
    return sorted(glob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute


def read_files(patterns: Sequence[str]) -> tuple[Source, ...]:
    """The texts of files. Raises: ConfigError, with every one that can't be read."""
    out: list[Source] = []
    problems: list[Problem] = []
    for file in files_of(patterns):
        try:
            out.append(Source(name=str(file), text=_text(file)))
        except (OSError, ValueError) as error:
            wrong = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            problems.append(
                Problem(
                    file=str(file),
                    line=1,
                    path="(file)",
                    wrong=f"can't be read: {wrong}",
                    remedy="name a file of policies that is there, in UTF-8, up to 1 MiB",
                )
            )
    if problems:
        raise ConfigError(problems)
    return tuple(out)


def _text(file: Path) -> str:
    """Raises: OSError, ValueError."""
    with file.open("rb") as opened:
        raw = opened.read(LARGEST_BYTES + 1)
    if len(raw) > LARGEST_BYTES:
        raise ValueError(f"it has more than {LARGEST_BYTES} bytes")
    return raw.decode()
