"""The one typed expression language of Antiphon, with CEL's meaning: rules, conditions, scores.

`compile` reads, checks and compiles; `Index` finds the first of many rules; `analyse` tells which rules decide nothing.
"""

from antiphon.expr.analyse import Finding, Rule, analyse
from antiphon.expr.error import ExpressionError
from antiphon.expr.evaluate import Lookup
from antiphon.expr.expression import Expression, compile  # noqa: A004  # as re.compile
from antiphon.expr.index import Index, Traced
from antiphon.expr.kinds import Gives
from antiphon.expr.outcome import Outcome

__all__ = [
    "Expression",
    "ExpressionError",
    "Finding",
    "Gives",
    "Index",
    "Lookup",
    "Outcome",
    "Rule",
    "Traced",
    "analyse",
    "compile",
]
