"""An expression that is ready: read, checked against the declared facts, compiled."""

from collections.abc import Mapping

from antiphon.core.signal import Declared, FactCost
from antiphon.expr.check import check
from antiphon.expr.code import RAISED, code
from antiphon.expr.evaluate import Lookup, evaluate
from antiphon.expr.kinds import Gives, Kind
from antiphon.expr.names import COSTS
from antiphon.expr.outcome import FALSE, TRUE, Outcome
from antiphon.expr.parse import parse
from antiphon.expr.typed import Typed, facts, rank
from antiphon.expr.written import written


class Expression:
    """Pure: the same facts give the same outcome. Safe to share between threads."""

    __slots__ = ("_run", "cost", "gives", "names", "root", "text", "written")

    def __init__(self, text: str, root: Typed, canonical: str) -> None:
        self.text = text
        """As it was given."""
        self.written = canonical
        """The same in one form: single spaces, texts in single quotes, no needless parentheses."""
        self.root = root
        self.gives: Kind = root.kind
        found = sorted(facts(root), key=lambda fact: fact.rank)
        self.names = tuple(dict.fromkeys(fact.name for fact in found))
        """Facts that it may look at, the cheapest first."""
        self.cost: FactCost = COSTS[rank(root)]
        """Of the dearest of them."""
        self._run = code(root) if root.kind == "bool" else None

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def holds(self, lookup: Lookup) -> bool:
        """Whether it is true; not so when it is false, unknown, an error or no condition."""
        if self._run is None:
            return False
        try:
            return self._run(lookup) is True
        except RAISED:
            return evaluate(self.root, lookup).value is True

    def value(self, lookup: Lookup) -> Outcome:
        """What it gives, or why it gives nothing. Facts are looked up where it takes them, cheap ones first."""
        if self._run is not None:
            try:
                found = self._run(lookup)
            except RAISED:
                found = None
            if found is not None:
                return TRUE if found else FALSE
        return evaluate(self.root, lookup)


def compile(text: str, env: Mapping[str, Declared], gives: Gives = "bool") -> Expression:  # noqa: A001  # as re.compile
    """An expression over declared facts.

    Args:
        env: Facts by name; only those that the text names are asked for, so that it may declare them by use.
        gives: What it has to give.
    Raises: ExpressionError, with the first mistake.
    """
    tree = parse(text)
    return Expression(text, check(tree, text, env, gives), written(tree))
