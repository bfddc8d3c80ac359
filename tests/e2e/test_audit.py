"""The audit log of real gateways: everything becomes an event once and in order, also when processes are killed; what was
erased is gone while the chain stays whole.
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from antiphon.control.audit_verify import Verified, verify
from antiphon.control.checkpoints import tenant_of
from antiphon.core.audit_store import AuditStore
from antiphon.store.audit_sqlite import SqliteAudit
from antiphon.store.notes_place import NotesPlace
from antiphon.store.vault_sqlite import SqliteVault
from antiphon.vault.signing import signers
from rig.config import to_upstream
from rig.fixtures import Start
from rig.gateway import ASK_S, Config, Gateway
from rig.processes import shipper
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"PLAIN-ANSWER"}}]}'
ASK: dict[str, Any] = {"model": "gpt-test", "messages": [{"role": "user", "content": "PLAIN-PROMPT"}]}


def config(url: str) -> Config:
    made = to_upstream(url)
    made["storage"] = {"capture": "content", "ship_interval_s": 0.05}
    made["admin"] = {"port": 0}
    made["audit"] = {"checkpoints": "outside", "checkpoint_every_s": 1}
    return made


def bodies(gateway: Gateway, tenant: str) -> list[bytes]:
    return [one.body for one in SqliteAudit(gateway.data).links(tenant, 0, 100_000)]


def chained(gateway: Gateway, tenant: str = "acme") -> list[dict[str, Any]]:
    return [msgspec.json.decode(one) for one in bodies(gateway, tenant)]


def verified(gateway: Gateway) -> Verified:
    """As whoever has the checkpoints and the public key sees it."""
    store: AuditStore = SqliteAudit(gateway.data)
    place = NotesPlace(str(gateway.home / "outside"))
    notes = {tenant_of("antiphon", one) or "": list(place.all(one)) for one in place.origins()}
    lines = [body for head in store.heads() for body in bodies(gateway, head.tenant)]
    return verify(lines, notes, [one.key for one in signers(gateway.data / "audit.key", "antiphon")])


def admin(gateway: Gateway, method: str, path: str, fields: object = None) -> tuple[int, Any]:
    import urllib.error
    import urllib.request

    url = (gateway.data / "admin.url").read_text().strip() + path
    key = (gateway.data / "admin.key").read_text().strip()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = None if fields is None else json.dumps(fields).encode()
    try:
        asked = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
        with urllib.request.urlopen(asked, timeout=ASK_S) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_every_receipt_is_chained_once_though_shippers_and_workers_are_killed(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url))
    up.script = whole(ANSWER)
    ids: list[str] = []
    for blow in range(2):
        ids += [gateway.chat(ASK).receipt_id for _ in range(20)]
        os.kill(shipper(gateway), signal.SIGKILL)
        gateway.event("shipper.died", blow + 1)
    gateway.kill()
    gateway.start()
    ids.append(gateway.chat(ASK).receipt_id)
    assert gateway.stop() == 0

    found = verified(gateway)
    assert found.faults == []
    assert found.checkpoints >= 1
    told = [one["about"] for one in chained(gateway) if one["kind"] == "receipt"]
    assert sorted(told) == sorted(ids)
    assert len(told) == len(set(told))


def test_what_people_did_is_chained_and_content_that_was_erased_is_gone(start: Start, up: Upstream) -> None:
    gateway = start(config(up.url))
    up.script = whole(ANSWER)
    hers = gateway.chat({**ASK, "user": "carol"}).receipt_id
    his = gateway.chat({**ASK, "user": "bob"}).receipt_id
    assert admin(gateway, "PUT", "/admin/v1/keys/new", {"tenant": "acme"})[0] == 201
    until(lambda: len(gateway.stored()) == 2, "both are shipped")
    assert admin(gateway, "GET", f"/admin/v1/receipts/{hers}/content")[1]["answer"] == ANSWER.decode()

    status, done = admin(gateway, "POST", "/admin/v1/erasures", {"tenant": "acme", "subject": "user/carol"})
    assert (status, done["keys"]) == (200, 1)
    assert admin(gateway, "GET", f"/admin/v1/receipts/{hers}/content")[0] == 410
    assert admin(gateway, "GET", f"/admin/v1/receipts/{his}/content")[0] == 200

    again = gateway.chat({**ASK, "user": "carol"}).receipt_id
    assert gateway.stop() == 0
    found = verified(gateway)
    assert found.faults == []
    kinds = [one["kind"] for one in chained(gateway) if one["kind"] != "receipt"]
    assert sorted(kinds) == ["admin.change", "content.view", "content.view", "content.view", "erasure"]
    assert gateway.records().receipt(again) is not None
    everything = b"".join(bodies(gateway, "acme"))
    assert b"PLAIN" not in everything
    assert b"carol" not in everything


def test_content_is_kept_no_longer_than_a_policy_says(start: Start, up: Upstream, tmp_path: Path) -> None:
    policies = tmp_path / "keep.cedar"
    policies.write_text('@id("keep") @retention("7")\npermit(principal, action == Action::"call_model", resource);\n')
    gateway = start({**config(up.url), "policy": {"files": [str(policies)]}})
    up.script = whole(ANSWER)
    name = gateway.chat(ASK).receipt_id
    assert gateway.stop() == 0

    receipt = gateway.records().receipt(name)
    assert receipt is not None
    assert receipt.captured
    vault = SqliteVault(gateway.data)
    over_ns = receipt.at_ns + 7 * 86_400 * 10**9
    assert vault.lapse(over_ns - 1, 0, 10) == 0
    assert vault.lapse(over_ns, 0, 10) == 1
