"""Where a request came from, as its connection says it: no header has a part in it."""

from typing import Literal

from msgspec import Struct

NameKind = Literal["uri", "dns", "email", "cn"]
"""Names of a certificate, the most telling first: three kinds of its SubjectAltName, and its subject's common name."""


class Peer(Struct, frozen=True, gc=False):
    """The other end of a connection."""

    address: str = ""
    """Of the network; empty: it has none."""
    names: tuple[tuple[NameKind, str], ...] = ()
    """Of its certificate, which was verified; empty: it showed none."""


UNKNOWN = Peer()
