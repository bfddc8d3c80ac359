"""Learns the small models, and says how right they are on what they were not learned from."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from antiphon.signals import features, learned
from antiphon.signals.make_data import Row, Seeds, labelled, split, stem
from antiphon.signals.make_learned import (
    Example,
    Fitted,
    cooling,
    fit,
    fit_share,
    interval,
    packed,
    reliability,
)
from antiphon.signals.shape import code_in, math_in, options

TASKS = ("agentic", "answer", "chat", "classify", "code", "creative", "extract", "math", "reason", "transform")
TASK_TOKENS = 6000
DOMAIN_TOKENS = 7000
LEXICON = 4
"""Times that each word of the lexicon is shown."""
PROMPTS_SHOWN = 4
BALANCE = 0.7
SURE = 0.7
PROMPTS = "our templates"
MMLU = "MMLU-Pro's questions (Apache-2.0, TIGER-AI-Lab/MMLU-Pro f418b11)"
ZERO = "ZeroEval's (Apache-2.0, WildEval/ZeroEval 8c1485e)"
_OF_DATASET = {"gsm": "math", "math-l5": "math", "crux": "code"}


def make_models(seeds: Seeds, day: str) -> Iterator[tuple[str, Any, str]]:
    """Name of the file, what it holds, and how right it is."""
    mmlu, mmlu_out = split(seeds.rows("mmlupro"))
    zero, zero_out = split(seeds.rows("zeroeval"))
    yield _domain(seeds, mmlu, mmlu_out, day)
    learned.domains.cache_clear()
    yield _task(seeds, (mmlu, zero), (mmlu_out, zero_out), day)
    yield _difficulty([*mmlu, *zero], [*mmlu_out, *zero_out], day)


def _domain(seeds: Seeds, rows: list[Row], held_out: list[Row], day: str) -> tuple[str, Any, str]:
    def seen(domain: str, text: str, weight: float = 1.0) -> Example:
        return Example(tuple(sorted(features.of_domain(text))), domain, weight)

    examples = [seen(*one) for one in labelled(rows)]
    examples += [seen(domain, stem(text), 0.5) for domain, text in labelled(rows)]
    for domain, text in seeds.domains():
        examples += [seen(domain, text)] * 12
    examples += [seen("computing", text, 0.3) for task, text in seeds.tasks() if task == "code"]
    examples += [seen("math", text, 0.3) for task, text in seeds.tasks() if task == "math"]
    examples += [seen("other", text, 0.2) for task, text in seeds.tasks() if task in {"chat", "creative"}]
    names = sorted({example.label for example in examples})
    fitted = fit(examples, names, DOMAIN_TOKENS, rooted=True)
    test = [seen(*one) for one in labelled(held_out)]
    bare = [seen(domain, stem(text)) for domain, text in labelled(held_out)]
    cooled = cooling(fitted, [*test[::2], *bare[::2]])
    rest, bare = test[1::2], bare[1::2]
    report = f"{_report(fitted, rest, cooled)}; without options {_report(fitted, bare, cooled)}"
    return "domain", {"domain": packed(fitted, source=f"{MMLU}, and {PROMPTS}, {day}", cooled=cooled)}, report


def _seen(task: str, text: str, weight: float = 1.0) -> Example:
    code = code_in(text)
    tokens = features.of_task(text, code=code, math=math_in(text, code=code), choice=options(text) > 0)
    return Example(tuple(sorted(tokens)), task, weight)


def _task(
    seeds: Seeds, rows: tuple[list[Row], list[Row]], held_out: tuple[list[Row], list[Row]], day: str
) -> tuple[str, Any, str]:
    examples = [_seen(*one) for one in seeds.tasks()]
    examples += [Example(tuple(sorted(set(features.words(text)))), task) for task, text in seeds.lexicon()] * LEXICON
    examples += [_seen(*one) for one in seeds.prompts("developed-on")] * PROMPTS_SHOWN
    examples += _recorded(*rows, every=4)
    fitted = fit(_balanced(examples), TASKS, TASK_TOKENS)
    ours = [_seen(*one) for one in seeds.prompts("held-out")]
    theirs = _recorded(*held_out, every=1)
    cooled = cooling(fitted, [*ours[::2], *theirs[:: 2 * len(theirs) // len(ours)]])
    sure = [one for one, chances in zip(ours, fitted.chances(ours, cooled), strict=True) if chances.max() >= SURE]
    report = (
        f"prompts of ours {_report(fitted, ours, cooled)}; those with confidence {SURE} {_report(fitted, sure, cooled)}; "
        f"recorded {_report(fitted, theirs, cooled)}"
    )
    source = f"{PROMPTS}, {MMLU} and {ZERO}, {day}"
    return "task", {"task": packed(fitted, source=source, cooled=cooled)}, report


def _balanced(examples: list[Example]) -> list[Example]:
    """Rare classes weigh more, so that no class is guessed for being frequent here."""
    many = Counter(example.label for example in examples)
    mean = len(examples) / len(many)
    return [
        Example(example.tokens, example.label, example.weight * (mean / many[example.label]) ** BALANCE)
        for example in examples
    ]


def _recorded(mmlu: list[Row], zero: list[Row], *, every: int) -> list[Example]:
    """Questions whose task is known by where they come from; computer science asks for either, and is left out."""
    found = [
        _seen("math" if row.category == "math" else "reason", row.prompt)
        for row in mmlu[::every]
        if row.category != "computer science"
    ]
    return found + [_seen(_OF_DATASET[row.category], row.prompt) for row in zero[:: max(every // 3, 1)]]


def _difficulty(rows: list[Row], held_out: list[Row], day: str) -> tuple[str, Any, str]:
    def hardness(row: Row) -> dict[str, float]:
        code = code_in(row.prompt)
        return dict(learned.hardness(row.prompt, code=code, math=math_in(row.prompt, code=code)))

    bias, weights = fit_share([hardness(row) for row in rows], [row.failed for row in rows])
    made = learned.Difficulty(source=f"{MMLU} and {ZERO}, {day}", bias=bias, weights=weights)
    scores = [bias + sum(weights[name] * much for name, much in hardness(row).items()) for row in held_out]
    return (
        "difficulty",
        made,
        f"rank correlation {_ranked(scores, [row.failed for row in held_out]):.3f}, {len(held_out)}",
    )


def _ranked(one: list[float], other: list[float]) -> float:
    """Spearman's rank correlation."""

    def ranks(values: list[float]) -> list[float]:
        order = sorted(range(len(values)), key=values.__getitem__)
        found = [0.0] * len(values)
        for place, at in enumerate(order):
            found[at] = float(place)
        return found

    first, second = ranks(one), ranks(other)
    middle = (len(one) - 1) / 2
    top = sum((a - middle) * (b - middle) for a, b in zip(first, second, strict=True))
    return top / sum((a - middle) ** 2 for a in first)


def _report(fitted: Fitted, test: list[Example], cooled: float) -> str:
    chances = fitted.chances(test, cooled)
    share, error = reliability(chances, [fitted.names.index(example.label) for example in test])
    low, high = interval(round(share * len(test)), len(test))
    return f"{share:.3f} [{low:.3f}, {high:.3f}] of {len(test)}, calibration error {error:.3f}"
