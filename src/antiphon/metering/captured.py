"""Content that was captured beside a receipt, opened."""

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError, Erased
from antiphon.core.ports import Sealer
from antiphon.core.vault_store import Content
from antiphon.metering.frames import Kind


class Captured(Struct, frozen=True, kw_only=True):
    """A request and what was released of its answer."""

    request: bytes
    answer: bytes
    cut: bool
    """One of them was longer than `storage.capture_most_bytes`."""


_captured = msgspec.msgpack.Decoder(Captured)
_content = msgspec.msgpack.Decoder(Content)


def content(kind: Kind, receipt_id: str, payload: bytes) -> Content:
    """What a record of the kind `CAPTURED`, or of the older `CONTENT`, holds."""
    if kind is Kind.CAPTURED:
        return _content.decode(payload)
    tenant, _, sealed = payload.partition(b"\0")
    return Content(receipt_id, tenant.decode(), sealed)


def opened(sealed: bytes, sealer: Sealer, tenant: str, receipt_id: str) -> Captured:
    """Raises: Erased; StoreError, when it was sealed with another key or for another receipt; AntiphonError, of another form."""
    if not sealed:
        raise Erased(f"the content of receipt {receipt_id} was erased")
    plain = sealer.unseal(sealed, f"{tenant}/{receipt_id}")
    try:
        return _captured.decode(plain)
    except msgspec.MsgspecError as error:
        raise AntiphonError(f"captured content has another form than this version knows ({error})") from error
