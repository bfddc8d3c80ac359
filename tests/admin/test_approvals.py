"""Approvals over the admin API: who is shown what, and whose answers count."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from fakes.records import PlainSealer
from msgspec.structs import replace

from antiphon.control.approvals import Book, Clockwork
from antiphon.control.settings_approvals import ApprovalSettings
from antiphon.core.approval import Wish
from antiphon.core.ids import Uuid7
from antiphon.store.approvals_sqlite import SqliteApprovals
from antiphon.store.audit_sqlite import SqliteAudit

from .conftest import Office

FILE = """\
keys:
  - {name: root, key: sk-root-0001, admin: true}
  - {name: alice, key: sk-alice-001, tenant: acme, roles: [approver]}
  - {name: bob, key: sk-bob-00001, tenant: acme, roles: [approver]}
  - {name: carol, key: sk-carol-001, tenant: acme, roles: [approver]}
  - {name: dave, key: sk-dave-0001, tenant: acme, roles: [member]}
  - {name: eve, key: sk-eve-00001, tenant: other, roles: [approver]}
providers:
  lab: {lab: {models: {fast: {}}}}
models:
  fast: {provider: lab}
"""
SHOWN = b'{"action":"call_model","endpoint":"/v1/chat/completions","model":"fast","request":{"max_tokens":5}}'
KEYS = {"root": "sk-root-0001", "alice": "sk-alice-001", "bob": "sk-bob-00001", "carol": "sk-carol-001", "dave": "sk-dave-0001", "eve": "sk-eve-00001"}  # fmt: skip
ALL = "/admin/v1/approvals"


class Asking:
    def __init__(self, directory: Path) -> None:
        self.office = Office(directory, FILE)
        clock = self.office.clock
        clockwork = Clockwork(now_ns=clock.now_ns, now_s=clock.steady_s, ids=Uuid7(clock), sealer=PlainSealer())
        self.book = Book(SqliteApprovals(directory), ApprovalSettings(), clockwork)
        self.audit = SqliteAudit(directory)
        site = self.office.site
        self.office.site = replace(site, desk=replace(site.desk, approvals=lambda: self.book))

    def wish(self, **more: Any) -> str:
        said = {
            "tenant": "acme", "by": "key/alice", "action": "call_model", "resource": "fast", "shown": SHOWN,
            "digest": sha256(SHOWN).hexdigest(), "expires_ns": self.office.clock.at_ns + 10**12,
        }  # fmt: skip
        return self.book.ask(Wish(**{**said, **more})).id

    async def ask(self, method: str, path: str, fields: Any = None, *, by: str = "bob") -> tuple[int, Any]:
        asked = await self.office.ask(method, path, fields, key=KEYS[by])
        return asked.status, json.loads(asked.body)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    made = Asking(tmp_path)
    yield made
    made.book.store.close()


async def test_they_are_listed_without_and_shown_with_what_is_to_be_done(asking: Asking) -> None:
    one = asking.wish()
    status, page = await asking.ask("GET", ALL)
    assert (status, [it["id"] for it in page["data"]], page["next"]) == (200, [one], None)
    assert "shown" not in page["data"][0]
    status, shown = await asking.ask("GET", f"{ALL}/{one}")
    assert (status, shown["shown"], shown["state"]) == (200, json.loads(SHOWN), "waiting")
    noted: list[str] = []

    def chain(pending, heads):
        noted.extend(f"{event.kind} {event.by}" for event in pending)
        raise LookupError

    with pytest.raises(LookupError):
        asking.audit.grow(chain, 10)
    assert noted == ["approval.asked key/alice", "approval.viewed key/bob"]


async def test_pages_and_states(asking: Asking) -> None:
    ids: list[str] = []
    for number in range(3):
        asking.office.clock.at_ns += 10**9
        ids.append(asking.wish(digest=str(number)))
    await asking.ask("POST", f"{ALL}/{ids[0]}/reject", {})
    _, page = await asking.ask("GET", f"{ALL}?limit=2")
    assert ([it["id"] for it in page["data"]], page["next"]) == ([ids[2], ids[1]], ids[1])
    assert [it["id"] for it in (await asking.ask("GET", f"{ALL}?limit=2&after={ids[1]}"))[1]["data"]] == [ids[0]]
    assert [it["id"] for it in (await asking.ask("GET", f"{ALL}?state=rejected"))[1]["data"]] == [ids[0]]
    assert (await asking.ask("GET", f"{ALL}?state=odd"))[0] == 400


@pytest.mark.parametrize(
    ("verb", "fields", "state"),
    [
        ("approve", {"note": "go"}, "approved"),
        ("approve", None, "approved"),
        ("reject", {"note": "no"}, "rejected"),
        ("cancel", {}, "cancelled"),
        ("modify", {"action": json.loads(SHOWN) | {"request": {"max_tokens": 1}}, "note": "less"}, "modified"),
    ],
)
async def test_an_answer_settles_it(asking: Asking, verb: str, fields: Any, state: str) -> None:
    one = asking.wish()
    status, said = await asking.ask("POST", f"{ALL}/{one}/{verb}", fields)
    assert (status, said["state"], said["votes"][0]["by"]) == (200, state, "key/bob")
    if verb == "modify":
        assert said["changes"] == [{"path": "request.max_tokens", "asked": 5, "approved": 1, "only": ""}]
    status, again = await asking.ask("POST", f"{ALL}/{one}/approve", {}, by="carol")
    assert (status, again["error"]["code"]) == (409, "approval_settled")


@pytest.mark.parametrize("verb", ["approve", "modify", "reject", "cancel", ""])
@pytest.mark.parametrize(
    ("by", "code"),
    [("dave", "role_not_allowed"), ("eve", "approval_not_found")],
)
async def test_nobody_else_sees_or_answers_it(asking: Asking, verb: str, by: str, code: str) -> None:
    one = asking.wish()
    fields = {"action": json.loads(SHOWN)} if verb == "modify" else {}
    ask = asking.ask("POST", f"{ALL}/{one}/{verb}", fields, by=by) if verb else asking.ask("GET", f"{ALL}/{one}", by=by)
    status, said = await ask
    assert (status, said["error"]["code"]) == ({"role_not_allowed": 403}.get(code, 404), code)
    found = asking.book.find(one)
    assert found is not None
    assert found.state == "waiting"


async def test_nobody_approves_their_own(asking: Asking) -> None:
    one = asking.wish()
    for verb in ("approve", "reject"):
        status, said = await asking.ask("POST", f"{ALL}/{one}/{verb}", {}, by="alice")
        assert (status, said["error"]["code"]) == (403, "own_approval")
    assert (await asking.ask("POST", f"{ALL}/{one}/approve", {}, by="root"))[1]["state"] == "approved"


async def test_two_have_to_be_two(asking: Asking) -> None:
    one = asking.wish(needed=2)
    assert (await asking.ask("POST", f"{ALL}/{one}/approve", {}))[1]["state"] == "waiting"
    status, said = await asking.ask("POST", f"{ALL}/{one}/approve", {})
    assert (status, said["error"]["code"]) == (409, "voted_already")
    assert (await asking.ask("POST", f"{ALL}/{one}/approve", {}, by="carol"))[1]["state"] == "approved"


async def test_each_tenant_sees_its_own(asking: Asking) -> None:
    ours, theirs = asking.wish(), asking.wish(tenant="other", by="key/zoe")
    assert [it["id"] for it in (await asking.ask("GET", ALL))[1]["data"]] == [ours]
    assert [it["id"] for it in (await asking.ask("GET", ALL, by="eve"))[1]["data"]] == [theirs]
    assert (await asking.ask("GET", f"{ALL}?tenant=other"))[0] == 403
    assert {it["id"] for it in (await asking.ask("GET", ALL, by="root"))[1]["data"]} == {ours, theirs}
    assert [it["id"] for it in (await asking.ask("GET", f"{ALL}?tenant=other", by="root"))[1]["data"]] == [theirs]


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("approve", {"action": {}}), ("approve", {"note": 5}), ("approve", {"note": "x" * 1001}), ("modify", {}),
        ("modify", {"action": "x"}), ("modify", {"action": {"action": "other"}}), ("approve", b"["),
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_changes_nothing(asking: Asking, verb: str, fields: Any) -> None:
    one = asking.wish()
    assert (await asking.ask("POST", f"{ALL}/{one}/{verb}", fields))[0] == 400
    found = asking.book.find(one)
    assert found is not None
    assert found.votes == ()
