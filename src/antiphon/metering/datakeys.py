"""Data keys that lie in journals, and not in the database yet."""

from pathlib import Path

import msgspec

from antiphon.core.vault_store import DataKey
from antiphon.metering.frames import Kind
from antiphon.metering.records import waiting
from antiphon.store.database import Reader

_key = msgspec.msgpack.Decoder(DataKey)


def unshipped_key(journal: Path, reader: Reader, key_id: str) -> DataKey | None:
    """A data key by its id. Blocks on files."""
    if not journal.is_dir():
        return None
    for frame in waiting(journal, reader):
        if frame.kind is Kind.KEYS:
            key = _key.decode(frame.payload)
            if key.id == key_id:
                return key
    return None
