"""Names given with `*` at the end for all that begin so."""

from collections.abc import Iterable


def fits(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of them."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in patterns)
