"""What a governor works with, and what it is asked of."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from antiphon.calls.story import Story
from antiphon.core.body import Body
from antiphon.core.data_class import DataClass
from antiphon.core.deployment import Deployment
from antiphon.core.finding import Finding
from antiphon.core.ports import TokenVault
from antiphon.core.request import Request
from antiphon.governance.answers import Behind, Judges
from antiphon.governance.sessions import SessionClasses
from antiphon.governance.settings import DataClassSettings
from antiphon.guards.port import Asked, Guard, Text
from antiphon.guards.texts import Texts
from antiphon.policy.policies import Policies
from antiphon.signals.extractor import Extractor


class Asking(Protocol):
    """Asks people, and judges that take a call of their own."""

    def before(self, route: str) -> bool:
        """Some judges look at requests for a route."""
        ...

    async def people(self, story: Story, request: Request, reasons: tuple[str, ...]) -> None:
        """Have a request approved. Raises: ApprovalPending, ApprovalRefused, StoreError."""
        ...

    async def first(self, story: Story, texts: Texts, asked: Asked) -> Sequence[tuple[Finding, DataClass | None]]:
        """Judge a request before anything is sent. Raises: GuardBlocked, GuardFailed."""
        ...

    def beside(self, story: Story, texts: Texts, asked: Asked) -> tuple[asyncio.Task[None], ...]:
        """Begin to judge a request beside its call; each ends with GuardBlocked, GuardFailed, or nothing."""
        ...

    async def errand(
        self, story: Story, texts: Sequence[Text], asked: Asked
    ) -> Sequence[tuple[Finding, DataClass | None]]:
        """Judge what is no model call, before it is sent. Raises: GuardBlocked, GuardFailed, ApprovalRefused."""
        ...

    def answers(self, story: Story, asked: Asked) -> Judges | None:
        """Who judges its answer; None: nobody does."""
        ...


class Errand(Struct, frozen=True, kw_only=True):
    """What goes upstream and is no model call."""

    body: Body
    content_type: bytes
    coding: bytes = b""
    """Of the body, as `content-encoding` says; empty: it is as it is."""
    account: str
    """The provider that is asked."""
    model: str = ""
    """The model that it names, by a public name where one leads to it; empty: none."""
    own: str = ""
    """The deployment that this model is; empty: none."""
    query: str = ""
    """What its path and query say: looked at, but never edited."""
    operation: str = "passthrough"
    """`passthrough`, `files`, `batches`, `count_tokens` or `realtime`."""
    dialect: str = ""
    """Whose the answer's words are; empty: unknown."""

    @property
    def deployment(self) -> str:
        """What verdicts call the account: no deployment's name has parentheses."""
        return account_name(self.account)


def account_name(account: str) -> str:
    """What verdicts call an account that is asked as it is."""
    return f"({account})"


class Governed(Struct, frozen=True, kw_only=True):
    """An errand as it may be sent."""

    body: Body
    behind: Behind | None = None
    """What its answer has to pass; None: nothing looks at it."""
    barred: Mapping[str, str] = {}
    """Deployments that policy leaves out for it, with the rules that do."""


class Looking(Struct, frozen=True, kw_only=True):
    """Guards of one route."""

    request: tuple[Guard, ...]
    answer: tuple[Guard, ...]
    names: tuple[str, ...]
    wants_system: bool
    """Some have to know what the model was told."""


class Parts(Struct, frozen=True, kw_only=True):
    """What a governor works with."""

    settings: DataClassSettings
    guards: tuple[Guard, ...]
    policies: Policies
    deployments: Mapping[str, Deployment]
    sessions: SessionClasses
    accounts: Mapping[str, Deployment] = {}
    """Accounts that may be asked as they are, by `account_name`: private where all of their deployments are."""
    vault: TokenVault | None = None
    """None: nothing is masked."""
    asking: Asking | None = None
    """None: nobody is asked."""
    spawn: Callable[[asyncio.Future[None]], None] = lambda _: None
    """Holds a task until it has ended."""
    capture_most_bytes: int = 0
    recipes: Mapping[str, str] = {}
    """The recipe of each route that has one, unless a rule of its leads to another."""
    extractor: Extractor | None = None
    """Works out facts that policies read; None: they are unknown."""
    always: bool = True
    """Every request has to be admitted; False: nothing that governs is configured."""
