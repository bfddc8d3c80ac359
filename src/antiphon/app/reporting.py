"""Where spend is summed up, and days are exported from and to."""

from pathlib import Path

from antiphon.app.stores import Stores
from antiphon.config.settings import Settings
from antiphon.control.export import Exporter
from antiphon.core.spend import Spending
from antiphon.store.live import Live
from antiphon.store.parquet_place import Place
from antiphon.store.reports import JoinedSpending
from antiphon.store.settings_export import ExportSettings


def spending_of(settings: Settings) -> Spending:
    """The live database, and what was exported from it."""
    live, export = _live(settings), settings.storage.export
    return live if export is None else JoinedSpending(live, Place(export.to), export.name)


def exporter_of(settings: Settings, export: ExportSettings) -> Exporter:
    """Exports from the live database."""
    return Exporter(source=_live(settings), place=Place(export.to), name=export.name, hour=export.hour)


def _live(settings: Settings) -> Live:
    return Stores.of(settings.storage, Path(settings.storage.dir)).spending()
