"""Wires what governs requests: guards, policies, data classes, and whoever is asked."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from antiphon.app.asking import Askables
from antiphon.calls.caller import Caller
from antiphon.config.settings import Settings
from antiphon.control.approvals import Book
from antiphon.core.clock import Clock
from antiphon.core.deployment import Deployment
from antiphon.core.error import ConfigError
from antiphon.core.ports import Kept, Origin, TokenVault
from antiphon.governance.asking import Askers
from antiphon.governance.govern import Governor
from antiphon.governance.parts import Parts, account_name
from antiphon.governance.sessions import SessionClasses
from antiphon.governance.settings import DataClassSettings
from antiphon.governance.standing import POLICY_FACTS
from antiphon.guards.make import make
from antiphon.policy.compile import compiled
from antiphon.policy.policies import Policies
from antiphon.policy.source import Source
from antiphon.providers.target import Account, Target
from antiphon.routing.route import Route
from antiphon.signals.extractor import Extractor

NO_CLASSES = DataClassSettings()
log = logging.getLogger("antiphon.policy")


class Governing:
    """What a worker holds to govern by, whatever the revision."""

    def __init__(
        self, kept: Kept | None, clock: Clock, vault: TokenVault | None = None, askables: Askables | None = None
    ) -> None:
        """`askables`: None: nobody is asked."""
        self._sessions = SessionClasses(kept, clock)
        self._vault = vault
        self._askables = askables
        self._tasks: set[asyncio.Future[None]] = set()
        self._bundles: Sequence[Source] = ()
        self._settings: Settings | None = None
        self.governor: Governor | None = None
        self.askers: Askers | None = None

    def make(
        self,
        settings: Settings,
        deployments: Mapping[str, Deployment],
        accounts: Mapping[str, Account],
        caller: Caller,
        routes: Mapping[str, Route],
        targets: Mapping[str, Target],
        extractor: Extractor,
    ) -> Governor:
        """The governor of a checked configuration. Raises: ConfigError."""
        self._settings = settings
        askables = self._askables
        self.askers = None if askables is None else askables.make(settings, routes, targets, caller)
        policies = compiled(settings.policy, self._bundles, settings.data_classes.private_from)
        storage = settings.storage
        parts = Parts(
            settings=settings.data_classes,
            guards=make(settings.guards),
            policies=policies,
            deployments=deployments,
            sessions=self._sessions,
            vault=self._vault,
            accounts={account_name(name): _account(name, deployments) for name in accounts},
            asking=self.askers,
            spawn=self._hold,
            capture_most_bytes=storage.capture_most_bytes if storage.capture == "content" else 0,
            recipes={name: one.recipe for name, one in settings.routes.items() if one.recipe},
            extractor=extractor,
            always=_governed(settings, policies),
        )
        if policies.reads("facts"):
            extractor.prepare(frozenset(POLICY_FACTS.values()))
        self.governor = Governor(parts)
        return self.governor

    def know(self, bundles: Sequence[Source]) -> None:
        """Judge by these policies of the admin API from now on, beside the files'. What can't be read changes nothing: it is
        told, and the policies of before go on.
        """
        if bundles is self._bundles:
            return
        settings, governor = self._settings, self.governor
        if settings is None or governor is None:
            self._bundles = bundles
            return
        try:
            policies = compiled(settings.policy, bundles, settings.data_classes.private_from)
        except ConfigError as error:
            log.error("policy.refused", extra={"reason": str(error)})
            return
        self._bundles = bundles
        governor.take(policies, always=_governed(settings, policies))

    @property
    def origins(self) -> set[Origin]:
        """Services that judge: connections to them are kept."""
        return set() if self.askers is None else self.askers.origins

    @property
    def book(self) -> Book | None:
        """What people are asked under the revision that was made last."""
        return None if self._askables is None else self._askables.book

    def _hold(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _account(name: str, deployments: Mapping[str, Deployment]) -> Deployment:
    """An account as policies see it: private where all of its deployments are, and of their region where it is one."""
    own = [one for one in deployments.values() if one.provider == name]
    regions = {one.region for one in own}
    terms = set[str].intersection(*(set(one.terms) for one in own)) if own else set[str]()
    return Deployment(
        name=account_name(name),
        provider=name,
        model="",
        zone="private" if own and all(one.zone == "private" for one in own) else "public",
        region=regions.pop() if len(regions) == 1 else "",
        terms=tuple(sorted(terms)),
    )


def _governed(settings: Settings, policies: Policies) -> bool:
    """Whether anything that governs is configured."""
    keys = any(one.data_class is not None or one.clearance is not None for one in settings.keys)
    zoned = any(one.zone == "private" for one in settings.models.values())
    return bool(settings.guards or policies.version or keys or zoned or settings.data_classes != NO_CLASSES)
