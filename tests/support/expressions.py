"""Facts to write expressions about, and expressions of any shape about them."""

import math
from typing import Any

from hypothesis import strategies as st

from antiphon.core.signal import Declared, FactCost, FactKind, Value

KINDS: dict[str, tuple[FactKind, FactCost]] = {
    "tools.count": ("int", "free"),
    "context.tokens": ("int", "free"),
    "context.share": ("double", "free"),
    "text.language": ("string", "free"),
    "code.present": ("bool", "free"),
    "tools.names": ("strings", "free"),
    "time.now": ("timestamp", "free"),
    "task.name": ("string", "learned"),
    "task.confidence": ("double", "learned"),
    "like.refunds": ("double", "embedding"),
    "own.vip": ("bool", "function"),
    "asked.tone": ("string", "model"),
    "header.x-team": ("string", "free"),
}
ENV = {name: Declared(name=name, kind=kind, cost=cost, says="") for name, (kind, cost) in KINDS.items()}
TEXTS = ("math", "code", "de", "en", "")
INTS = (0, 1, 2, 3, -1, 5)
DOUBLES = ("0.0", "0.5", "1.0", "2.5", "-1.0", "1e300")
FACTS = {name: kind for name, (kind, _) in KINDS.items()}


def _named(*kinds: str) -> list[str]:
    names = [name for name, kind in FACTS.items() if kind in kinds]
    return [name.replace("x-team", "`x-team`") for name in names]


def _numbers() -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(_named("int", "double")), st.sampled_from(INTS).map(str), st.sampled_from(DOUBLES))


def _texts() -> st.SearchStrategy[str]:
    leaf = st.one_of(st.sampled_from(_named("string")), st.sampled_from(TEXTS).map(repr))
    return st.one_of(leaf, leaf, leaf.map("{}.lowerAscii()".format), st.builds("({} + {})".format, leaf, leaf))


def _ints() -> st.SearchStrategy[str]:
    leaf = st.one_of(
        st.sampled_from(_named("int")),
        st.sampled_from(INTS).map(str),
        st.just("size(tools.names)"),
        st.just("9223372036854775807"),
    )
    signs = st.sampled_from("+-*/%")
    return st.one_of(
        st.builds("({} {} {})".format, leaf, signs, leaf),
        st.builds("{} {} {} {} {}".format, leaf, signs, leaf, signs, leaf),
        st.builds("{} {} ({} {} {})".format, leaf, signs, leaf, signs, leaf),
    )


def atoms() -> st.SearchStrategy[str]:
    signs = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
    return st.one_of(
        st.builds("{} {} {}".format, _numbers(), signs, _numbers()),
        st.builds("{} {} {}".format, _ints(), signs, _ints()),
        st.builds("{} {} {}".format, _texts(), st.sampled_from(("==", "!=", "<")), _texts()),
        st.builds(
            "{} in [{}]".format,
            st.sampled_from(_named("string")),
            st.lists(st.sampled_from(TEXTS).map(repr), max_size=3).map(", ".join),
        ),
        st.builds(
            "{} in [{}]".format,
            st.sampled_from(_named("int", "double")),
            st.lists(st.sampled_from(INTS).map(str), max_size=3).map(", ".join),
        ),
        st.builds("{} in tools.names".format, _texts()),
        st.sampled_from(_named("bool")),
        st.sampled_from(("true", "false")),
        st.sampled_from(_named(*set(FACTS.values()))).map("has({})".format),
        st.builds("{}.startsWith({})".format, _texts(), _texts()),
        st.builds("{}.matches('^[a-m]+')".format, _texts()),
        st.builds("tools.names.{}(t, t == {} || t.size() > 3)".format, st.sampled_from(MACROS), _texts()),
        st.builds("[1, 2, 0].{}(n, tools.count / n > 1)".format, st.sampled_from(MACROS)),
        st.builds("size(tools.names.filter(t, t != {})) > {}".format, _texts(), _numbers()),
        st.just("time.now > timestamp('2026-01-01T00:00:00Z')"),
        st.just("time.now.getHours('Europe/Paris') < 12"),
    )


MACROS = ("exists", "all", "exists_one")


def conditions() -> st.SearchStrategy[str]:
    """Texts of conditions over `ENV`, of any shape; all are right."""
    return st.recursive(
        atoms(),
        lambda inner: st.one_of(
            st.builds("({}) && ({})".format, inner, inner),
            st.builds("({}) || ({})".format, inner, inner),
            st.builds("({}) && ({}) && ({})".format, inner, inner, inner),
            st.builds("!({})".format, inner),
            st.builds("({}) ? ({}) : ({})".format, inner, inner, inner),
            st.builds("(({}) ? 1 : 2) > tools.count".format, inner),
        ),
        max_leaves=6,
    )


def rules() -> st.SearchStrategy[str]:
    """Conditions as people write them: comparisons with literals, some of them together."""
    atom = st.one_of(
        st.builds(
            "{} {} {}".format,
            st.sampled_from(_named("int", "double")),
            st.sampled_from(("<", "<=", ">", ">=", "==", "!=")),
            st.one_of(st.sampled_from(INTS).map(str), st.sampled_from(DOUBLES)),
        ),
        st.builds(
            "{} {} {!r}".format,
            st.sampled_from(_named("string")),
            st.sampled_from(("==", "!=")),
            st.sampled_from(TEXTS),
        ),
        st.builds(
            "{} in [{}]".format,
            st.sampled_from(_named("string")),
            st.lists(st.sampled_from(TEXTS).map(repr), max_size=3).map(", ".join),
        ),
        st.sampled_from(_named("bool")),
        st.sampled_from(_named("bool", "string")).map("has({})".format),
        st.sampled_from(("true", "false", "'math' in tools.names", "1 / tools.count > 0")),
    )
    return st.recursive(
        atom,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map(lambda all_: " && ".join(f"({one})" for one in all_)),
            st.lists(inner, min_size=2, max_size=3).map(lambda all_: " || ".join(f"({one})" for one in all_)),
            st.builds("!({})".format, inner),
        ),
        max_leaves=5,
    )


VALUES: dict[FactKind, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": st.one_of(st.sampled_from(INTS), st.sampled_from((2**63 - 1, -(2**63)))),
    "double": st.sampled_from((0.0, 0.5, 1.0, 2.5, -1.0, 1e300, 0.49999999999999994, math.inf, -math.inf, math.nan)),
    "string": st.sampled_from((*TEXTS, "Other")),
    "strings": st.lists(st.sampled_from((*TEXTS, "search")), max_size=3).map(tuple),
    "timestamp": st.sampled_from((0, 1_795_000_000_000_000_000)),
}


def facts() -> st.SearchStrategy[dict[str, Value]]:
    """Values of all facts; some are unknown."""
    return st.fixed_dictionaries(
        {name: st.one_of(st.none(), VALUES[kind], VALUES[kind]) for name, kind in FACTS.items()}
    )
