"""What waits for people to approve it, and what became of it, as one of them sees it. Blocks on the store."""

from typing import Literal, get_args

import msgspec
from msgspec import Struct

from antiphon.control.approvals import Book, counted
from antiphon.control.roles import Scope
from antiphon.control.sight import Sight
from antiphon.core.approval import Approval
from antiphon.core.approval_store import SETTLED
from antiphon.core.error import BadRequest, NotFound

MOST = 200
Word = Literal["approved", "modified", "rejected"]
WORDS: tuple[str, ...] = get_args(Word)


class Line(Struct, frozen=True, kw_only=True):
    """An approval, for one who looks at it."""

    approval: Approval
    yes: int
    """So many people have approved what it is for now."""
    mine: bool
    """They have voted."""
    why_not: str
    """Why they may not vote on it now; empty: they may."""


def listed(book: Book, sight: Sight, *, settled: bool) -> list[Line]:
    """Those of the tenants whose approvals they answer that wait, or that are settled, the newest first, without what is to
    be done. Raises: NotAllowed, StoreError.
    """
    sight.need("approve")
    found = book.page(_tenant(sight), SETTLED if settled else ("waiting",), most=MOST)
    return [_line(book, one, sight) for one in found if _sees(one, sight) and (one.state == "waiting") != settled]


def one_of(book: Book, approval_id: str, sight: Sight) -> Line:
    """One with what is to be done; that it was seen is noted.

    Raises: NotAllowed, Erased, StoreError; NotFound, also for those of others.
    """
    sight.need("approve")
    found = book.store.one(approval_id)
    if found is None or not _sees(found, sight):
        raise NotFound(f"there is no approval {approval_id[:64]!r} that you may answer", code="approval_not_found")
    return _line(book, book.view(approval_id, sight.by), sight)


def say(book: Book, seen: Approval, word: str, note: str, instead: str, sight: Sight) -> Approval:
    """Count what somebody says of an approval that they saw.

    Args:
        word: One of `WORDS`.
        instead: With `modified` the whole action that they approve in its place, as JSON.
    Raises: NotFound, NotAllowed, BadRequest, StoreError.
    """
    match word:
        case "approved":
            return book.approve(seen.id, sight.who, note)
        case "rejected":
            return book.reject(seen.id, sight.who, note)
        case "modified":
            return book.modify(seen.id, sight.who, _action(instead), note)
        case _:
            raise BadRequest(f"state: send one of {', '.join(WORDS)}", param="state")


def _line(book: Book, one: Approval, sight: Sight) -> Line:
    return Line(
        approval=one,
        yes=len(counted(one)),
        mine=any(vote.by == sight.by for vote in one.votes),
        why_not=book.why_not(one, sight.who),
    )


def _tenant(sight: Sight) -> str | None:
    """The only tenant whose approvals they answer; None: there are several."""
    tenants = {scope.tenant for scope in sight.who.scopes("approve")}
    return tenants.pop() if len(tenants) == 1 else None


def _sees(one: Approval, sight: Sight) -> bool:
    return sight.who.may("approve", Scope(one.wish.tenant))


def _action(text: str) -> object:
    try:
        return msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadRequest(f"the action in its place is no JSON: {error}", param="instead") from None
