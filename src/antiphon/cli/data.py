"""What lies in a data directory, for commands that look into it beside the gateway."""

from pathlib import Path

from antiphon.app.places import Places
from antiphon.config.settings import Settings
from antiphon.metering.records import Records


def places_of(settings: Settings) -> Places:
    """The data directory of a configuration."""
    data = Path(settings.storage.dir)
    return Places.under(data, data)


def records_in(places: Places) -> Records:
    """Everything that was recorded there."""
    return Records(places.data, places.journal)
