"""What can be told of ordered rules before any request: rules that never decide anything."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from antiphon.expr.condition import Alternative, alternatives
from antiphon.expr.expression import Expression

FindingKind = Literal["never", "shadowed", "duplicate", "conflict"]


class Rule(Struct, frozen=True, kw_only=True):
    """A condition, and what it leads to: any text that is the same where the rules do the same."""

    name: str
    when: Expression
    leads_to: str = ""


class Finding(Struct, frozen=True, kw_only=True):
    """A rule that decides nothing.

    - `never`: it can't be true;
    - `shadowed`: an earlier rule is true wherever it is;
    - `duplicate`: an earlier rule has the same condition and leads to the same;
    - `conflict`: an earlier rule has the same condition and leads elsewhere.
    """

    kind: FindingKind
    rule: str
    by: str = ""
    """The earlier rule."""
    wrong: str
    remedy: str


def analyse(rules: Sequence[Rule]) -> list[Finding]:
    """Findings in the order of the rules, one for each rule at most.

    Told of conditions over comparisons of a fact with literals, `in` literals, bools, `has`, and any `&&`, `||`, `!` and
    `? :` of these; other conditions count as the same where they are written the same. What it says is so; it doesn't
    find everything.
    """
    known = [alternatives(rule.when.root) for rule in rules]
    found: list[Finding] = []
    for at, (rule, when) in enumerate(zip(rules, known, strict=True)):
        if when == ():
            wrong = f"the condition of {rule.name} can never be true: {rule.when.text}"
            found.append(
                Finding(kind="never", rule=rule.name, wrong=wrong, remedy="mend the condition, or leave it out")
            )
            continue
        for earlier, covers in zip(rules[:at], known[:at], strict=True):
            finding = _between(rule, when, earlier, covers)
            if finding is not None:
                found.append(finding)
                break
    return found


def _between(
    rule: Rule, when: tuple[Alternative, ...] | None, earlier: Rule, covers: tuple[Alternative, ...] | None
) -> Finding | None:
    same = rule.when.written == earlier.when.written or (_within(when, covers) and _within(covers, when))
    if same and rule.leads_to == earlier.leads_to:
        wrong = f"{rule.name} has the condition of {earlier.name}, and leads to the same"
        return Finding(kind="duplicate", rule=rule.name, by=earlier.name, wrong=wrong, remedy="leave one of them out")
    if same:
        wrong = f"{rule.name} has the condition of {earlier.name}, and leads elsewhere: it never decides"
        return Finding(kind="conflict", rule=rule.name, by=earlier.name, wrong=wrong, remedy="choose one of them")
    if _within(when, covers):
        wrong = f"{rule.name} never decides: {earlier.name} before it is true wherever it is"
        remedy = f"put it before {earlier.name}, or leave it out"
        return Finding(kind="shadowed", rule=rule.name, by=earlier.name, wrong=wrong, remedy=remedy)
    return None


def _within(one: tuple[Alternative, ...] | None, other: tuple[Alternative, ...] | None) -> bool:
    """Whether the other is true where the one is. False may mean that it isn't known."""
    if one is None or not other:
        return False
    return all(any(part.within(whole) for whole in other) for part in one)
