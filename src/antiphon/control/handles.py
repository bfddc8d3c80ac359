"""Ids of files and batches as callers see them: they say where a thing is, and open for its tenant alone."""

import binascii
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal

from msgspec import Struct

from antiphon.core.error import NotFound, UpstreamMalformed
from antiphon.core.ports import Sealer

Kind = Literal["lines", "file", "batch"]
"""`lines`: a file whose every line was checked when it came, so that a batch may run it."""
_PREFIXES: dict[Kind, str] = {"lines": "file-", "file": "file-", "batch": "batch_"}
_MARKS: dict[Kind, str] = {"lines": "l", "file": "f", "batch": "b"}
_KINDS: dict[str, Kind] = {mark: kind for kind, mark in _MARKS.items()}
_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
STAMP_BYTES = 12
"""96 bits: a guess costs a request, and 2**96 of them."""
TAG_BYTES = 9
MOST_CHARACTERS = 512


class Thing(Struct, frozen=True, kw_only=True):
    """What an id stands for."""

    kind: Kind
    account: str
    id: str
    """The provider's own."""


class Handles(Struct, frozen=True):
    """Makes and opens ids of one tenant."""

    sealer: Sealer
    tenant: str

    def wrap(self, kind: Kind, account: str, own: str) -> str:
        """The id that a tenant is given; the same each time. Raises: UpstreamMalformed, where the provider's is none."""
        if not _ID.fullmatch(own) or own in (".", ".."):
            raise UpstreamMalformed(f"{account} answered with an id that is none: {own[:64]!r}")
        text = f"{_MARKS[kind]}{account}\0{own}".encode()
        return _PREFIXES[kind] + urlsafe_b64encode(self._stamp(text) + text).decode().rstrip("=")

    def unwrap(self, handle: str, *kinds: Kind) -> Thing:
        """What an id of one of these kinds stands for. Raises: NotFound, for another tenant's as for none."""
        found = self._open(handle)
        if found is None or found.kind not in kinds:
            what = "batch" if kinds == ("batch",) else "file"
            raise NotFound(f"there is no {what} {handle[:80]!r} of this tenant", param="id")
        return found

    def _open(self, handle: str) -> Thing | None:
        for prefix in ("file-", "batch_"):
            if handle.startswith(prefix) and len(handle) <= MOST_CHARACTERS:
                body = handle.removeprefix(prefix)
                try:
                    said = urlsafe_b64decode(body + "=" * (-len(body) % 4))
                    text = said[STAMP_BYTES:].decode()
                except (ValueError, binascii.Error):
                    return None
                if not hmac.compare_digest(said[:STAMP_BYTES], self._stamp(text.encode())):
                    return None
                kind = _KINDS[text[0]]
                account, _, own = text[1:].partition("\0")
                return Thing(kind=kind, account=account, id=own) if _PREFIXES[kind] == prefix else None
        return None

    def _stamp(self, text: bytes) -> bytes:
        return self.sealer.stamp(b"id\0%b\0%b" % (self.tenant.encode(), text))[:STAMP_BYTES]

    @property
    def tag(self) -> str:
        """Marks what is a tenant's where the provider keeps it: 12 characters that say nothing of its name."""
        return urlsafe_b64encode(self.sealer.stamp(b"tag\0" + self.tenant.encode())[:TAG_BYTES]).decode()
