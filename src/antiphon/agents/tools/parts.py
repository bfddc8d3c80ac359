"""What tools are made of, and with."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from antiphon.agents.safety.labels import infer
from antiphon.agents.tools.documents import MayRead
from antiphon.agents.tools.labelled import Labels
from antiphon.agents.tools.secrets import Secrets
from antiphon.core.clock import Clock
from antiphon.core.ports import Transport
from antiphon.core.run_store import RunStore
from antiphon.core.sandbox import Sandbox
from antiphon.knowledge.collection import Collection
from antiphon.net.egress import Egress


class Parts(Struct, frozen=True, kw_only=True):
    """Ports of tools. What isn't there makes the tools that need it unready, with the reason."""

    clock: Clock
    secrets: Secrets
    base: Path
    """Where relative files of documents begin."""
    transport: Transport | None = None
    store: RunStore | None = None
    """Seals what it is given."""
    sandbox: Sandbox | None = None
    may: MayRead | None = None
    """None: no collection is read."""
    collection: Callable[[str], Collection | None] = lambda _: None
    egress: Callable[[], Egress] = Egress
    """Rules that browsers go by."""
    labels: Labels = infer
