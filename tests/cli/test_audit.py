"""`antiphon audit` and `antiphon vault`: for an auditor with an export and a key, and for whoever runs the gateway."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from receipts import receipt, receipt_id

from antiphon.app.places import Places
from antiphon.app.vaults import envelope
from antiphon.cli.main import main
from antiphon.config.load import load
from antiphon.core.principal import Principal
from antiphon.core.vault_store import Content
from antiphon.store.database import Batch, Row
from antiphon.store.sqlite import FILE, SqliteDatabase
from antiphon.vault.sealed import owner_of

COUNT = 5


class House:
    """A configuration, and records in its data directory."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.config = directory / "antiphon.yaml"
        self.config.write_text(
            f"storage: {{dir: {self.data}}}\naudit: {{checkpoints: outside}}\n"
            "providers: {lab: {lab: {models: {m: {}}}}}\nmodels: {m: {provider: lab}}\n"
        )
        self._capsys = capsys
        self.run("audit", "list")
        self.sealer = envelope(load(self.config, {}).settings, Places.under(self.data, self.data))
        with closing(SqliteDatabase(self.data)) as database:
            for number in range(COUNT):
                self.put(database, number)

    def put(self, database: SqliteDatabase, number: int) -> None:
        one = msgspec.structs.replace(
            receipt(number), captured=True, principal=Principal(tenant="acme", key="app", user="alice")
        )
        plain = msgspec.msgpack.encode({"request": b"asked", "answer": b"said", "cut": False})
        sealed = self.sealer.seal(plain, f"acme/{one.id}", tenant="acme", subject="user/alice")
        row = Row(id=one.id, tenant="acme", at_ns=number, outcome="ok", body=msgspec.json.encode(one))
        content = Content(one.id, "acme", sealed, owner_of(sealed))
        database.write(Batch(rows=[row], contents=[content], notes=[("acme", "receipt", one.id, None)]))

    def plain(self, *arguments: str) -> tuple[int, str, str]:
        """A command's exit code, and what it printed."""
        self._capsys.readouterr()
        code = main([*arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def run(self, *arguments: str, json_too: bool = True) -> tuple[int, Any]:
        """The same with the configuration, and the document that it printed."""
        code, out, _ = self.plain(*arguments, "--config", str(self.config), *(["--json"] if json_too else []))
        return code, json.loads(out) if out.startswith("{") else out

    def edit(self, statement: str) -> None:
        with closing(sqlite3.connect(self.data / FILE)) as db, db:
            db.execute(statement)


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> House:
    return House(tmp_path, capsys)


def test_chains_are_stated_listed_and_verified(house: House) -> None:
    code, made = house.run("audit", "checkpoint")
    assert (code, len(made["data"])) == (0, 1)
    assert made["data"][0].startswith(f"antiphon/acme\n{COUNT}\n")
    assert house.run("audit", "checkpoint")[1] == {"data": []}

    (chain,) = house.run("audit", "list")[1]["data"]
    assert (chain["tenant"], chain["size"], chain["checkpoint"], chain["exported"]) == ("acme", COUNT, COUNT, True)
    code, found = house.run("audit", "verify", "--receipts")
    assert (code, found) == (0, {"ok": True, "chains": {"acme": COUNT}, "checkpoints": 2, "faults": [], "unstated": 0})
    assert "acme" in house.run("audit", "list", json_too=False)[1]


def test_an_auditor_checks_an_export_by_a_key_alone(house: House, tmp_path: Path) -> None:
    house.run("audit", "checkpoint")
    (key,) = house.run("audit", "key")[1]["keys"]
    out = tmp_path / "out"
    assert house.run("audit", "export", str(out))[1] == {"directory": str(out), "events": COUNT, "tenants": ["acme"]}
    assert house.run("audit", "export", str(out))[0] == 1  # it is there already
    (tmp_path / "elsewhere").mkdir()

    log, points = str(out / "events.jsonl"), str(out / "checkpoints")
    code, said, _ = house.plain("audit", "verify", "--log", log, "--checkpoints", points, "--trust", key)
    assert (code, said) == (0, f"{COUNT} events of 1 chain, 1 checkpoint that agree\n")

    lines = (out / "events.jsonl").read_bytes().splitlines(keepends=True)
    (out / "events.jsonl").write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    code, said, _ = house.plain("audit", "verify", "--log", log, "--checkpoints", points, "--trust", key, "--json")
    assert code == 1
    assert {one["what"] for one in json.loads(said)["faults"]} == {"order", "link", "rewritten"}
    (out / "events.jsonl").write_bytes(b"".join(lines[:-1]))
    code, said, _ = house.plain("audit", "verify", "--log", log, "--checkpoints", points, "--trust", key)
    assert "truncated: acme: 4 events are there, and a checkpoint states 5" in said


def test_a_key_that_is_none_and_a_log_without_a_key_are_refused(house: House) -> None:
    assert house.plain("audit", "verify", "--log", "x")[0] != 0
    code, _, err = house.plain("audit", "verify", "--log", "x", "--trust", "nonsense")
    assert code != 0
    assert "antiphon audit key" in err
    assert house.plain("audit", "verify", "--proof", "x")[0] != 0


def test_proofs_hold_by_themselves_and_changed_ones_do_not(house: House, tmp_path: Path) -> None:
    house.run("audit", "checkpoint")
    (key,) = house.run("audit", "key")[1]["keys"]
    with closing(SqliteDatabase(house.data)) as database:
        house.put(database, COUNT)
    house.run("audit", "checkpoint")
    file = tmp_path / "proof.json"

    for arguments in (
        ("--receipt", receipt_id(2)),
        ("--tenant", "acme", "--seq", "0"),
        ("--tenant", "acme", "--old", "5"),
    ):
        code, made = house.run("audit", "proof", *arguments)
        assert code == 0
        file.write_text(json.dumps(made))
        assert house.plain("audit", "verify", "--proof", str(file), "--trust", key) == (
            0,
            "the proof holds: antiphon/acme\n",
            "",
        )
        file.write_text(json.dumps({**made, "path": made["path"][1:]}))
        assert house.plain("audit", "verify", "--proof", str(file), "--trust", key)[0] == 1

    assert house.run("audit", "proof", "--receipt", "nobody")[0] == 1
    assert house.run("audit", "proof")[0] == 1


def test_a_receipt_that_was_changed_in_the_database_is_found(house: House) -> None:
    house.run("audit", "checkpoint")
    house.edit(
        f"UPDATE receipts SET body = CAST(replace(CAST(body AS TEXT), 'alice', 'mallo') AS BLOB) WHERE id = '{receipt_id(3)}'"
    )

    assert house.run("audit", "verify")[0] == 0
    code, found = house.run("audit", "verify", "--receipts")
    assert code == 1
    assert [(one["what"], one["seq"]) for one in found["faults"]] == [("receipt", 3)]


def test_both_keys_sign_after_a_rotation_and_either_checks(house: House) -> None:
    (old,) = house.run("audit", "key")[1]["keys"]
    new, before = house.run("audit", "rotate")[1]["keys"]
    assert before == old
    house.run("audit", "checkpoint")

    for key in (old, new):
        assert house.run("audit", "verify", "--trust", key)[0] == 0
    third, second = house.run("audit", "rotate")[1]["keys"]
    assert (second, third != new) == (new, True)
    assert (house.data / "audit.key").stat().st_mode & 0o777 == 0o600


def test_content_is_noted_held_erased_and_gone_while_the_chain_verifies(house: House) -> None:
    code, shown = house.run("receipt", "show", receipt_id(1), "--content")
    assert (code, shown["content"]["answer"]) == (0, "said")
    hold = house.run("vault", "hold", "--tenant", "acme", "--subject", "user/alice", "--note", "case 7")[1]
    code, _, err = house.plain(
        "vault", "erase", "--tenant", "acme", "--subject", "user/alice", "--config", str(house.config)
    )
    assert code == 4
    assert hold["id"] in err
    assert "case 7" in house.run("vault", "holds", json_too=False)[1]
    assert house.run("vault", "lift", hold["id"])[0] == 0

    assert house.run("vault", "erase", "--tenant", "acme", "--subject", "user/alice")[1]["keys"] == 1
    code, _, err = house.plain("receipt", "show", receipt_id(1), "--content", "--config", str(house.config))
    assert code != 0
    assert "erased" in err

    house.run("audit", "checkpoint")
    assert house.run("audit", "verify", "--receipts")[1]["ok"] is True
    house.run("audit", "export", str(house.directory / "out"))
    said = [json.loads(line) for line in (house.directory / "out" / "events.jsonl").read_bytes().splitlines()]
    assert [(one["kind"], one["by"]) for one in said if one["kind"] != "receipt"] == [
        (kind, "cli") for kind in ("content.view", "hold.placed", "hold.lifted", "erasure", "content.view")
    ]


def test_keys_are_rotated_and_unknown_tokens_told(house: House) -> None:
    code, done = house.run("vault", "rotate")
    assert (code, done["rewrapped"]) == (0, 1)
    assert house.run("receipt", "show", receipt_id(1), "--content")[1]["content"]["answer"] == "said"

    said = house.run("vault", "reveal", "[[EMAIL_0]]", "--tenant", "acme", json_too=False)[1]
    assert said == "[[EMAIL_0]]: unknown, lapsed or erased\n"
