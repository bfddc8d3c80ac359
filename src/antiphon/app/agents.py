"""Wires agents for a process: documents, rights, runs, and who answers for them."""

import random
from collections.abc import Mapping
from pathlib import Path

from antiphon.agents.answering import Answering
from antiphon.agents.document import AgentDocument
from antiphon.agents.gate import Gate
from antiphon.agents.models import Modelled, models
from antiphon.agents.rights import Rights
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.safety.rules import Rules
from antiphon.agents.sealed import SealedRuns
from antiphon.agents.shelf import Shelf
from antiphon.agents.tools.grip import Surroundings
from antiphon.agents.tools.kept import Kept
from antiphon.agents.tools.toolbox import Toolbox
from antiphon.app.governing import Governing
from antiphon.app.stores import Stores
from antiphon.calls.breaker_shared import SharedBreaker
from antiphon.config.documents import EMPTY
from antiphon.config.load import Loaded
from antiphon.config.settings import Settings
from antiphon.core.clock import Clock
from antiphon.core.data_class import DataClass
from antiphon.core.ids import Ids
from antiphon.core.ports import Identity, Sealer
from antiphon.core.principal import Principal
from antiphon.core.run_store import RunStore
from antiphon.core.tool import Origins, Tool
from antiphon.core.verdict import Verdict
from antiphon.policy.compile import compiled
from antiphon.policy.policies import Policies
from antiphon.server.beside import Beside
from antiphon.server.runs import AGENTS, INBOX, RUNS, RunSite

KEPT_RESULTS = 1000
KEPT_BYTES = 16_777_216
"""Of results of pure tools, by tenant."""
WORKSPACES = "workspaces"
"""Folder in the data directory."""


class Agency:
    """What a process holds for agents, whatever the revision."""

    def __init__(
        self,
        settings: Settings,
        stores: Stores,
        sealer: Sealer,
        clock: Clock,
        ids: Ids,
        governing: Governing,
        breakers: SharedBreaker,
    ) -> None:
        self._clock = clock
        self._governing = governing
        self.store: RunStore = SealedRuns(stores.runs(), sealer)
        self.shelf: Shelf = EMPTY
        self.rights = Rights(self._policies, lambda: self.shelf)
        self.runs = Runs(
            RunsParts(
                store=self.store,
                shelf=lambda: self.shelf,
                clock=clock,
                ids=ids,
                may=self._may,
                most_queued=settings.agents.most_queued,
            )
        )
        self.answering = Answering(self.runs)
        self.toolbox = Toolbox(
            Surroundings(clock=clock, fraction=random.Random().random, breakers=breakers),  # noqa: S311 - for jitter alone
            Kept(entries=KEPT_RESULTS, size_bytes=KEPT_BYTES),
        )
        self._secret = sealer.stamp(b"agents/marks").hex()
        self._none = compiled(settings.policy, (), settings.data_classes.private_from)

    def know(self, loaded: Loaded) -> None:
        """Work by these documents from now on."""
        self.shelf = loaded.shelf

    def models(self, seconds: float) -> Mapping[str, Modelled]:
        """Agents that may be asked as models, by public name."""
        return models(self.shelf, self.answering, seconds)

    def beside(self, identity: Identity) -> Beside:
        """Who answers on the gateway's port."""
        site = RunSite(self.runs, identity, self._clock)
        return Beside(
            exact={AGENTS: site.handle, RUNS: site.handle, INBOX: site.handle},
            below=((AGENTS + b"/", site.handle), (RUNS + b"/", site.handle)),
        )

    def gate(self, document: AgentDocument, principal: Principal) -> Gate:
        """The rules over what an agent does in somebody's name."""

        def may(tool: Tool, origins: Origins) -> Verdict:
            return self.rights.tool(principal, document, tool, origins)

        return Rules(document, self.toolbox.get, may, secret=self._secret)

    def close(self) -> None:
        self.store.close()

    def _may(self, principal: Principal, document: AgentDocument, data_class: DataClass) -> None:
        self.rights.run(principal, document, data_class)

    def _policies(self) -> Policies:
        governor = self._governing.governor
        return self._none if governor is None else governor.policies


def workspaces(settings: Settings) -> Path:
    """Folder of the runs' files."""
    return Path(settings.agents.workspaces or Path(settings.storage.dir) / WORKSPACES)
