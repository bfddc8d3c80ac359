"""Those who look after runs: what of other tenants they see."""

from pathlib import Path

from msgspec import structs

from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.runs import Runs, RunsParts
from antiphon.control.run_office import RunOffice
from antiphon.control.who import COMMAND, who_is
from antiphon.core.clock import SystemClock
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.run import Barred, Run
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase

VIEWER = who_is(Principal(tenant="acme", key="viewer", roles=("auditor",)))


def office(directory: Path) -> tuple[RunOffice, SqliteRuns]:
    SqliteDatabase(directory).close()
    store, clock = SqliteRuns(directory), SystemClock()
    parts = RunsParts(store=store, shelf=Shelf, clock=clock, ids=Uuid7(clock), may=lambda *_: None)
    return RunOffice(Runs(parts), clock, lambda: None), store


def test_what_is_switched_off_in_another_tenant_is_not_told(tmp_path: Path) -> None:
    made, store = office(tmp_path)
    bars = (("agent", "clerk", ""), ("agent", "clerk", "globex"), ("tenant", "globex", ""), ("tool", "pay", "acme"))
    for kind, name, tenant in bars:
        store.bar(Barred(kind=kind, name=name, tenant=tenant, how="quarantined", by="x", at_ns=1))  # type: ignore[arg-type]

    seen = {(one.kind, one.name, one.tenant) for one in made.barred(VIEWER)}

    assert seen == {("agent", "clerk", ""), ("tool", "pay", "acme")}
    assert len(made.barred(COMMAND)) == len(bars)
    store.close()


def test_a_page_is_full_of_what_is_theirs_however_much_is_not(tmp_path: Path) -> None:
    made, store = office(tmp_path)
    for at in range(9):
        principal = Principal(tenant="globex" if at > 2 else "acme", key="a")
        run = Run(id=f"r{at}", tenant=principal.tenant, agent="a", version="1", principal=principal, created_ns=1)
        store.begin(structs.replace(run, root=run.id))

    assert [one.id for one in made.page(VIEWER, None, "", (), "", 2)] == ["r2", "r1"]
    store.close()
