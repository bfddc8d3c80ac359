"""`GET /v1/approvals/{id}`: how an approval stands, for whoever asked for it; `DELETE` takes it back."""

import asyncio
from functools import partial

import msgspec

from antiphon.control.approvals import Book
from antiphon.control.approvals_shown import shown
from antiphon.core.error import NotFound, WrongMethod
from antiphon.core.principal import Principal
from antiphon.governance.approving import by_of

PREFIX = b"/v1/approvals/"
JSON = b"content-type: application/json\r\ncache-control: no-store\r\n"


async def answer(method: bytes, approval_id: str, book: Book, principal: Principal) -> tuple[bytes, bytes]:
    """Header lines and body. Raises: NotFound, also for those of others; WrongMethod, BadRequest, StoreError."""
    if method not in (b"GET", b"HEAD", b"DELETE"):
        raise WrongMethod("/v1/approvals/{id} takes GET and DELETE only", allow="GET, HEAD, DELETE")
    found = await asyncio.to_thread(book.find, approval_id, principal.tenant)
    by = by_of(principal)
    if found is None or found.wish.by != by:
        raise NotFound(f"there is no approval {approval_id[:64]!r} of yours", code="approval_not_found")
    if method == b"DELETE":
        found = await asyncio.to_thread(partial(book.cancel, found.id, by, tenant=principal.tenant))
    return JSON, msgspec.json.encode(shown(found))
