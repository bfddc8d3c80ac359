"""What lies in a data directory, for commands that look into it beside the gateway."""

import fcntl
import os
from pathlib import Path

from msgspec import Struct

from antiphon.config.settings import Settings
from antiphon.metering.records import Records


class Data(Struct, frozen=True):
    """The directory of `storage.dir`; laid out as `antiphon.app.worker.Places` has it."""

    directory: Path

    @property
    def journal(self) -> Path:
        return self.directory / "journal"

    @property
    def key(self) -> Path:
        return self.directory / "local.key"

    @property
    def records(self) -> Records:
        return Records(self.directory, self.journal)

    def in_use(self) -> bool:
        """Whether a running gateway holds it."""
        try:
            handle = os.open(self.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False


def data_of(settings: Settings) -> Data:
    """The data directory of a configuration."""
    return Data(Path(settings.storage.dir))
