"""What many models really answered, as it was recorded: the outcomes that routers are measured on.

A file has one line a prompt: `{"id", "category", "prompt", "gold", "models": {MODEL: [score, input_tokens,
output_tokens, cost_usd, answer]}}`. A missing cost is missing, never 0. Only prompts count for which all twelve models
have a score and a cost.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

SEEDS = (0, 1, 2, 3, 4)
TEST_SHARE = 0.30
TWELVE: dict[str, tuple[str, ...]] = {
    "zeroeval": (
        "gpt-4o-2024-08-06",
        "claude-3-5-sonnet-20241022",
        "gpt-4o-mini-2024-07-18",
        "claude-3-5-haiku-20241022",
        "claude-3-haiku-20240307",
        "deepseek-v2.5-0908",
        "gemini-1.5-flash",
        "gemini-1.5-pro",
        "Llama-3.1-405B",
        "Meta-Llama-3.1-70B-Instruct",
        "Meta-Llama-3.1-8B-Instruct",
        "Mistral-Large-2",
    ),
    "mmlupro": (
        "gemini-1.5-pro-002",
        "gemini-1.5-flash-002",
        "Meta-Llama-3_1-70B-Instruct",
        "Meta-Llama-3_1-8B-Instruct",
        "DeepSeek-Coder-V2",
        "Qwen1.5-72B-Chat",
        "Mixtral-8x7B-Instruct-v0.1",
        "c4ai-command-r-v01",
        "jamba-1.5-large",
        "Phi-3-mini-4k-instruct",
        "mathstral-7B",
        "Mistral-7B-Instruct-v0.2",
    ),
}
BUDGETS_USD: dict[str, tuple[float, ...]] = {"zeroeval": (0.2, 1.5, 3.4), "mmlupro": (0.1, 0.3, 0.5)}
"""For 1,000 queries: where accuracy is told."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What one model made of one prompt."""

    score: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and what each model made of it."""

    id: str
    category: str
    text: str
    gold: str
    models: dict[str, Answered]


@dataclass(frozen=True)
class Recorded:
    """Prompts for which all the models have a score and a cost."""

    name: str
    models: tuple[str, ...]
    prompts: tuple[Prompt, ...]

    def split(self, seed: int) -> tuple[list[int], list[int]]:
        """Positions of the prompts to learn and to tune on, and of those to test on."""
        learn: list[int] = []
        test: list[int] = []
        for at, prompt in enumerate(self.prompts):
            (test if in_test(seed, prompt.id) else learn).append(at)
        return learn, test

    def best_single(self, positions: Iterable[int]) -> str:
        """The model with the highest mean score over these prompts; of equals the cheaper."""
        rows = [self.prompts[at] for at in positions]

        def worth(model: str) -> tuple[float, float]:
            return sum(one.models[model].score or 0 for one in rows), -sum(
                one.models[model].cost_usd or 0 for one in rows
            )

        return max(self.models, key=worth)


def in_test(seed: int, prompt: str) -> bool:
    """Whether a prompt is tested on, by its id."""
    return int(sha256(f"{seed}:{prompt}".encode()).hexdigest()[:8], 16) / 2**32 < TEST_SHARE


def folder(data: Path) -> Path | None:
    """Where the recorded files lie in a data directory; None: they do not."""
    found = data / "routing"
    return found if all((found / f"{name}.jsonl.gz").is_file() for name in TWELVE) else None


def load(path: Path, models: tuple[str, ...] | None = None) -> Recorded:
    """Read one `.jsonl.gz` file. `models`: None for the twelve of its name."""
    name = path.name.partition(".")[0]
    wanted = models or TWELVE[name]
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        prompts = [_prompt(json.loads(line)) for line in lines]
    return Recorded(name, wanted, tuple(one for one in prompts if _whole(one, wanted)))


def _prompt(row: dict[str, Any]) -> Prompt:
    models = {model: Answered(*cells) for model, cells in row["models"].items()}
    return Prompt(row["id"], row.get("category") or "", row["prompt"], str(row.get("gold")), models)


def _whole(prompt: Prompt, models: tuple[str, ...]) -> bool:
    answered = [prompt.models.get(model) for model in models]
    return all(one is not None and one.score is not None and one.cost_usd is not None for one in answered)
