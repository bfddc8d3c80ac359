"""The admin API's paths of the audit log, of sealed content, and of erasure, on a real database."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from receipts import receipt

from antiphon.app.auditing import Auditing
from antiphon.control import audit_proofs
from antiphon.control.audit_chain import chained
from antiphon.control.settings_audit import AuditSettings
from antiphon.core.ledger import Posting
from antiphon.core.principal import Principal
from antiphon.core.request import Lineage
from antiphon.core.vault_store import Content
from antiphon.store.database import Batch, Row
from antiphon.store.sqlite import SqliteDatabase
from antiphon.vault.sealed import owner_of
from antiphon.vault.signing import parse

from .conftest import BOOTSTRAP, Office


class Sealing:
    """An office on whose database content lies."""

    def __init__(self, directory: Path) -> None:
        self.office = Office(directory)
        self.directory = directory
        self.proof = self.office.site.desk.proof()
        self.sealer: Any = self.proof.erasing.owners

    def put(self, number: int, subject: str = "user/alice", session: str = "", tenant: str = "acme") -> str:
        one = receipt(number)
        principal = Principal(tenant=tenant, key="app", user=subject.removeprefix("user/"))
        one = msgspec.structs.replace(one, captured=True, principal=principal, lineage=Lineage(session=session))
        plain = msgspec.msgpack.encode({"request": b"asked", "answer": b"said", "cut": False})
        sealed = self.sealer.seal(plain, f"{tenant}/{one.id}", tenant=tenant, subject=subject)
        row = Row(id=one.id, tenant=tenant, at_ns=number, outcome="ok", body=msgspec.json.encode(one))
        database = SqliteDatabase(self.directory)
        notes = [(tenant, "receipt", one.id, None)]
        database.write(Batch(rows=[row], contents=[Content(one.id, tenant, sealed, owner_of(sealed))], notes=notes))
        database.close()
        return one.id

    async def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        asked = await self.office.ask(method, path, body, key=BOOTSTRAP)
        assert asked.status == status, asked.body
        return json.loads(asked.body)

    def events(self, tenant: str = "acme") -> list[dict[str, Any]]:
        """What was chained, the receipts left out."""
        while self.office.audit.grow(chained, 100):
            pass
        said = [msgspec.json.decode(one.body) for one in self.office.audit.links(tenant, 0, 1000)]
        return [one for one in said if one["kind"] != "receipt"]


@pytest.fixture
def sealing(tmp_path: Path) -> Sealing:
    return Sealing(tmp_path)


async def test_content_is_shown_once_it_is_noted_who_saw_it(sealing: Sealing) -> None:
    name = sealing.put(1)

    assert await sealing.ask("GET", f"/admin/v1/receipts/{name}/content") == {
        "receipt": name, "request": "asked", "answer": "said", "cut": False,
    }  # fmt: skip
    (event,) = sealing.events()
    assert (event["kind"], event["by"], event["about"]) == ("content.view", "bootstrap", name)


async def test_a_subject_is_erased_and_content_of_theirs_is_gone_while_the_chain_stays_whole(sealing: Sealing) -> None:
    hers, his = sealing.put(1), sealing.put(2, "user/bob")

    done = await sealing.ask(
        "POST", "/admin/v1/erasures", {"tenant": "acme", "subject": "user/alice", "note": "art. 17"}
    )

    assert done == {"tenant": "acme", "keys": 1, "receipts": 0, "runs": 0}
    gone = await sealing.ask("GET", f"/admin/v1/receipts/{hers}/content", status=410)
    assert gone["error"]["code"] == "erased"
    assert (await sealing.ask("GET", f"/admin/v1/receipts/{his}/content"))["answer"] == "said"
    events = sealing.events()
    assert [one["kind"] for one in events] == ["erasure", "content.view", "content.view"]
    assert events[0]["detail"]["note"] == "art. 17"
    assert "alice" not in json.dumps(events)


async def test_a_receipt_or_a_session_is_erased_by_itself(sealing: Sealing) -> None:
    one, two, other = sealing.put(1), sealing.put(2, session="s-1"), sealing.put(3, session="s-2")

    assert (await sealing.ask("POST", "/admin/v1/erasures", {"tenant": "acme", "receipt": one}))["receipts"] == 1
    assert (await sealing.ask("POST", "/admin/v1/erasures", {"tenant": "acme", "session": "s-1"}))["receipts"] == 1

    for name, status in ((one, 410), (two, 410), (other, 200)):
        await sealing.ask("GET", f"/admin/v1/receipts/{name}/content", status=status)
    await sealing.ask("POST", "/admin/v1/erasures", {"tenant": "other", "receipt": other}, status=404)


async def test_everything_of_a_tenant_is_erased_and_nothing_of_anothers(sealing: Sealing) -> None:
    mine, theirs = sealing.put(1), sealing.put(2, tenant="other")

    assert (await sealing.ask("POST", "/admin/v1/erasures", {"tenant": "acme", "everything": True}))["keys"] == 1

    await sealing.ask("GET", f"/admin/v1/receipts/{mine}/content", status=410)
    await sealing.ask("GET", f"/admin/v1/receipts/{theirs}/content")


@pytest.mark.parametrize(
    "on",
    [{"subject": "user/alice"}, {"receipt": "?"}, {"session": "s-1"}, {"everything": True}],
    ids=lambda one: next(iter(one)),
)
@pytest.mark.parametrize(
    "erased",
    [{"subject": "user/alice"}, {"receipt": "?"}, {"session": "s-1"}, {"everything": True}],
    ids=lambda one: next(iter(one)),
)
async def test_a_hold_stands_against_every_erasure_that_would_take_what_it_is_on(
    sealing: Sealing, on: dict[str, object], erased: dict[str, object]
) -> None:
    name = sealing.put(1, session="s-1")
    named = lambda one: {"tenant": "acme", **{key: name if value == "?" else value for key, value in one.items()}}  # noqa: E731
    hold = await sealing.ask("POST", "/admin/v1/holds", {**named(on), "note": "case 7"}, status=200)

    refused = await sealing.ask("POST", "/admin/v1/erasures", named(erased), status=403)
    assert refused["error"]["code"] == "legal_hold"
    await sealing.ask("GET", f"/admin/v1/receipts/{name}/content")
    assert [one["id"] for one in (await sealing.ask("GET", "/admin/v1/holds?tenant=acme"))["data"]] == [hold["id"]]

    await sealing.ask("DELETE", f"/admin/v1/holds/{hold['id']}")
    await sealing.ask("POST", "/admin/v1/erasures", named(erased))
    await sealing.ask("GET", f"/admin/v1/receipts/{name}/content", status=410)
    kinds = [one["kind"] for one in sealing.events()]
    assert kinds == ["hold.placed", "content.view", "hold.lifted", "erasure", "content.view"]


async def test_a_hold_on_somebody_else_stands_against_nothing(sealing: Sealing) -> None:
    sealing.put(1)
    sealing.put(2, "user/bob", session="s-2")
    for on in ({"subject": "user/bob"}, {"session": "s-2"}):
        await sealing.ask("POST", "/admin/v1/holds", {"tenant": "acme", **on})

    assert (await sealing.ask("POST", "/admin/v1/erasures", {"tenant": "acme", "subject": "user/alice"}))["keys"] == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tenant": "acme"}, "subject"),
        ({"tenant": "acme", "subject": "a", "receipt": "b"}, "subject"),
        ({"tenant": "acme", "session": 'a"b'}, "session"),
        ({"tenant": "acme", "subject": "x" * 600}, "subject"),
        ({"tenant": "acme", "everything": 1}, "everything"),
        ({"tenant": "acme", "other": 1}, "other"),
    ],
)
async def test_what_is_to_be_erased_is_named_once_and_well(
    sealing: Sealing, body: dict[str, object], param: str
) -> None:
    refused = await sealing.ask("POST", "/admin/v1/erasures", body, status=400)
    assert refused["error"]["param"] == param
    assert sealing.events() == []


async def test_an_auditor_gets_proofs_that_hold_without_the_gateway(sealing: Sealing) -> None:
    names = [sealing.put(number) for number in range(5)]
    auditing = Auditing(AuditSettings(), sealing.office.audit, sealing.directory)
    auditing.step(float("inf"))
    sealing.put(9)
    auditing.step(float("inf"))

    said = await sealing.ask("GET", "/admin/v1/audit")
    (chain,) = said["data"]
    assert (chain["tenant"], chain["size"], chain["checkpoint"]) == ("acme", 6, 6)
    keys = [parse(one) for one in said["keys"]]
    for path in (f"inclusion?receipt={names[3]}", "inclusion?tenant=acme&seq=0", "consistency?tenant=acme&old=5"):
        proof = audit_proofs.decoder.decode(json.dumps(await sealing.ask("GET", f"/admin/v1/audit/{path}")))
        assert audit_proofs.wrong(proof, keys) == ""
    page = await sealing.ask("GET", "/admin/v1/audit/events?tenant=acme&limit=4")
    assert ([one["seq"] for one in page["data"]], page["next"]) == ([0, 1, 2, 3], 4)
    assert len((await sealing.ask("GET", "/admin/v1/audit/checkpoints?tenant=acme"))["data"]) == 2
    await sealing.ask("GET", "/admin/v1/audit/inclusion?tenant=acme&seq=99", status=404)
    await sealing.ask("GET", "/admin/v1/audit/inclusion?receipt=nobody", status=404)
    await sealing.ask("GET", "/admin/v1/audit/inclusion", status=400)


async def test_keys_are_wrapped_anew_and_tokens_of_nobody_mean_nothing(sealing: Sealing) -> None:
    name = sealing.put(1)
    done = await sealing.ask("POST", "/admin/v1/vault/rotations")
    assert (done["rewrapped"], done["left"]) == (1, [])
    await sealing.ask("GET", f"/admin/v1/receipts/{name}/content")

    said = await sealing.ask("POST", "/admin/v1/tokens/reveal", {"tenant": "acme", "tokens": ["[[EMAIL_1]]"]})
    assert said == {"tenant": "acme", "values": {}}
    assert sealing.events()[-1]["detail"]["tokens"] == ["[[EMAIL_1]]"]
    assert [one["kind"] for one in sealing.events("")] == ["vault.rotated"]
    await sealing.ask("POST", "/admin/v1/tokens/reveal", {"tenant": "acme", "tokens": []}, status=400)


async def test_every_change_of_an_object_is_chained(sealing: Sealing) -> None:
    await sealing.ask("PUT", "/admin/v1/keys/new", {"tenant": "acme"}, status=201)

    (event,) = sealing.events()
    assert (event["kind"], event["about"], event["by"]) == ("admin.change", "key/new", "bootstrap")


async def test_a_correction_of_the_ledger_is_chained_with_what_it_books(sealing: Sealing) -> None:
    posting = Posting(
        id="w-1", at_ns=1, kind="settled", tenant="acme", receipt="r", holds="", debit="tenant/acme", credit="provider/p/d",
        money_nano_usd=5, tokens=1, requests=1,
    )  # fmt: skip
    database = SqliteDatabase(sealing.directory)
    database.write(Batch(postings=[posting]))
    database.close()

    await sealing.ask("POST", "/admin/v1/ledger/corrections", {"entry": "w-1", "usd": 0.5, "note": "refund"})

    (event,) = sealing.events()
    assert (event["kind"], event["about"], event["by"]) == ("admin.change", "ledger/w-1", "bootstrap")
    assert event["detail"]["money_nano_usd"] == 500_000_000
