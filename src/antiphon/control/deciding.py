"""Approvals that are settled by whoever may, over protocols that have no page for them."""

import asyncio
from collections.abc import Awaitable, Callable

from antiphon.control.approvals import Book
from antiphon.control.who import who_is
from antiphon.core.error import NotFound, Unavailable
from antiphon.core.principal import Principal


def deciding(book: Callable[[], Book | None]) -> Callable[[Principal, str, bool, str], Awaitable[None]]:
    """Settles an approval of the caller's tenant in their name: yes or no, and a note.

    Args:
        book: Of the present revision; None: nobody is asked here.
    Raises, when it is called: NotFound, NotAllowed, BadRequest, Unavailable, StoreError.
    """

    async def decide(principal: Principal, approval_id: str, approve: bool, note: str) -> None:  # noqa: FBT001 - of the port
        kept = book()
        if kept is None:
            raise Unavailable("approvals are off here; turn `approvals` on")
        if await asyncio.to_thread(kept.find, approval_id, principal.tenant) is None:
            raise NotFound(f"there is no approval {approval_id[:64]!r}", code="approval_not_found")
        settle = kept.approve if approve else kept.reject
        await asyncio.to_thread(settle, approval_id, who_is(principal), note)

    return decide
