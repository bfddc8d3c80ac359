"""The responses that a lab remembers, for `previous_response_id`."""

from collections import OrderedDict

from msgspec import Struct

from antiphon.providers.lab.request import Message

KEPT = 1000
"""Most responses; the oldest goes first."""


class Kept(Struct, frozen=True):
    """A response that was stored: the conversation up to its end, and its own JSON."""

    messages: tuple[Message, ...]
    raws: tuple[bytes, ...]
    calls: frozenset[str]
    """Ids of the calls that wait for an output."""
    body: bytes


class Memory:
    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def find(self, id_: str) -> Kept | None:
        return self._kept.get(id_)

    def keep(self, id_: str, kept: Kept) -> None:
        self._kept[id_] = kept
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def forget(self, id_: str) -> bool:
        return self._kept.pop(id_, None) is not None
