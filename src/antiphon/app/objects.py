"""Where the admin API's objects are, by the configuration."""

from pathlib import Path

from antiphon.app.stores import Stores
from antiphon.config.settings import Settings
from antiphon.core.objects import Objects


def objects_of(settings: Settings) -> Objects:
    """Those of the database that records are kept in. Its tables are up to date."""
    return stores_of(settings).objects()


def prepare(settings: Settings) -> None:
    """Bring the tables up to date, as a gateway does when it starts. Raises: StoreError, OSError."""
    Path(settings.storage.dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    stores_of(settings).database().close()


def stores_of(settings: Settings) -> Stores:
    """Those of a configuration."""
    return Stores.of(settings.storage, Path(settings.storage.dir))
