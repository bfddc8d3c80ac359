"""What the guards `injection` and `harm` find on attacks that they did not learn from, and what that costs.

`python bench/guards_injection.py --data DIR` reads `DIR/guard/injection.jsonl.gz`, `DIR/guard/harm.jsonl.gz` and
`DIR/routing/*.jsonl.gz`. It learns each model anew for each family that is left out.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import process_time_ns

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: it learns beside other work

import numpy as np
from msgspec import Struct

from antiphon.core.finding import Channel
from antiphon.guards import wording
from antiphon.guards.folding import folded
from antiphon.guards.harm import HarmDetector
from antiphon.guards.injection import InjectionDetector
from antiphon.guards.linear import Linear
from antiphon.guards.port import Asked, Text
from antiphon.guards.settings_content import HarmSettings, InjectionSettings
from lib import guard_data
from lib.guard_data import FAMILIES, Injection, Row
from lib.guard_fit import Floats, at_share, auroc, linear
from lib.guard_train import everyday, harm_model, injection_model
from lib.machine import machine, versions

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SHARES = (0.005, 0.01, 0.05)
SEEDS = (0, 1)
RULED = 2.0
"""Score of what a rule found: above all that a model says."""
SOUP = "injection.soup"


class Way(Struct, frozen=True, kw_only=True):
    """One way to tell injections."""

    name: str
    tokens: str = ""
    """`words`, `phrases` or `all`; empty: no model."""
    rules: bool = False
    soup: bool = False


WAYS = (
    Way(name="rules, without `soup`", rules=True),
    Way(name="words and pairs of words, model", tokens="words"),
    Way(name="phrases and what they do, model", tokens="phrases"),
    Way(name="both, one model", tokens="all"),
    Way(name="rules, and model of phrases", tokens="phrases", rules=True),
    Way(name="rules, and model of both: without `soup`", tokens="all", rules=True),
    Way(name="the same with `soup`: as shipped", tokens="all", rules=True, soup=True),
)
_RULES = InjectionDetector(InjectionSettings(model=False), 0.0)


@cache
def rules_of(text: str) -> frozenset[str]:
    return frozenset(match.rule for match in _RULES.find(text))


def kept(tokens: str) -> Callable[[str], bool]:
    """Which tokens a way's model sees."""
    phrases = ("@", "=")
    match tokens:
        case "words":
            return lambda token: not token.startswith(phrases)
        case "phrases":
            return lambda token: token.startswith(phrases)
        case _:
            return lambda token: True


def scores(way: Way, model: Linear | None, texts: Sequence[str]) -> Floats:
    """What a way says of texts."""
    detector = InjectionDetector(InjectionSettings(rules=False, model=model is not None), 0.0, model)
    words = wording.of_injection()
    out: list[float] = []
    for text in texts:
        found = rules_of(text) if way.rules else frozenset[str]()
        if found - {SOUP} or (way.soup and found):
            out.append(RULED)
        else:
            plain = folded(text)
            out.append(detector.likeness(plain, words.hits(plain)))
    return np.array(out)


class Measured(Struct, frozen=True):
    """Of one left-out family, by one way: means over halves and seeds."""

    auroc: float
    recall: tuple[float, ...]
    lookalikes: tuple[float, ...]
    apart: tuple[float, float]
    """AUROC and recall at 1 %."""


def measured(way: Way, family: str, corpus: Injection, questions: Sequence[str]) -> Measured:
    found: list[list[float]] = []
    for seed in SEEDS:
        for side in (0, 1):
            learned = [row for row in corpus.benign if guard_data.half(row.text, seed) == side]
            held = [row.text for row in corpus.benign if guard_data.half(row.text, seed) != side]
            model = None
            if way.tokens:
                attacks = [row for row in corpus.attacks if row.family != family]
                model = linear(injection_model(attacks, learned, questions, kept(way.tokens)))
            benign = scores(way, model, held)
            attack = scores(way, model, corpus.family(family))
            alike = scores(way, model, [row.text for row in corpus.lookalikes])
            apart = scores(way, model, [row.text for row in corpus.apart])
            cuts = [at_share(benign, share) for share in SHARES]
            found.append(
                [
                    auroc(attack, benign),
                    *(float((attack > cut).mean()) for cut in cuts),
                    *(float((alike > cut).mean()) for cut in cuts),
                    auroc(apart, benign),
                    float((apart > cuts[1]).mean()),
                ]
            )
    mean = [float(one) for one in np.mean(found, axis=0)]
    return Measured(mean[0], tuple(mean[1:4]), tuple(mean[4:7]), (mean[7], mean[8]))


def injection_part(data: Path) -> list[str]:
    corpus, questions = guard_data.injection(data), everyday(data)
    many = {family: len(corpus.family(family)) for family in FAMILIES}
    lines = [
        (
            f"| way | {' | '.join(f'{family} ({many[family]})' for family in FAMILIES)} | micro recall at 0.5 / 1 / 5 % "
            "| NotInject flagged at 0.5 / 1 / 5 % | AUROC | BIPIA: AUROC, recall at 1 % |"
        ),
        "| --- " + "| --- " * (len(FAMILIES) + 4) + "|",
    ]
    for way in WAYS:
        by = {family: measured(way, family, corpus, questions) for family in FAMILIES}
        whole = sum(many.values())
        micro = [sum(many[one] * by[one].recall[at] for one in FAMILIES) / whole for at in range(len(SHARES))]
        alike = [sum(by[one].lookalikes[at] for one in FAMILIES) / len(FAMILIES) for at in range(len(SHARES))]
        area = sum(by[one].auroc for one in FAMILIES) / len(FAMILIES)
        apart = [sum(by[one].apart[at] for one in FAMILIES) / len(FAMILIES) for at in (0, 1)]
        lines.append(
            f"| {way.name} | {' | '.join(f'{by[family].recall[1]:.3f}' for family in FAMILIES)} "
            f"| {' / '.join(f'{one:.3f}' for one in micro)} | {' / '.join(f'{one:.3f}' for one in alike)} "
            f"| {area:.3f} | {apart[0]:.3f}, {apart[1]:.3f} |"
        )
        sys.stderr.write(lines[-1] + "\n")
    lines += ["", *rules_part(corpus, data), "", *bundled_part(corpus, data)]
    return lines


def share(texts: Sequence[str], told: Callable[[str], bool]) -> float:
    return sum(map(told, texts)) / len(texts)


def rules_part(corpus: Injection, data: Path) -> list[str]:
    """What single rules find, and on which benign texts."""
    sets = {
        **{family: corpus.family(family) for family in FAMILIES},
        "benign": [row.text for row in corpus.benign],
        "NotInject": [row.text for row in corpus.lookalikes],
        "questions": everyday(data, 1),
    }
    names = sorted({rule for texts in sets.values() for text in texts for rule in rules_of(text)})
    return [
        f"| rule | {' | '.join(f'{name} ({len(texts)})' for name, texts in sets.items())} |",
        "| --- " + "| --- " * len(sets) + "|",
        *(
            f"| `{rule}` | {' | '.join(f'{sum(rule in rules_of(text) for text in texts)}' for texts in sets.values())} |"
            for rule in names
        ),
        f"| any | {' | '.join(f'{sum(bool(rules_of(text)) for text in texts)}' for texts in sets.values())} |",
    ]


def bundled_part(corpus: Injection, data: Path) -> list[str]:
    """What the shipped guard flags at its default thresholds on texts that it did not learn from."""
    settings = InjectionSettings()
    detector = InjectionDetector(settings, 0.5)

    def told(text: str, channel: Channel) -> bool:
        return bool(detector.find_for(Text("", channel, text), Asked(), "request"))

    sets = {
        "NotInject": [row.text for row in corpus.lookalikes],
        "questions that were not learned from": everyday(data, 1),
        "benign code and documents": [row.text for row in guard_data.rows(data, "secrets") if not row.label],
        "BIPIA": [row.text for row in corpus.apart],
    }
    return [
        "| texts | flagged | flagged in the channel `tool` |",
        "| --- | --- | --- |",
        *(
            f"| {name} ({len(texts)}) | {share(texts, lambda text: told(text, 'user')):.3f} "
            f"| {share(texts, lambda text: told(text, 'tool')):.3f} |"
            for name, texts in sets.items()
        ),
    ]


def harm_scores(model: Linear, texts: Sequence[str]) -> Floats:
    ruled = HarmDetector(HarmSettings(model=False), 0.0)
    detector = HarmDetector(HarmSettings(rules=False), 0.0, model)
    words = wording.of_harm()
    out: list[float] = []
    for text in texts:
        plain = folded(text)
        out.append(RULED if ruled.find(text) else detector.likeness(plain, words.hits(plain))[0])
    return np.array(out)


def harm_part(data: Path) -> list[str]:
    found = guard_data.rows(data, "harm")
    harmful, safe = [row for row in found if row.label], [row.text for row in found if not row.label]
    benign = [*(row.text for row in guard_data.injection(data).benign), *everyday(data)]
    lines = [
        (
            "| source left out | texts | AUROC, other benign | AUROC, XSTest safe | recall at 1 % | XSTest safe flagged at 1 % "
            "| recall at 5 % | XSTest safe at 5 % |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for source in sorted({row.source for row in harmful}):
        mean = np.mean([_harm(source, seed, side, harmful, safe, benign) for seed in SEEDS for side in (0, 1)], axis=0)
        many = sum(row.source == source for row in harmful)
        lines.append(f"| {source} | {many} | {' | '.join(f'{one:.3f}' for one in mean)} |")
        sys.stderr.write(lines[-1] + "\n")
    return lines


def _harm(
    source: str, seed: int, side: int, harmful: Sequence[Row], safe: Sequence[str], benign: Sequence[str]
) -> list[float]:
    learned = [text for text in benign if guard_data.half(text, seed) == side]
    model = linear(harm_model([row for row in harmful if row.source != source], learned))
    held = harm_scores(model, [text for text in benign if guard_data.half(text, seed) != side])
    left = harm_scores(model, [row.text for row in harmful if row.source == source])
    alike = harm_scores(model, safe)
    one, five = at_share(held, 0.01), at_share(held, 0.05)
    return [
        auroc(left, held),
        auroc(left, alike),
        float((left > one).mean()),
        float((alike > one).mean()),
        float((left > five).mean()),
        float((alike > five).mean()),
    ]


def speed_part(data: Path) -> list[str]:
    """CPU of the shipped guards."""
    corpus = guard_data.injection(data)
    sets = {
        "benign": [row.text for row in corpus.benign],
        "attacks": [row.text for row in corpus.attacks],
    }
    detectors = {
        "injection: rules and writings": InjectionDetector(InjectionSettings(model=False), 0.5),
        "injection: rules, writings, model": InjectionDetector(InjectionSettings(), 0.5),
        "harm: rules, model": HarmDetector(HarmSettings(), 0.5),
    }
    lines = [
        "| guard | texts | us for 1,000 characters, mean | us for 1 KB, p50 | p95 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, detector in detectors.items():
        for what, texts in sets.items():
            detector.find(texts[0])
            began = process_time_ns()
            for text in texts:
                detector.find(text)
            mean = (process_time_ns() - began) / sum(map(len, texts))
            pieces = ["".join(texts)[at : at + 1024] for at in range(0, 1024 * 400, 1024)]
            took: list[float] = []
            for piece in pieces:
                began = process_time_ns()
                detector.find(piece)
                took.append((process_time_ns() - began) / 1000)
            took.sort()
            p50, p95 = took[len(took) // 2], took[len(took) * 95 // 100]
            lines.append(f"| {name} | {what} | {mean:.0f} | {p50:.0f} | {p95:.0f} |")
    return lines


METHOD = """Of the attacks one family is left out in turn; benign texts are halved by a hash of the text and a seed: one half is learned
from, the other sets the threshold at which 0.5, 1 and 5 % of it are flagged. Means over both halves and seeds 0 and 1. NotInject's
texts are learned from nowhere, and set no threshold. BIPIA's attacks are benign sentences in the wrong channel: they are learned
from nowhere, and stand apart. Besides the corpus, models learn from texts of our own (`bench/tools/guards`: 95 attacks, 138
benign texts with words of attacks, 49 harmless look-alikes of harm) and every 20th question of ZeroEval and every 60th of MMLU-Pro.

What was tuned on what: phrases and rules are written by hand, knowing published attacks, and some were added after a look at this
corpus (languages of cse, counts that rules ask for): their recall is no left-out result, and has a line of its own. The rule `soup` (prose that goes on in unjoined signs)
was written looking at texts of jbb-optim, so the line without it is the one that says what to expect. Texts of our own were
written without NotInject's or XSTest's texts, but knowing what these are for. Rules of harm were chosen on all sources of harm.
Sizes (8,000 tokens, windows of 2,000 characters) and weights were set once, and not searched."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    day = datetime.now(UTC).date().isoformat()
    parts = {
        "Injection: recall at 1 % false positives by family": injection_part(options.data),
        "Harm: one source left out": harm_part(options.data),
        "CPU": speed_part(options.data),
    }
    lines = [f"# Guards against injection and harm, {day}", "", "`python bench/guards_injection.py`", "", METHOD, ""]
    lines += [machine_line(), ""]
    for title, part in parts.items():
        lines += [f"## {title}", "", *part, ""]
    file = options.output / f"{day}-guards-injection.md"
    file.write_text("\n".join(lines))
    sys.stdout.write(f"{file}\n")
    return 0


def machine_line() -> str:
    named = ", ".join(f"{name} {said}" for name, said in versions().items() if name not in {"nginx", "compiler"})
    return f"Machine: {machine()['cpu']}, {machine()['cores']} cores. Versions: {named}."


if __name__ == "__main__":
    sys.exit(main())
