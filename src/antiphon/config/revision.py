"""Names a configuration by what it says."""

from hashlib import sha256

import msgspec
from msgspec import Struct

from antiphon.config.plain import fingerprint, plain
from antiphon.config.settings import Settings


class Revision(Struct, frozen=True, kw_only=True):
    """Hash of everything that requests are decided under, and of each section of it."""

    id: str
    """16 hexadecimal digits."""
    parts: dict[str, str]
    """The same for each section by name."""


def revision(settings: Settings) -> Revision:
    """Same settings, same revision; secrets count by their digests.

    The order of names counts too: candidates of a route stand in the order of the file.
    """
    tree = plain(settings, fingerprint)
    return Revision(id=_hash(tree), parts={section: _hash(value) for section, value in tree.items()})


def _hash(value: object) -> str:
    return sha256(msgspec.json.encode(value)).hexdigest()[:16]
