"""Receipts that have a score: page by page, the same in every database."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from antiphon.store.database import joined
from antiphon.store.live import span

PAGE_RECEIPTS = 200
"""Each is some kilobytes; captured content is not among them."""


def statement(named: str) -> str:
    """A page. `named`: how the database marks a parameter, with `{}` for its name."""
    tenant, behind, last, since, until = (named.format(name) for name in ("tenant", "behind", "last", "since", "until"))
    return f"""
        SELECT rated.receipt, receipts.body, receipts.basis, bases.tail
        FROM (
            SELECT DISTINCT receipt FROM scores
            WHERE tenant = {tenant} AND receipt > {behind} AND receipt < {last}
            ORDER BY receipt LIMIT {PAGE_RECEIPTS}
        ) AS rated
        LEFT JOIN receipts ON receipts.id = rated.receipt AND receipts.tenant = {tenant}
            AND receipts.at_ns >= {since} AND receipts.at_ns < {until}
        LEFT JOIN bases ON bases.id = receipts.basis
        ORDER BY rated.receipt
    """  # noqa: S608 - of constants


def bodies(
    page: Callable[[Mapping[str, Any]], Sequence[Any]], tenant: str, since_ns: int, until_ns: int
) -> Generator[bytes]:
    """JSON of receipts, in order of their ids. Scores whose receipts are gone or of another time lead to nothing.

    Raises: StoreError.
    """
    given = span(since_ns, until_ns) | {"tenant": tenant}
    given["behind"] = given.pop("first")
    while found := page(given):
        for _, body, basis, tail in found:
            whole = None if body is None else joined((body, basis, tail))
            if whole is not None:
                yield whole
        given = {**given, "behind": found[-1][0]}
