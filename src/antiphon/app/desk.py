"""Wires what the admin API does, by the configuration."""

from functools import cache, partial
from pathlib import Path

from antiphon.admin.desk import Desk
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.sealed import SealedRuns
from antiphon.app.asking import own_book
from antiphon.app.objects import objects_of, stores_of
from antiphon.app.places import Places
from antiphon.app.proof import log_of, proof_of
from antiphon.app.vaults import envelope
from antiphon.config.documents_api import FileDocuments, merged
from antiphon.config.forms import FileForms
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.control.documents import Documents
from antiphon.control.policies import Bundles
from antiphon.control.registry import Registry
from antiphon.control.run_office import RunOffice
from antiphon.control.trigger_office import TriggerOffice
from antiphon.core.clock import Clock, SystemClock
from antiphon.core.error import NotAllowed
from antiphon.core.ids import Uuid7
from antiphon.core.run_store import RunStore
from antiphon.vault.envelope import Envelope


def desk_of(loaded: Loaded) -> Desk:
    """What the admin API does, under a configuration."""
    clock, objects = SystemClock(), objects_of(loaded.settings)
    stores, notes = stores_of(loaded.settings), stores_of(loaded.settings).audit()
    documents = Documents(objects, FileDocuments(loaded), clock)
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
        documents=documents,
        runs=cache(partial(_runs, loaded, clock)),
        triggers=cache(partial(_triggers, loaded, documents, clock)),
    )


def _runs(loaded: Loaded, clock: Clock) -> RunOffice:
    """What is done with runs by whoever looks after them; nothing is begun here. Raises: StoreError."""
    store, sealer = _sealed(loaded.settings)
    parts = RunsParts(store=store, shelf=lambda: loaded.shelf, clock=clock, ids=Uuid7(clock), may=_nobody)
    return RunOffice(Runs(parts), clock, sealer.refresh)


def _triggers(loaded: Loaded, documents: Documents, clock: Clock) -> TriggerOffice:
    """What begins runs by itself, of files and of the API. Raises: StoreError."""
    store, _ = _sealed(loaded.settings)
    return TriggerOffice(store, lambda: merged(loaded, documents.raws()), clock, Uuid7(clock))


def _sealed(settings: Settings) -> tuple[RunStore, Envelope]:
    """Runs, and what opens them. Raises: StoreError."""
    data = Path(settings.storage.dir)
    sealer = envelope(settings, Places.under(data, data))
    return SealedRuns(stores_of(settings).runs(), sealer), sealer


def _nobody(*_: object) -> None:
    raise NotAllowed("runs are begun at the gateway's own port, not here")
