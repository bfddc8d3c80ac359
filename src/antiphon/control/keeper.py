"""Seals what is to be kept, and opens it again for its own tenant alone."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from msgspec import Struct, structs

from antiphon.core.clock import Clock
from antiphon.core.ids import Ids
from antiphon.core.kept import Entry
from antiphon.core.ports import Kept, Sealer
from antiphon.store.settings import KeepSettings

_DAY_NS = 86_400 * 10**9
_KEY_CHARACTERS = 36


class Opened(Struct, frozen=True, gc=False):
    """An entry, and what it says."""

    entry: Entry
    plain: bytes


class Keeper:
    """Keeps by the rules of one revision."""

    def __init__(self, kept: Kept, sealer: Sealer, clock: Clock, ids: Ids, settings: KeepSettings) -> None:
        self._kept = kept
        self._sealer = sealer
        self._ids = ids
        self.settings = settings
        self.now_ns: Callable[[], int] = clock.now_ns
        self._lasts_ns = int(settings.days * _DAY_NS)

    @property
    def on(self) -> bool:
        """Whether anything is kept at all."""
        return self._lasts_ns > 0

    def new_id(self, prefix: str) -> str:
        """An id as OpenAI's look: ids that were made later sort behind."""
        return f"{prefix}_{self._ids.new().replace('-', '')}"

    def write(
        self, tenant: str, key: str, plain: bytes, *, at_ns: int, part_of: str = "", place: int = 0, subject: str = ""
    ) -> Entry:
        """Seal something, by a key of whose data it is. It is kept once `keep` has it."""
        return Entry(
            key=key,
            tenant=tenant,
            part_of=part_of,
            at_ns=at_ns,
            place=place,
            until_ns=at_ns + self._lasts_ns,
            sealed=self._sealer.seal(plain, _context(tenant, key), tenant=tenant, subject=subject),
        )

    def keep(self, entries: Sequence[Entry]) -> None:
        """Raises: StoreError."""
        if entries:
            self._kept.keep(entries)

    def delete(self, entries: Iterable[Entry]) -> None:
        """Have entries gone, and with a whole its parts. Raises: StoreError."""
        at_ns = self.now_ns()
        self.keep([structs.replace(entry, at_ns=at_ns, sealed=b"") for entry in entries])

    def prolong(self, entries: Iterable[Entry]) -> None:
        """Something was used. It is written again only when half its time is over. Raises: StoreError."""
        now_ns = self.now_ns()
        due = [entry for entry in entries if entry.until_ns - now_ns < self._lasts_ns // 2]
        self.keep([structs.replace(entry, until_ns=now_ns + self._lasts_ns) for entry in due])

    async def find(self, keys: Sequence[str]) -> dict[str, Opened]:
        """What is kept under keys, by key. Whether the whole of a part is still kept, the caller sees to.

        Raises: StoreError.
        """
        return await asyncio.to_thread(self._find, keys)

    async def parts(self, key: str) -> list[Opened]:
        """The parts of a whole, in order. Raises: StoreError."""
        return await asyncio.to_thread(self._parts, key)

    def _find(self, keys: Sequence[str]) -> dict[str, Opened]:
        now_ns = self.now_ns()
        found = self._kept.find(keys)
        return {key: self._open(entry) for key, entry in found.items() if entry.part_of or entry.until_ns > now_ns}

    def _parts(self, key: str) -> list[Opened]:
        return [self._open(entry) for entry in self._kept.parts(key)]

    def _open(self, entry: Entry) -> Opened:
        return Opened(entry, self._sealer.unseal(entry.sealed, _context(entry.tenant, entry.key)))


def key_of(tenant: str, *names: str) -> str:
    """Where something stands; nobody finds what is another tenant's. 144 bits of a digest."""
    text = "\0".join((tenant, *names))
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:_KEY_CHARACTERS]


def _context(tenant: str, key: str) -> str:
    return f"{tenant}/{key}"
