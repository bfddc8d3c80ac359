"""Where the admin API's objects are, by the configuration, and its use cases on them."""

from functools import cache, partial
from pathlib import Path

from antiphon.admin.desk import Desk
from antiphon.app.asking import own_book
from antiphon.app.proof import log_of, proof_of
from antiphon.app.stores import Stores
from antiphon.config.forms import FileForms
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.control.policies import Bundles
from antiphon.control.registry import Registry
from antiphon.core.clock import SystemClock
from antiphon.core.ids import Uuid7
from antiphon.core.objects import Objects


def objects_of(settings: Settings) -> Objects:
    """Those of the database that records are kept in. Its tables are up to date."""
    return _stores(settings).objects()


def prepare(settings: Settings) -> None:
    """Bring the tables up to date, as a gateway does when it starts. Raises: StoreError, OSError."""
    Path(settings.storage.dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    _stores(settings).database().close()


def _stores(settings: Settings) -> Stores:
    return Stores.of(settings.storage, Path(settings.storage.dir))


def desk_of(loaded: Loaded) -> Desk:
    """What the admin API does, under a configuration."""
    clock, objects = SystemClock(), objects_of(loaded.settings)
    stores, notes = _stores(loaded.settings), _stores(loaded.settings).audit()
    return Desk(
        registry=Registry(objects, FileForms(loaded), clock),
        policies=Bundles(objects, loaded.settings.policy.tiers, clock),
        bank=stores.bank,
        database=stores.database,
        clock=clock,
        ids=Uuid7(clock),
        notes=notes,
        log=log_of(loaded.settings, notes),
        proof=cache(lambda: proof_of(loaded.settings, notes)),
        approvals=cache(partial(own_book, loaded.settings)),
    )
