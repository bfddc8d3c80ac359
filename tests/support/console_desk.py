"""The console on a real database, asked without a listener, for tests of its pages."""

import json
import re
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fakes.clock import StoppedClock
from fakes.exchange import Asked
from odd_receipts import odd
from spent import store

from antiphon.agents.documents.document import AgentDocument, AgentSpec, Metadata
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.runs import Runs, RunsParts
from antiphon.agents.sealed import SealedRuns
from antiphon.console import assets
from antiphon.console.desk import Desk
from antiphon.console.render import Renderer
from antiphon.console.site import ConsoleSite
from antiphon.control.approvals import Book, Clockwork
from antiphon.control.audit_chain import chained
from antiphon.control.deployment_board import Placed
from antiphon.control.policy_board import InForce
from antiphon.control.run_office import RunOffice
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.control.sight import FIRST, Sight, sight_of
from antiphon.control.signed_in import SignedIn
from antiphon.control.who import who_is
from antiphon.core.approval import Approval, Wish
from antiphon.core.audit import Event
from antiphon.core.budget import Budget, Window
from antiphon.core.error import NotAuthenticated, NotFound, StoreError
from antiphon.core.ids import Uuid7
from antiphon.core.principal import Principal
from antiphon.core.receipt import Receipt
from antiphon.metering.captured import Captured, opened
from antiphon.metering.records import Records
from antiphon.net.exchange import Exchange
from antiphon.policy.source import Source
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.reports_sqlite import SqliteSpending
from antiphon.store.runs_sqlite import SqliteRuns
from antiphon.store.sqlite import SqliteDatabase, SqliteReader
from antiphon.vault.local import LocalSealer

NOW_NS = 1_796_000_000 * 10**9
ACTION = {
    "action": "call_model",
    "endpoint": "/v1/chat/completions",
    "model": "agent/refunds",
    "messages": [
        {
            "role": "user",
            "content": "Refund [[EMAIL_7F3A91C2]] 120 €, please. <script>alert(1)</script> safe\N{RIGHT-TO-LEFT OVERRIDE}gpj",
        }
    ],
}
POLICIES = """\
@id("legal.eu-only")
forbid (principal, action == Action::"call_model", resource) unless { resource.region == "eu" };
@id("dpo.review")
@approve("approver")
forbid (principal, action == Action::"call_model", resource) when { principal.team == "<script>" };
"""


SHELF = Shelf(
    agents={
        "clerk": {
            "2": AgentDocument(
                metadata=Metadata(name="clerk", version="2", title="Clerk <b>of all</b>"),
                spec=AgentSpec(goal="Sorts <script>alert(1)</script>.", tools=["crm"]),
            )
        }
    },
    revision="0123456789abcdef",
)
RENDER = Renderer("Test <i>desk</i>", 2)
ASSETS = assets.read()


class Audit(SqliteAudit):
    """The audit log, which can be put out of reach."""

    away = False

    def note(self, event: Event) -> None:
        if self.away:
            raise StoreError("the audit log can't be written")
        super().note(event)


class Office:
    """A browser, the console before it, and what that is made of."""

    def __init__(self, directory: Path, *, secure: bool = False) -> None:
        self.directory = directory
        SqliteDatabase(directory).close()
        self.clock = StoppedClock(NOW_NS)
        self.audit = Audit(directory)
        self.people = {
            "first": FIRST,
            "member": _sight(tenant="acme", key="m", team="search", roles=("member",)),
            "auditor": _sight(tenant="acme", key="a", roles=("auditor",)),
            "admin": _sight(tenant="acme", key="d", roles=("admin",)),
            "globex": _sight(tenant="globex", key="g", roles=("admin",)),
            "ada": _sight(tenant="acme", key="ada", user="ada@acme.test", roles=("approver",)),
            "bea": _sight(tenant="acme", key="bea", user="bea@acme.test", roles=("approver",)),
        }
        self.book = Book(
            SqliteApprovals(directory),
            ApprovalSettings(),
            Clockwork(
                now_ns=self.clock.now_ns,
                now_s=self.clock.steady_s,
                ids=Uuid7(self.clock),
                sealer=LocalSealer(directory / "local.key"),
            ),
        )
        self.store = SealedRuns(SqliteRuns(directory), LocalSealer(directory / "local.key"))
        parts = RunsParts(
            store=self.store, shelf=lambda: SHELF, clock=self.clock, ids=Uuid7(self.clock), may=lambda *_: None
        )
        self.runs = RunOffice(Runs(parts), self.clock, lambda: None)
        self.desk = Desk(
            records=Records(SqliteReader(directory), directory),
            spending=SqliteSpending(directory),
            bank=partial(SqliteBank, directory),
            budgets=lambda: (Budget(name="monthly", measure="money", limit=10**9, window=Window(period="month")),),
            placed=[
                Placed(name=name, provider="openai", model=name, tier="", zone="public", region="eu")
                for name in ("gpt-main", "claude-main", "<b>odd</b>")
            ],
            metrics=directory,
            content=self.content,
            clock=self.clock,
            rows=50,
            in_force=InForce(
                sources=lambda: (Source(name="policies/main.cedar", text=POLICIES),),
                tiers=("fast", "balanced", "premium"),
                default="allow",
                private_from="confidential",
            ),
            audit=self.audit,
            book=lambda: self.book,
            runs=lambda: self.runs,
            shelf=lambda: SHELF,
        )
        self.signed_in = SignedIn(self.clock)
        self.site = self._site(secure=secure)
        self.cookie = ""
        self.csrf = ""

    def _site(self, *, secure: bool) -> ConsoleSite:
        return ConsoleSite(
            desk=self.desk,
            render=RENDER,
            assets=ASSETS,
            signed_in=self.signed_in,
            known=self.known,
            session_s=3600,
            secure=secure,
        )

    def serve(self, desk: Desk) -> None:
        """With other use cases."""
        self.desk = desk
        self.site = self._site(secure=False)

    async def known(self, credential: bytes, exchange: Exchange) -> Sight:
        sight = self.people.get(credential.decode())
        if sight is None:
            raise NotAuthenticated("this API key is not known")
        return sight

    def content(self, receipt: Receipt) -> Captured:
        sealed = self.desk.records.content(receipt.id)
        if sealed is None:
            raise NotFound("there is no content of this receipt")
        assert receipt.principal is not None
        return opened(sealed, LocalSealer(self.directory / "local.key"), receipt.principal.tenant, receipt.id)

    def noted(self, tenant: str = "acme") -> list[dict[str, Any]]:
        """Events of a tenant's chain."""
        self.audit.grow(chained, 1000)
        return [json.loads(link.body) for link in self.audit.links(tenant, 0, 1000)]

    def keep_odd(self) -> None:
        store(self.directory, odd(self.clock.now_ns()))

    def wish(self, **fields: Any) -> Approval:
        """Ask people."""
        now_ns = self.clock.now_ns()
        self.clock.at_ns += 10**6
        said = {
            "tenant": "acme",
            "by": "key/alice",
            "user": "alice@acme.test",
            "action": "call_model",
            "resource": "agent/refunds",
            "shown": json.dumps(ACTION).encode(),
            "digest": sha256(json.dumps(ACTION).encode()).hexdigest(),
            "reasons": ("dpo.review",),
            "needed": 2,
            "expires_ns": now_ns + 86_400 * 10**9,
        }
        return self.book.ask(Wish(**{**said, **fields}))

    async def ask(self, method: str, target: str, fields: dict[str, str] | None = None, **headers: str) -> Asked:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            told.setdefault("cookie", self.cookie)
        body = b""
        if fields is not None:
            body = urlencode(fields).encode()
            told.setdefault("content-type", "application/x-www-form-urlencoded")
        asked = Asked(method, target, {"host": "gate:8081", **told}, body)
        await self.site.handle(asked.exchange)
        assert asked.side.done == 1
        return asked

    async def get(self, path: str, **headers: str) -> str:
        """A page that is there."""
        asked = await self.ask("GET", path, **headers)
        assert asked.status == 200, asked.body.decode()
        return asked.body.decode()

    async def sign_in(self, key: str = "first") -> "Office":
        asked = await self.ask("POST", "/console/sign-in", {"key": key})
        assert asked.status == 303, asked.body.decode()
        self.cookie = asked.headers["set-cookie"].partition(";")[0]
        found = re.search(r'name="csrf" value="([^"]+)"', await self.get("/console/deployments"))
        assert found is not None
        self.csrf = found[1]
        return self


def _sight(**fields: object) -> Sight:
    return sight_of(who_is(Principal(**fields)))  # type: ignore[arg-type]
