"""Content that was captured beside a receipt, opened."""

import msgspec
from msgspec import Struct

from antiphon.core.error import AntiphonError
from antiphon.core.ports import Sealer


class Captured(Struct, frozen=True, kw_only=True):
    """A request and what was released of its answer."""

    request: bytes
    answer: bytes
    cut: bool
    """One of them was longer than `storage.capture_most_bytes`."""


_captured = msgspec.msgpack.Decoder(Captured)


def opened(sealed: bytes, sealer: Sealer, tenant: str, receipt_id: str) -> Captured:
    """Raises: StoreError, when it was sealed with another key or for another receipt; AntiphonError, of another form."""
    plain = sealer.unseal(sealed, f"{tenant}/{receipt_id}")
    try:
        return _captured.decode(plain)
    except msgspec.MsgspecError as error:
        raise AntiphonError(f"captured content has another form than this version knows ({error})") from error
