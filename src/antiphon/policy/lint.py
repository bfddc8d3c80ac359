"""What is odd in policies that hold: what never decides, what says too much, what names nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from antiphon.core.data_class import DATA_CLASSES
from antiphon.policy.clauses import ANYTHING, Clauses, clauses
from antiphon.policy.impossible import impossible
from antiphon.policy.reads import Reading, Readings, Spot, readings
from antiphon.policy.rule import Rule

Kind = Literal["unreachable", "contradictory", "never", "over_broad", "duplicate", "unknown_name", "unused"]


class Oddity(Struct, frozen=True, kw_only=True):
    """One finding."""

    kind: Kind
    id: str
    """Of the policy; empty: of none."""
    file: str
    line: int
    what: str


class Known(Struct, frozen=True, kw_only=True):
    """Names that the configuration has; None: they are not known, and not judged."""

    words: Mapping[Spot, Collection[str]] = {}
    guards: Collection[str] | None = None
    recipes: Collection[str] | None = None
    terms: Collection[str] = ()
    """Terms of deployments."""


FIXED: Mapping[Spot, Collection[str]] = {
    ("context", "data_class"): DATA_CLASSES,
    ("context", "budget"): ("ok", "low", "spent"),
    ("context", "modalities"): ("text", "image", "audio", "file"),
    ("principal", "clearance"): (*DATA_CLASSES, ""),
    ("resource", "zone"): ("public", "private"),
}
"""Attributes whose values are fixed."""


def lint(rules: Sequence[Rule], known: Known) -> list[Oddity]:
    """All findings, in the order of the policies."""
    parts = [clauses(rule) for rule in rules]
    found = [one for at in range(len(rules)) for one in _of(at, rules, parts, known)]
    return [*found, *_unused(rules, known)]


def _of(at: int, rules: Sequence[Rule], parts: Sequence[Clauses], known: Known) -> Iterator[Oddity]:
    rule, part = rules[at], parts[at]
    why = impossible(part)
    if why:
        yield _odd("never", rule, f"it never holds: {why}")
    yield from _covered(at, rules, parts)
    if rule.effect == "permit" and not part.conditions and part.principal == part.resource == ANYTHING:
        yield _odd("over_broad", rule, f"it permits {' and '.join(rule.actions)} to anybody, whatever it is about")
    yield from _unknown(rule, known)


def _covered(at: int, rules: Sequence[Rule], parts: Sequence[Clauses]) -> Iterator[Oddity]:
    """A forbid that holds wherever this one does, or one that says the same."""
    rule, part = rules[at], parts[at]
    for other_at, (other, covering) in enumerate(zip(rules, parts, strict=True)):
        if other_at == at or not covering.covers(part) or other.tenant not in ("", rule.tenant):
            continue
        if covering == part and other.effect == rule.effect and other.obligations == rule.obligations:
            if other_at < at:
                yield _odd("duplicate", rule, f"{other.id} says the same ({other.file}:{other.line})")
                return
        elif other.effect == "forbid" and _decides(other) and (rule.effect == "permit" or covering != part):
            kind: Kind = "contradictory" if covering.conditions else "unreachable"
            yield _odd(kind, rule, f"{other.id} forbids all that it is about ({other.file}:{other.line})")
            return


def _decides(rule: Rule) -> bool:
    return rule.mode == "enforce" and rule.share >= 1 and not rule.asks


def _unknown(rule: Rule, known: Known) -> Iterator[Oddity]:
    read: Readings = readings((rule,))
    for spot, names in {**FIXED, **known.words}.items():
        reading: Reading | None = read.get(spot)
        for word in sorted(set() if reading is None else reading.words - set(names)):
            what = f"{spot[0]}" if spot[1] == "uid" else ".".join(spot)
            near = ", ".join(sorted(names)[:8]) or "none"
            yield _odd("unknown_name", rule, f"{what} is never {word!r}; there are: {near}")
    obliged = rule.obligations
    for what, words, names in (
        ("guard", obliged.guards, known.guards),
        ("recipe", obliged.recipes or (), known.recipes),
    ):
        for word in () if names is None else sorted(set(words) - set(names)):
            yield _odd(
                "unknown_name", rule, f"there is no {what} {word!r}; there are: {', '.join(sorted(names or ()))}"
            )


def _unused(rules: Sequence[Rule], known: Known) -> Iterator[Oddity]:
    """Terms of deployments that nothing reads."""
    reading = readings(rules).get(("resource", "terms"))
    read = set[str]() if reading is None else reading.words
    if reading is not None and reading.whole:
        return
    for term in sorted(set(known.terms) - read):
        yield Oddity(kind="unused", id="", file="", line=0, what=f"no policy reads the term {term!r} of deployments")


def _odd(kind: Kind, rule: Rule, what: str) -> Oddity:
    return Oddity(kind=kind, id=rule.id, file=rule.file, line=rule.line, what=what)
