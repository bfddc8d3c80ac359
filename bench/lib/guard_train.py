"""What the small models of guards are learned from, and how much each text counts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from antiphon.guards import harm as of_harm
from antiphon.guards import injection as of_injection
from antiphon.guards import wording
from antiphon.guards.folding import folded
from antiphon.guards.injection_features import tokens

from .guard_data import Row, own, prompts
from .guard_fit import Example, Fitted, example, fit

MOST_TOKENS = 8000
OWN_WEIGHT = 3.0
"""Texts that were written for this count three times."""
EVERY = {"zeroeval": 20, "mmlupro": 60}
"""Of these questions every so many-th is a benign text to learn from."""


@cache
def seen_by_injection(text: str) -> tuple[str, ...]:
    """A text's tokens: of its first window."""
    plain = folded(text)[: of_injection.WINDOW]
    return tuple(sorted(tokens(plain, wording.of_injection().hits(plain))))


@cache
def seen_by_harm(text: str) -> tuple[str, ...]:
    plain = folded(text)[: of_harm.WINDOW]
    return tuple(sorted(tokens(plain, wording.of_harm().hits(plain))))


def everyday(data: Path, first: int = 0) -> list[str]:
    """Questions of benchmarks."""
    return [text for name, every in EVERY.items() for text in prompts(data, name, every, first)]


def injection_model(
    attacks: Sequence[Row],
    benign: Iterable[Row],
    everyday: Sequence[str],
    kept: Callable[[str], bool] | None = None,
) -> Fitted:
    """Families count by the root of how many texts they have; attacks and benign texts count alike.

    Args:
        kept: Tokens that are learned on; None: all.
    """
    many = Counter(row.family for row in attacks)
    ours = own("attacks")
    positive = [(row.text, many[row.family] ** -0.5) for row in attacks]
    positive += [(text, OWN_WEIGHT * (OWN_WEIGHT * len(ours)) ** -0.5) for text in ours]
    negative = [(row.text, 1.0) for row in benign] + [(text, OWN_WEIGHT) for text in own("benign")]
    negative += [(text, 1.0) for text in everyday]

    def seen(text: str) -> tuple[str, ...]:
        found = seen_by_injection(text)
        return found if kept is None else tuple(filter(kept, found))

    return fit(_balanced(positive, negative, seen), MOST_TOKENS)


def harm_model(harmful: Sequence[Row], benign: Iterable[str]) -> Fitted:
    """Sources count by the root of how many texts they have."""
    many = Counter(row.source for row in harmful)
    positive = [(row.text, many[row.source] ** -0.5) for row in harmful]
    negative = [(text, 1.0) for text in benign] + [(text, OWN_WEIGHT) for text in own("benign")]
    negative += [(text, OWN_WEIGHT) for text in own("harmless")]
    return fit(_balanced(positive, negative, seen_by_harm), MOST_TOKENS)


def _balanced(
    positive: Sequence[tuple[str, float]],
    negative: Sequence[tuple[str, float]],
    seen: Callable[[str], tuple[str, ...]],
) -> list[Example]:
    each = (len(positive) + len(negative)) / 2
    out: list[Example] = []
    for label, found in ((1.0, positive), (0.0, negative)):
        share = each / sum(weight for _, weight in found)
        out += (example(seen(text), label, weight * share) for text, weight in found)
    return out
