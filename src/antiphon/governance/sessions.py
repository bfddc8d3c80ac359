"""The highest class that requests of a session were of: it only rises, whichever worker the next one comes to."""

import asyncio
from collections import OrderedDict
from hashlib import sha256

from antiphon.core.clock import Clock
from antiphon.core.data_class import DATA_CLASSES, RANKS, DataClass, highest
from antiphon.core.kept import Entry
from antiphon.core.ports import Kept

MOST_KNOWN = 16_384
"""Sessions of one worker whose class is in memory; of others it is read."""
KEEP_NS = 90 * 24 * 3600 * 1_000_000_000
"""A session's class is known so long after it rose last."""
_MARK = b"\x00"
"""There is nothing to seal: the key says all."""


class SessionClasses:
    """Classes of one gateway's sessions. What is kept is the class alone, under a name that tells nothing."""

    def __init__(self, kept: Kept | None, clock: Clock) -> None:
        """`kept`: where workers share them; None: each worker knows its own alone."""
        self._kept = kept
        self._clock = clock
        self._known: OrderedDict[str, DataClass] = OrderedDict()

    async def raised(self, tenant: str, session: str, least: DataClass) -> DataClass:
        """The class of a session, once a request of `least` belongs to it. Raises: StoreError."""
        name = _name(tenant, session)
        known = await self._of(name)
        if RANKS[least] <= RANKS[known]:
            return known
        if self._kept is not None:
            now_ns = self._clock.now_ns()
            key = _key(name, least)
            self._kept.keep([Entry(key=key, tenant=tenant, at_ns=now_ns, until_ns=now_ns + KEEP_NS, sealed=_MARK)])
        self._know(name, least)
        return least

    async def _of(self, name: str) -> DataClass:
        """Others may have raised it since it was read here, so that the shared one is read each time; what is highest
        can't rise.
        """
        known = self._known.get(name, DATA_CLASSES[0])
        if self._kept is None or known == DATA_CLASSES[-1]:
            return known
        higher: dict[str, DataClass] = {_key(name, one): one for one in DATA_CLASSES[RANKS[known] + 1 :]}
        found = await asyncio.to_thread(self._kept.find, list(higher))
        classes: list[DataClass | None] = [higher[key] for key in found]
        shared = highest(known, *classes)
        if shared != known:
            self._know(name, shared)
        return shared

    def _know(self, name: str, known: DataClass) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)


def _name(tenant: str, session: str) -> str:
    return sha256(f"{tenant}\0{session}".encode()).hexdigest()[:31]


def _key(name: str, known: DataClass) -> str:
    """36 characters, as keys of what is kept are. One for each class: of two workers who raise it at once neither takes
    the other's word back.
    """
    return f"cls_{RANKS[known]}{name}"
