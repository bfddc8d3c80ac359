"""Names that are written in an expression, among those that there are."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import get_args

from antiphon.core.signal import Declared, FactCost
from antiphon.expr.error import ExpressionError
from antiphon.expr.kinds import of_fact
from antiphon.expr.tree import Name
from antiphon.expr.typed import Fact

COSTS: tuple[FactCost, ...] = get_args(FactCost)
"""The cheapest first."""


def guess(name: str, known: Iterable[str], otherwise: str) -> str:
    """What to write in place of a name that there isn't."""
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else otherwise


def fact(node: Name, env: Mapping[str, Declared], text: str) -> Fact:
    """The fact of a name. Raises: ExpressionError, when none is declared."""
    name = ".".join(node.parts)
    found = env.get(name)
    if found is not None:
        return Fact(of_fact(found.kind), name, found.kind, COSTS.index(found.cost))
    wrong, remedy = f"there is no fact `{name}`", guess(name, env, "the facts stand in the reference of signals")
    shorter = [".".join(node.parts[:end]) for end in range(1, len(node.parts))]
    whole = [one for one in shorter if one in env]
    if whole:
        wrong = f"the fact `{whole[-1]}` has no field `{'.'.join(node.parts[len(whole[-1].split('.')) :])}`"
    elif text[node.at + len(name) :].lstrip()[:1] == "-" and len(node.parts) > 1:
        remedy = f"a name with a hyphen stands in backticks: `{'.'.join(node.parts[:-1])}.`{node.parts[-1]}-…``"
    raise ExpressionError(text, node.at, wrong, remedy, token=name[:80])
