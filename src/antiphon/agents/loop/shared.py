"""Values that runs of one tree share by reference: kept once beside the runs, read by those that were named alone."""

from typing import Any

import msgspec
from msgspec import Struct

from antiphon.agents.state import Value
from antiphon.core.clock import Clock
from antiphon.core.run import Run
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Origins

KEPT_NS = 30 * 86_400_000_000_000
"""How long a shared value is kept: 30 days."""


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value as it is kept."""

    readers: tuple[str, ...]
    """Runs that may read it."""
    text: str
    data: Any = None
    origins: Origins = Origins()
    about: str = ""


def space(run: Run) -> str:
    """Where the values of a run's tree are."""
    return f"context/{run.root or run.id}"


def hand_over(store: RunStore, clock: Clock, run: Run, handle: str, value: Value, reader: str) -> Value:
    """Let another run of the tree read a value. Blocks. Returns: the value as that run's State has it. Raises: StoreError."""
    key = f"{reader}/{handle}"
    kept = Kept(readers=(reader, run.id), text=value.text, data=value.data, origins=value.origins, about=value.about)
    store.put(run.tenant, space(run), key, msgspec.json.encode(kept), until_ns=clock.now_ns() + KEPT_NS)
    return Value(text="", origins=value.origins, about=value.about, ref=key)


def read(store: RunStore, clock: Clock, run: Run, ref: str) -> Value | None:
    """A value that was handed over to this run. Blocks. None: there is none that it may read. Raises: StoreError."""
    found = store.value(run.tenant, space(run), ref, clock.now_ns())
    if found is None:
        return None
    kept = msgspec.json.decode(found[0], type=Kept)
    if run.id not in kept.readers:
        return None
    return Value(text=kept.text, data=kept.data, origins=kept.origins, about=kept.about)
