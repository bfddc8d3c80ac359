"""What is read out of recorded answers, beside what each benchmark's own harness read out of them.

python bench/extraction.py --data DIRECTORY
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from antiphon.recipes.extract import key_of, value_key
from antiphon.recipes.settings_contract import ChoiceSettings, ContractSettings, ExactSettings
from lib.machine import machine, versions

DATASETS = ("zeroeval", "mmlupro")
TEXT = ContractSettings(exact=ExactSettings())
CONTRACTS = {
    "gsm": ContractSettings(exact=ExactSettings(type="number")),
    "crux": TEXT,
    "math-l5": TEXT,
    "mmlu_pro": ContractSettings(choice=ChoiceSettings()),
}
"""By what a prompt's id begins with."""
METHOD = (
    "Every recorded answer whose harness read something. Both readings are put in one form before they are compared. "
    "`right` counts, among those that differ, the readings that equal the gold answer, ours and theirs."
)


def rows(data: Path, name: str) -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    """Kind, prompt, answer, what the harness read out of it."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        prompts = {one["id"]: one for one in map(json.loads, file)}
    for answer in pq.read_table(data / f"{name}_outputs.parquet").to_pylist():
        prompt = prompts.get(answer["prompt_id"])
        recorded = prompt and prompt["models"].get(answer["model"])
        if prompt and recorded:
            yield prompt["id"].partition("/")[0], prompt, answer["output"], recorded[4]


def key_of_value(kind: str, value: Any) -> str | None:
    """A value that stands alone, in the form that answers are compared in."""
    if kind == "mmlu_pro":
        return str(value)
    text = str(value).removeprefix("# ")
    return key_of(f"<answer>{text}</answer>", CONTRACTS[kind]) if kind == "gsm" else value_key(text)


def measure(data: Path) -> list[dict[str, Any]]:
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in CONTRACTS}
    for name in DATASETS:
        for kind, prompt, output, recorded in rows(data, name):
            count = counts[kind]
            request = prompt["prompt"] if kind == "mmlu_pro" else ""
            began = time.process_time_ns()
            ours = key_of(output, CONTRACTS[kind], request=request)
            count["ns"] += time.process_time_ns() - began
            count["all"] += 1
            if recorded is None:
                continue
            theirs, gold = key_of_value(kind, recorded), key_of_value(kind, prompt["gold"])
            count["read"] += 1
            count["none"] += ours is None
            count["same"] += ours == theirs
            if ours is not None and ours != theirs:
                count["differ"] += 1
                count["ours_right"] += ours == gold
                count["theirs_right"] += theirs == gold
    return [{"kind": kind, **count, "us": count["ns"] / count["all"] / 1000} for kind, count in counts.items()]


def page(result: dict[str, Any]) -> str:
    lines = [
        f"| {row['kind']} | {row['read']:,} | {row['same'] / row['read']:.2%} | {row.get('none', 0) / row['read']:.2%} "
        f"| {row.get('differ', 0):,} | {row.get('ours_right', 0):,} | {row.get('theirs_right', 0):,} | {row['us']:.0f} |"
        for row in result["rows"]
    ]
    ran_with = ", ".join(f"{name} {version}" for name, version in result["versions"].items() if version)
    return "\n".join(
        [
            f"# Extraction, {result['day']}\n",
            f"Command: `python bench/extraction.py`. {METHOD} Versions: {ran_with}. Machine: {result['machine']['cpu']}, {result['machine']['cores']} cores.\n",
            "| answers of | read | the same | nothing read by us | differ | ours right | theirs right | CPU, µs |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *lines,
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of recorded outcomes")
    parser.add_argument("--out", type=Path, help="directory of the result")
    asked = parser.parse_args()
    result = {
        "day": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(),
        "rows": measure(asked.data),
    }
    print(page(result))
    if asked.out is not None:
        stem = asked.out / f"{result['day']}-extraction"
        stem.with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n")
        stem.with_suffix(".md").write_text(page(result) + "\n")


if __name__ == "__main__":
    main()
