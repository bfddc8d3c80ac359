"""What lies in a data directory, for commands that look into it beside the gateway."""

from pathlib import Path

from antiphon.app.places import Places
from antiphon.app.stores import Stores
from antiphon.config.settings import Settings
from antiphon.metering.records import Records


def places_of(settings: Settings) -> Places:
    """The data directory of a configuration."""
    data = Path(settings.storage.dir)
    return Places.under(data, data)


def stores_of(settings: Settings) -> Stores:
    """The database of a configuration. Raises: StoreError."""
    return Stores.of(settings.storage, Path(settings.storage.dir))


def records_of(settings: Settings) -> Records:
    """Everything that was recorded under a configuration. Raises: StoreError."""
    return Records(stores_of(settings).reader(), places_of(settings).journal)
