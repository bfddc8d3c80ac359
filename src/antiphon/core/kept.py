"""What callers leave to be kept between requests, as it is stored: whose it is, for how long, and nothing that can be read."""

from collections.abc import Iterable

from msgspec import Struct


class Entry(Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """One thing that is kept, or the word that it is gone. The same key is written again when it changes."""

    key: str
    """Names it among everything that is kept: 36 characters."""
    tenant: str
    part_of: str = ""
    """Key of the whole that it is a part of; it is gone with that. Empty: it is a whole."""
    at_ns: int
    """When it was written: UTC, ns since the epoch. Of two of one key the later counts; parts stand in this order."""
    place: int = 0
    """Among parts that were written at once."""
    until_ns: int
    """From then on it is gone. A part lives as long as its whole, at the least."""
    sealed: bytes
    """Encrypted; empty: it was deleted."""

    @property
    def gone(self) -> bool:
        return not self.sealed


def later(one: Entry, other: Entry) -> Entry:
    """Which of two of the same key counts, in whatever order they came: what was deleted stays so."""
    return max(one, other, key=_rank)


def _rank(entry: Entry) -> tuple[bool, int, int]:
    return entry.gone, entry.at_ns, entry.until_ns


def merged(entries: Iterable[Entry]) -> dict[str, Entry]:
    """One entry for each key."""
    out: dict[str, Entry] = {}
    for entry in entries:
        known = out.get(entry.key)
        out[entry.key] = entry if known is None else later(known, entry)
    return out


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """The parts of a whole in the order in which they were written, without those that are gone."""
    return sorted((entry for entry in entries if not entry.gone), key=_order)


def _order(entry: Entry) -> tuple[int, int, str]:
    return entry.at_ns, entry.place, entry.key
