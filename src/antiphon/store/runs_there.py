"""Whether a run is there still, before anything is kept that belongs to it: what was erased does not come back."""

from antiphon.store.asking import Ask

CONTEXT = "context/"
"""Begins the spaces of values that belong to a run, by its id."""


def kept(db: Ask, run: str) -> bool:
    """Whether there is such a run; it then stays until this transaction ends. Who drops runs locks them first."""
    lock = " FOR KEY SHARE" if db.row_lock else ""
    return bool(db.ask(f"SELECT 1 FROM runs WHERE id = ?{lock}", (run,)))  # noqa: S608 - fixed words
