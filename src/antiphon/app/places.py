"""Where the processes of one gateway keep what they share."""

import fcntl
import os
from pathlib import Path

from msgspec import Struct

from antiphon.core.error import StoreError
from antiphon.metering.segment import is_locked

LOCK = "lock"
"""In the data directory, as the next ones."""
KEY_FILE = "admin.key"
"""The first admin key."""
ADDRESS_FILE = "admin.url"
"""Where the admin API is reached from this machine, while the gateway runs."""


class Places(Struct, frozen=True, kw_only=True):
    """Directories and files of one gateway."""

    data: Path
    journal: Path
    metrics: Path
    key: Path

    @classmethod
    def under(cls, data: Path, runtime: Path) -> "Places":
        """What lies in a data directory, and in a directory that lives as long as the gateway."""
        return cls(data=data, journal=data / "journal", metrics=runtime, key=data / "local.key")


def own(data: Path) -> int:
    """Take a data directory for this gateway alone, until the returned descriptor is closed. Raises: StoreError."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"another gateway uses {data}; stop it, or give this one its own storage.dir") from None
    except OSError as error:
        raise StoreError(f"{data} can't be used: {error.strerror}; give storage.dir a writable directory") from error
    return handle


def owned(data: Path) -> bool:
    """Whether a running gateway holds it."""
    try:
        return is_locked(data / LOCK)
    except OSError:
        return False
