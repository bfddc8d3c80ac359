"""What the guards `pii` and `secrets` find, what they cost, and what a stream leaks and holds while they look at it.

`python bench/guards.py --data DIR` reads `DIR/guard/pii_spans.jsonl.gz`, `pii_unit`, `secrets` and `injection`.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from antiphon.guards.lane import Lane
from antiphon.guards.piece import Decision, Found, Piece, joined
from antiphon.guards.pii import PiiDetector
from antiphon.guards.port import Detector, Guard
from antiphon.guards.secrets import SecretsDetector
from antiphon.guards.settings_content import UnicodeSettings
from antiphon.guards.settings_pii import PiiSettings
from antiphon.guards.settings_secrets import SecretsSettings
from antiphon.guards.unicode import UnicodeDetector
from lib.guard_spans import MORE, STRUCTURED, Counts, Row, rows, spans, summed, tuned_on, unit
from lib.machine import machine, versions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NEEDED = ("pii_spans", "pii_unit", "secrets", "injection")
EVERYDAY = ("wildguard-benign", "cyberseceval-frr", "notinject", "injecguard-valid")
"""Sources of benign prompts in `injection`."""
MASK = Decision("mask")
_TOKENS = re.compile(r" ?\w{1,6}| ?[^\w\s]{1,3}|\s")
Split = Callable[[str], list[str]]
SPLITS: dict[str, Split] = {
    "4 characters": lambda text: [text[at : at + 4] for at in range(0, len(text), 4)],
    "tokens": _TOKENS.findall,
    "1 character": list,
    "1 to 60 characters": lambda text: [text[at : at + 1 + at * 7919 % 60] for at in _steps(text)],
}
"""`tokens`: words of at most six characters with the space before them, signs by themselves: 4 characters in the mean."""
METHOD = (
    "Rules were written with the half of the texts in view whose SHA-256 is even, and measured on the other one; of "
    "`pii_spans`, whose texts are made from 200 templates, all templates were seen, `pii_unit` was as a whole, and of `secrets` the names of all of gitleaks' rules and one benign text of the "
    "other half was (a base64 of `username:password`). A finding hits where it has the kind of a span, and at least half of the union of both. "
    "CPU is of one process, hot, garbage collection off. In streams every match is masked; a character leaks that belongs "
    "to a match of the whole text, and passes. Time of an event includes making and ending a lane of each text."
)


def _steps(text: str) -> list[int]:
    out, at = [], 0
    while at < len(text):
        out.append(at)
        at += 1 + at * 7919 % 60
    return out


def ms_per_1000(detector: Detector, texts: Sequence[str], rounds: int) -> float:
    """CPU of 1,000 characters, the median round."""
    took = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for text in texts:
            detector.find(text)
        took.append((time.process_time_ns() - began) / 1000 / sum(map(len, texts)))
    return median(took)


def pii(data: Path, rounds: int) -> tuple[list[str], dict[str, Any]]:
    texts = rows(data, "pii_spans")
    detector = PiiDetector(PiiSettings())
    parts = {
        "seen half": [row for row in texts if tuned_on(row["text"])],
        "other half": [row for row in texts if not tuned_on(row["text"])],
        "all": texts,
    }
    lines = [
        "| kind | " + " | ".join(f"{part}: P / R / F1" for part in parts) + " |",
        "| --- |" + " --- |" * len(parts),
    ]
    counted = {part: spans(detector, some, STRUCTURED) for part, some in parts.items()}
    lines += [
        f"| {kind} | " + " | ".join(_prf(counted[part][0][kind]) for part in parts) + " |"
        for kind in STRUCTURED.values()
    ]
    totals = {part: summed(counted[part][0].values()) for part in parts}
    lines.append("| **all six** | " + " | ".join(_prf(one) for one in totals.values()) + " |")
    with_links = PiiDetector(PiiSettings(types=[*STRUCTURED.values(), *MORE.values()]))
    more, _ = spans(with_links, texts, {**STRUCTURED, **MORE})
    gold = sum(len(row["spans"]) for row in texts)
    ms = ms_per_1000(detector, [row["text"] for row in texts], rounds)
    right, cases, recognisers, left_out = unit(rows(data, "pii_unit"))
    other = ", ".join(f"{kind} {count}" for kind, count in counted["all"][1].most_common()) or "none"
    f1 = totals["other half"].f1
    lines += [
        "",
        f"- Structured types: {', '.join(STRUCTURED)}. F1 {f1:.3f} of at least 0.93: {_met(f1 >= 0.93)}. All kinds are on; findings of other kinds, which are not counted above: {other}.",
        "- With types that the protocol leaves out: "
        + ", ".join(f"{kind} {_prf(more[kind])}" for kind in MORE.values())
        + ". Of DATE_TIME, dates of birth alone are looked for.",
        f"- {ms:.3f} ms for 1,000 characters of at most 0.5: {_met(ms <= 0.5)}.",
        (
            f"- `pii_unit`: {right} of {cases} cases of {recognisers} recognisers have the number of findings that they say ({100 * right / cases:.1f} %), each with "
            f"its own kind alone and `context: any`. Left out, for want of a kind: {', '.join(f'{name} {count}' for name, count in left_out.items())}."
        ),
        (
            f"- Of all {gold:,} spans of `pii_spans`, {totals['all'].hits} are found ({100 * totals['all'].hits / gold:.0f} %): the others are names, places, addresses, "
            "organisations, titles and dates, which take a model of the language (`presidio`)."
        ),
    ]
    return lines, {"f1": {part: one.f1 for part, one in totals.items()}, "ms": ms, "unit": [right, cases]}


def _prf(one: Counts) -> str:
    return f"{one.precision:.3f} / {one.recall:.3f} / {one.f1:.3f} ({one.hits + one.missed})"


def _met(met: bool) -> str:
    return "**met**" if met else "**missed**"


def secrets(data: Path, rounds: int) -> tuple[list[str], dict[str, Any]]:
    texts = rows(data, "secrets")
    detector = SecretsDetector(SecretsSettings())
    groups: dict[str, Callable[[Row], bool]] = {
        "secrets": lambda row: bool(row["label"]),
        "benign code and docs": lambda row: not row["label"] and row["source"].startswith("benign"),
        "near misses of gitleaks": lambda row: not row["label"] and not row["source"].startswith("benign"),
    }
    parts: dict[str, Callable[[Row], bool]] = {
        "seen half": lambda row: tuned_on(row["text"]),
        "other half": lambda row: not tuned_on(row["text"]),
        "all": lambda row: True,
    }
    lines = ["| texts with a finding | " + " | ".join(parts) + " |", "| --- |" + " --- |" * len(parts)]
    shares: dict[str, dict[str, float]] = {}
    for group, belongs in groups.items():
        cells = []
        for part, chosen in parts.items():
            some = [row["text"] for row in texts if belongs(row) and chosen(row)]
            found = sum(bool(detector.find(text)) for text in some)
            shares.setdefault(group, {})[part] = found / len(some)
            cells.append(f"{found} of {len(some)} ({100 * found / len(some):.1f} %)")
        lines.append(f"| {group} | {' | '.join(cells)} |")
    benign = [row["text"] for row in texts if groups["benign code and docs"](row)]
    ms = ms_per_1000(detector, benign, rounds)
    recall, false = shares["secrets"]["other half"], shares["benign code and docs"]["all"]
    lines += [
        "",
        f"- Recall {recall:.3f} of at least 0.80: {_met(recall >= 0.8)}; {100 * false:.2f} % of benign texts of at most 0.3 %: {_met(false <= 0.003)}.",
        f"- {ms:.4f} ms for 1,000 benign characters of at most 0.1: {_met(ms <= 0.1)}.",
        (
            "- The secrets are gitleaks' own tests, made by its rules: no independent sample. Its near misses are keys with a wrong length or "
            "checksum, or keys that stand for none: a finding there is masked for nothing."
        ),
    ]
    return lines, {"shares": shares, "ms": ms}


def guards() -> list[Guard]:
    detectors: dict[str, Detector] = {
        "unicode": UnicodeDetector(UnicodeSettings()),
        "secrets": SecretsDetector(SecretsSettings()),
        "pii": PiiDetector(PiiSettings()),
    }
    return [Guard(name=kind, kind=kind, detector=one, action="mask") for kind, one in detectors.items()]


def corpora(data: Path) -> dict[str, list[str]]:
    """Texts that are streamed, by name."""
    injection, secret = rows(data, "injection"), rows(data, "secrets")
    return {
        "texts with personal data": [row["text"] for row in rows(data, "pii_spans")],
        "everyday prompts": [row["text"] for row in injection if not row["label"] and row["source"] in EVERYDAY],
        "documentation": [row["text"] for row in injection if not row["label"] and row["source"].startswith("docs")],
        "code": [row["text"] for row in secret if row["source"].startswith("benign")],
        "secrets": [row["text"] for row in secret if row["label"]],
    }


def streams(data: Path, rounds: int) -> tuple[list[str], dict[str, Any]]:
    lines = [
        "| texts | chunks | events | characters of matches | leaked | held: mean / p95 / most | µs an event |",
        "| --- |" + " --- |" * 6,
    ]
    told: dict[str, Any] = {}
    running = guards()
    for name, texts in corpora(data).items():
        places = [_places(text, running) for text in texts]
        for split, parts in SPLITS.items():
            chunks = [parts(text) for text in texts]
            held, leaked = _streamed(chunks, places, running)
            events = len(held)
            us = median(_us(chunks, running) / events for _ in range(max(1, rounds // 2)))
            covered = sum(end - start for some in places for start, end in some)
            mean = sum(held) / events
            lines.append(
                f"| {name} | {split} | {events:,} | {covered:,} | {leaked} | {mean:.1f} / {held[int(events * 0.95)]} / {held[-1]} | {us:.1f} |"
            )
            told[f"{name}, {split}"] = {"leaked": leaked, "mean": mean, "us": us}
    leaked = sum(one["leaked"] for one in told.values())
    mean = max(
        told[f"{name}, {split}"]["mean"]
        for name in ("texts with personal data", "everyday prompts")
        for split in ("4 characters", "tokens")
    )
    lines += [
        "",
        f"- Leaked: {leaked} characters of at most 0: {_met(not leaked)}. Mean hold on everyday prompts and on texts with personal data, at most {mean:.1f} of 8 characters: {_met(mean <= 8)}.",
        "- The target of 8 µs an event is for the whole way of a stream, its events' JSON included, and is measured there.",
    ]
    return lines, told


def _places(text: str, running: Sequence[Guard]) -> list[tuple[int, int]]:
    found = [Found(guard, match, MASK) for guard in running for match in guard.detector.find(text)]
    return [(start, end) for start, end, _ in joined(found)]


def _streamed(
    chunks: Sequence[Sequence[str]], places: Sequence[Sequence[tuple[int, int]]], running: Sequence[Guard]
) -> tuple[list[int], int]:
    """Characters held after each event, in order of size, and those that leaked."""
    held: list[int] = []
    leaked = 0
    for some, matches in zip(chunks, places, strict=True):
        lane = Lane(running, lambda guard, match: MASK)
        made: list[Piece] = []
        for chunk in some:
            made += lane.push(chunk)
            held.append(lane.held)
        made += lane.end()
        assert "".join(piece.text for piece in made) == "".join(some), "a lane lost text"
        passed = [(piece.start, piece.end) for piece in made if piece.winner is None and not piece.goes_on]
        leaked += sum(max(0, min(end, last) - max(start, first)) for start, end in passed for first, last in matches)
    return sorted(held), leaked


def _us(chunks: Sequence[Sequence[str]], running: Sequence[Guard]) -> float:
    began = time.process_time_ns()
    for some in chunks:
        lane = Lane(running, lambda guard, match: MASK)
        for chunk in some:
            lane.push(chunk)
        lane.end()
    return (time.process_time_ns() - began) / 1000


def whole(data: Path, rounds: int) -> tuple[list[str], dict[str, Any]]:
    lines = [
        "| text of 1,000 characters | " + " | ".join(one.kind for one in guards()) + " | all, µs |",
        "| --- |" + " --- |" * 4,
    ]
    told: dict[str, Any] = {}
    for name, texts in corpora(data).items():
        joint = "\n".join(texts)
        some = [joint[at : at + 1000] for at in range(0, min(len(joint), 100_000) - 1000, 1000)]
        us = [1000 * ms_per_1000(guard.detector, some, rounds) for guard in guards()]
        told[name] = sum(us)
        lines.append(f"| {name} | {' | '.join(f'{one:.0f}' for one in us)} | {sum(us):.0f} |")
    everyday = told["everyday prompts"]
    lines += ["", f"- Everyday prompts: {everyday:.0f} µs of at most 150: {_met(everyday <= 150)}."]
    return lines, told


PARTS: dict[str, tuple[str, Callable[[Path, int], tuple[list[str], dict[str, Any]]]]] = {
    "pii": ("Personal data", pii),
    "secrets": ("Secrets", secrets),
    "streams": ("Streams", streams),
    "whole": ("Rule guards on whole texts", whole),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args()


def main() -> int:
    """Measure, print and keep."""
    options = parse()
    missing = [name for name in NEEDED if not (options.data / "guard" / f"{name}.jsonl.gz").is_file()]
    if missing:
        print(f"skipped: {options.data}/guard has no {', '.join(missing)}; name its parent with --data")
        return 0
    gc.disable()
    day = datetime.now(UTC).date().isoformat()
    lines = [f"# Rule guards, {day}", "", f"Command: `python bench/guards.py --data DIR`. {METHOD}", ""]
    told: dict[str, Any] = {"day": day, "machine": machine(), "versions": versions()}
    for part in options.parts:
        title, measure = PARTS[part]
        found, told[part] = measure(options.data, options.rounds)
        lines += [f"## {title}", "", *found, ""]
    said = ", ".join(f"{name} {version}" for name, version in versions().items() if version)
    lines.append(f"Machine: {machine()['cpu']}, {machine()['cores']} cores. Versions: {said}.")
    text = "\n".join(lines) + "\n"
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{day}-guards.md").write_text(text)
    (options.output / f"{day}-guards.json").write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
