"""Signed statements of how far a chain has come, for outside the database.

Source: C2SP tlog-checkpoint (https://c2sp.org/tlog-checkpoint, 2025).
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Sequence
from urllib.parse import quote, unquote

from msgspec import Struct

from antiphon.control.audit_chain import root_at
from antiphon.control.merkle import HASH_BYTES, Frontier
from antiphon.core.audit_store import AuditStore, Checkpoint, Head
from antiphon.vault.signing import Key, Signer, checked, note

MOST_DIGITS = 19


class Stated(Struct, frozen=True):
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes


class Rewritten(Exception):
    """A chain is not what an earlier checkpoint says that it was: nothing is signed any more."""


def origin_of(name: str, tenant: str) -> str:
    """What a tenant's chain is called in checkpoints; the gateway's own has the name alone."""
    return f"{name}/{quote(tenant, safe='', errors='surrogatepass')}" if tenant else name


def tenant_of(name: str, origin: str) -> str | None:
    """Whose chain has this name; None: it is none of this gateway's."""
    if origin == name:
        return ""
    rest = origin.removeprefix(f"{name}/")
    return unquote(rest) if rest != origin and "/" not in rest else None


def text_of(stated: Stated) -> bytes:
    return f"{stated.origin}\n{stated.size}\n{b64encode(stated.root).decode()}\n".encode()


def stated_in(text: bytes) -> Stated:
    """What the text of a note says. Raises: ValueError."""
    origin, size, root = [*text.decode("utf-8", "replace").split("\n"), "", "", ""][:3]
    try:
        hashed = b64decode(root, validate=True)
    except binascii.Error:
        hashed = b""
    if not origin or not (size.isascii() and size.isdigit()) or len(size) > MOST_DIGITS or len(hashed) != HASH_BYTES:
        raise ValueError("it is no checkpoint")
    return Stated(origin, int(size), hashed)


def read(signed: bytes, keys: Sequence[Key]) -> Stated:
    """What a checkpoint says that one of these keys signed. Raises: ValueError."""
    return stated_in(checked(signed, keys))


def signed(head: Head, name: str, signers: Sequence[Signer], at_ns: int) -> Checkpoint:
    """State how far a chain has come."""
    stated = Stated(origin_of(name, head.tenant), head.size, Frontier(head.size, head.frontier).root)
    return Checkpoint(tenant=head.tenant, size=head.size, at_ns=at_ns, note=note(text_of(stated), signers))


def check_goes_on(store: AuditStore, head: Head, before: bytes, name: str) -> None:
    """Whether a chain goes on from an earlier checkpoint of its own. Raises: Rewritten."""
    try:
        stated = stated_in(before)
    except ValueError as error:
        raise Rewritten(f"the last checkpoint of {origin_of(name, head.tenant)} can't be read: {error}") from None
    if stated.origin != origin_of(name, head.tenant):
        return  # the name was another one then
    if stated.size > head.size:
        raise Rewritten(f"{stated.origin} has {head.size} events, and a checkpoint says that it had {stated.size}")
    if root_at(store, head.tenant, stated.size) != stated.root:
        raise Rewritten(f"the first {stated.size} events of {stated.origin} are not those that a checkpoint states")
