"""Recorded texts for guards of injections and of harm, and texts of our own, as training and measuring see them."""

import gzip
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

OWN = Path(__file__).resolve().parents[1] / "tools" / "guards"
FAMILIES = ("cse", "jailbreak-itw", "jbb-optim")
"""Families of attacks that are left out in turn."""
APART = "bipia-offtask"
"""Benign sentences in the wrong channel: never trained on, reported apart."""
LOOKALIKES = "notinject"
"""Benign texts with words of attacks: never trained on, and no threshold is set on them."""
PLACEHOLDERS = (("{% raw %}", ""), ("{% endraw %}", ""), ("{generator.name}", "ChatGPT"))
"""What collections put into texts, and nobody sends."""


class Row(Struct, frozen=True):
    """A text."""

    text: str
    label: int
    source: str = ""
    family: str = ""
    kind: str = ""
    lang: str | None = None
    variant: str | None = None


def rows(data: Path, name: str) -> list[Row]:
    """Of `DIR/guard/NAME.jsonl.gz`."""
    with gzip.open(data / "guard" / f"{name}.jsonl.gz") as lines:
        return [_bare(msgspec.json.decode(line, type=Row)) for line in lines]


def _bare(row: Row) -> Row:
    text = row.text
    for placeholder, instead in PLACEHOLDERS:
        text = text.replace(placeholder, instead)
    return msgspec.structs.replace(row, text=text)


class Prompt(Struct, frozen=True):
    prompt: str


def prompts(data: Path, name: str, every: int, first: int = 0) -> list[str]:
    """Some questions of `DIR/routing/NAME.jsonl.gz`."""
    with gzip.open(data / "routing" / f"{name}.jsonl.gz") as lines:
        return [msgspec.json.decode(line, type=Prompt).prompt for at, line in enumerate(lines) if at % every == first]


def own(name: str) -> list[str]:
    """Texts that were written for this, a line each; `\\n` stands for a line feed."""
    return [line.replace("\\n", "\n") for line in (OWN / f"{name}.txt").read_text().splitlines() if line]


class Injection(Struct, frozen=True):
    """The corpus of injections, parted as the protocol says."""

    attacks: tuple[Row, ...]
    benign: tuple[Row, ...]
    lookalikes: tuple[Row, ...]
    apart: tuple[Row, ...]

    def family(self, name: str) -> list[str]:
        return [row.text for row in self.attacks if row.family == name]


def injection(data: Path) -> Injection:
    found = rows(data, "injection")
    return Injection(
        attacks=tuple(row for row in found if row.label and row.family in FAMILIES),
        benign=tuple(row for row in found if not row.label and row.source != LOOKALIKES),
        lookalikes=tuple(row for row in found if row.source == LOOKALIKES),
        apart=tuple(row for row in found if row.label and row.family == APART),
    )


def half(text: str, seed: int) -> int:
    """Which half of the benign texts one is in: learned from, or for the threshold."""
    return int(sha256(f"{seed}:{text}".encode()).hexdigest()[:8], 16) & 1


def texts(found: Sequence[Row]) -> Iterator[str]:
    return (row.text for row in found)
