"""What seals content, in each kind of process."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable

from antiphon.app.places import Places
from antiphon.app.stores import Stores
from antiphon.config.settings import Settings
from antiphon.core.error import StoreError
from antiphon.core.ports import Sealer
from antiphon.core.vault_store import DataKey
from antiphon.metering.datakeys import unshipped_key
from antiphon.metering.journal import FileJournal
from antiphon.vault import make
from antiphon.vault.envelope import Envelope, Ports
from antiphon.vault.local import LocalSealer

log = logging.getLogger("antiphon.vault")
REFRESH_S = 1.0
"""How often a process looks for what was erased elsewhere, and for keys that are due to be unwrapped anew."""


def envelope(settings: Settings, places: Places, keep: Callable[[DataKey], None] | None = None) -> Envelope:
    """Seals and opens in this process.

    Args:
        keep: Writes data keys down; None: into the database.
    Raises: StoreError.
    """
    stores = Stores.of(settings.storage, places.data)
    vault, reader = stores.vault(), stores.reader()
    ports = Ports(
        store=vault,
        wrappers=make.wrappers(settings.vault, places.key),
        local=LocalSealer(places.key),
        now_ns=time.time_ns,
        now_s=time.monotonic,
        keep=keep or (lambda key: vault.add_keys([key])),
        waiting=lambda key_id: unshipped_key(places.journal, reader, key_id),
    )
    return Envelope(ports, settings.vault)


def worker_envelope(settings: Settings, places: Places, journal: FileJournal) -> Envelope:
    """The same of a worker: on its loop's thread a data key goes to the journal, which waits for nothing; on others, where
    waiting is harmless and the journal is not to be written, to the database.
    """
    own, vault = threading.get_ident(), Stores.of(settings.storage, places.data).vault()

    def keep(key: DataKey) -> None:
        if threading.get_ident() == own:
            journal.key(key)
        else:
            vault.add_keys([key])

    return envelope(settings, places, keep)


def cache_sealer(settings: Settings, places: Places, sealer: Sealer) -> Sealer:
    """What kept answers are sealed by. Replicas that share a Valkey and no database share the local key alone."""
    apart = settings.calls.cache.store == "valkey" and settings.storage.url is None
    return LocalSealer(places.key) if apart else sealer


async def watch(one: Envelope) -> None:
    """Heed what others did, for as long as the process runs."""
    told = ""
    while True:
        try:
            await asyncio.to_thread(one.refresh)
            told = ""
        except StoreError as error:
            if str(error) != told:
                told = str(error)
                log.error("vault.not_refreshed", extra={"reason": told})
        await asyncio.sleep(REFRESH_S)
