"""Who is at the other end of a connection: its address, and the names of its certificate where TLS verified one."""

from asyncio import Transport
from collections.abc import Iterator
from typing import Any

from antiphon.core.peer import NameKind, Peer

MOST_NAMES = 64
"""Of one certificate that are looked at."""
LONGEST_NAME = 512
_KINDS: dict[str, NameKind] = {"URI": "uri", "DNS": "dns", "email": "email"}


def peer_of(transport: Transport) -> Peer:
    """What a connection knows of its other end."""
    place: tuple[Any, ...] | str | None = transport.get_extra_info("peername")
    address = str(place[0]) if isinstance(place, tuple) and place else ""
    certificate = transport.get_extra_info("peercert")
    return Peer(address, tuple(_names(certificate)) if certificate else ())


def _names(certificate: dict[str, Any]) -> Iterator[tuple[NameKind, str]]:
    """Names as `ssl.SSLSocket.getpeercert` tells them: it does so only of a certificate that was verified.

    The common name counts only where there is exactly one: of several, the reader would have to guess.
    """
    for kind, name in certificate.get("subjectAltName", ())[:MOST_NAMES]:
        if kind in _KINDS and _plain(name):
            yield _KINDS[kind], name
    common = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    if len(common) == 1 and _plain(common[0]):
        yield "cn", common[0]


def _plain(name: str) -> bool:
    """Whether a name is what rules are written for: one line, of no strange length. It becomes part of records."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable()
