"""What the small models learn from: recorded questions, and prompts that are put together from templates."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

EACH = 14
"""Times that a template is filled."""
HELD_OUT = 5
"""Every fifth row isn't learned from."""
DOMAINS = {
    "biology": "biology",
    "business": "business",
    "chemistry": "chemistry",
    "computer science": "computing",
    "economics": "business",
    "engineering": "engineering",
    "health": "health",
    "history": "humanities",
    "law": "law",
    "math": "math",
    "other": "other",
    "philosophy": "humanities",
    "physics": "physics",
    "psychology": "psychology",
}
"""MMLU-Pro's categories, and ours: those that one model is as good at as the other are one."""
_SLOT = re.compile(r"\{([a-z]+\d?)\}")


class Row(Struct, frozen=True):
    """A recorded question."""

    id: str
    dataset: str
    category: str
    prompt: str
    models: dict[str, list[Any]]
    """Score, tokens and cost of each model."""

    @property
    def failed(self) -> float:
        """Share of the models that failed it."""
        scores = [float(found[0]) for found in self.models.values() if found and found[0] is not None]
        return 1 - sum(scores) / len(scores)


class Seeds:
    """Reads the folders."""

    def __init__(self, seeds: Path, outcomes: Path) -> None:
        self._seeds = seeds
        self._outcomes = outcomes

    def rows(self, dataset: str) -> list[Row]:
        with gzip.open(self._outcomes / f"{dataset}.jsonl.gz") as lines:
            return [msgspec.json.decode(line, type=Row) for line in lines]

    def tasks(self) -> list[tuple[str, str]]:
        """Class and prompt, from templates in eight languages."""
        templates = msgspec.json.decode((self._seeds / "tasks.json").read_bytes(), type=dict[str, dict[str, list[str]]])
        slots = msgspec.json.decode((self._seeds / "slots.json").read_bytes(), type=dict[str, list[str]])
        random = Random(7)  # noqa: S311 - the same prompts each time
        return [
            (task, filled(template, slots, random))
            for task, languages in templates.items()
            for found in languages.values()
            for template in found
            for _ in range(EACH if "{" in template else EACH // 4)
        ]

    def lexicon(self) -> list[tuple[str, str]]:
        """Class and words that tell it, in eight languages."""
        found = msgspec.json.decode((self._seeds / "lexicon.json").read_bytes(), type=dict[str, dict[str, list[str]]])
        return [(task, text) for task, languages in found.items() for texts in languages.values() for text in texts]

    def domains(self) -> list[tuple[str, str]]:
        """Domain and text: everyday requests, and words in eight languages."""
        found = msgspec.json.decode((self._seeds / "domains.json").read_bytes(), type=dict[str, list[str]])
        return [(domain, text) for domain, texts in found.items() for text in texts]

    def prompts(self, name: str) -> list[tuple[str, str]]:
        """Class and prompt, written apart from the templates."""
        found = msgspec.json.decode((self._seeds / f"{name}.json").read_bytes(), type=dict[str, list[str]])
        return [(task, text) for task, texts in found.items() for text in texts]


def filled(template: str, slots: dict[str, list[str]], random: Random) -> str:
    """A template with something in each slot; braces that name no slot stay."""
    text = _SLOT.sub(lambda found: random.choice(slots[found[1]]) if found[1] in slots else found[0], template)
    return text.lower() if random.random() < 0.1 else text  # some write so


def split(found: list[Row]) -> tuple[list[Row], list[Row]]:
    """Rows to learn from, and those that aren't."""
    return (
        [row for at, row in enumerate(found) if at % HELD_OUT],
        [row for at, row in enumerate(found) if at % HELD_OUT == 0],
    )


def stem(prompt: str) -> str:
    """A question without its options."""
    return re.split(r"\nA\. ", prompt, maxsplit=1)[0]


def labelled(rows: list[Row]) -> Iterator[tuple[str, str]]:
    """Domain and question, of MMLU-Pro's rows."""
    return ((DOMAINS[row.category], row.prompt) for row in rows)
