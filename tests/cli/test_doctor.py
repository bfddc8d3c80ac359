"""`antiphon doctor`."""

import json
import os
import socket
from contextlib import closing

import pytest
from receipts import receipt_id

from antiphon.metering.journal import FileJournal

pytestmark = pytest.mark.processes

MODELS = "providers: {lab: {lab: {models: {one: {}}}}}\nmodels: {one: {provider: lab}}\n"


def findings(ran) -> dict[str, dict]:
    return {one["about"]: one for one in json.loads(ran.out)["findings"]}


@pytest.fixture
def house(tmp_path):
    """Write a configuration whose data directory is here; gives its file."""

    def write(more: str = MODELS, **server: object):
        file = tmp_path / "antiphon.yaml"
        said = ", ".join(f"{name}: {value}" for name, value in {"port": 0, **server}.items())
        file.write_text(f"server: {{{said}}}\nstorage: {{dir: data}}\n{more}")
        return file

    return write


def test_a_house_in_order_has_nothing_wrong(antiphon, house):
    ran = antiphon("doctor", "--config", house())
    assert ran.code == 0
    assert ran.err == "nothing is wrong\n"
    assert {line.split()[0] for line in ran.out.splitlines()} <= {"ok", "note", "->"}


def test_its_document_has_every_check(antiphon, house):
    ran = antiphon("doctor", "--config", house(), "--json")
    assert json.loads(ran.out)["ok"] is True
    assert set(findings(ran)) >= {
        *(
            "python",
            "packages",
            "configuration",
            "models",
            "clock",
            "file descriptors",
            "data directory",
            "disk space",
            "port",
        )
    }


def test_a_house_without_models_is_wrong(antiphon, house):
    ran = antiphon("doctor", "--config", house(""), "--json")
    found = findings(ran)["models"]
    assert (ran.code, found["state"]) == (1, "wrong")
    assert found["found"] == "nothing can be asked for: the configuration has no models"


def test_mistakes_of_the_configuration_are_counted(antiphon, house):
    ran = antiphon("doctor", "--config", house("nonsense: 1\nmore: 2\n"), "--json")
    found = findings(ran)["configuration"]
    assert ran.code == 1
    assert found["state"] == "wrong"
    assert found["found"].startswith("2 mistakes, first in ")
    assert "config check" in found["remedy"]


def test_our_gateway_is_known_by_its_answer(antiphon, gateway, text, tmp_path):
    data = gateway.config.parent / "data"
    port = gateway.url.rpartition(":")[2]
    twin = tmp_path / "twin.yaml"
    twin.write_text(f"server: {{port: {port}}}\n" + text.replace("dir: data", f"dir: {data}"))
    found = findings(antiphon("doctor", "--config", twin, "--json"))
    assert found["port"]["found"] == f"our gateway answers on 127.0.0.1:{port}, and is ready"
    assert found["journal"]["state"] == "ok"
    assert found["local key"]["state"] == "ok"


def test_a_gateway_of_another_house_is_told(antiphon, gateway, house):
    port = gateway.url.rpartition(":")[2]
    assert (
        "another data directory"
        in findings(antiphon("doctor", "--config", house(port=port), "--json"))["port"]["found"]
    )


def test_a_port_that_another_server_has_is_wrong(antiphon, house):
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        ran = antiphon("doctor", "--config", house(port=other.getsockname()[1]), "--json")
    assert ran.code == 1
    assert findings(ran)["port"]["state"] == "wrong"
    assert findings(ran)["port"]["remedy"]


def test_providers_are_reached_without_a_call(antiphon, house):
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as there,
        closing(socket.create_server(("127.0.0.1", 0))) as gone,
    ):
        address = gone.getsockname()[1]
        gone.close()
        providers = (
            f"  here: {{profile: compatible, base_url: 'http://127.0.0.1:{there.getsockname()[1]}/v1'}}\n"
            f"  shut: {{profile: compatible, base_url: 'http://127.0.0.1:{address}/v1', query: {{key: hidden}}}}\n"
            "  lost: {profile: compatible, base_url: 'https://upstream.invalid/v1'}\n"
            "  plain: {profile: compatible, base_url: 'https://127.0.0.1:" + str(there.getsockname()[1]) + "/v1'}\n"
            "  off: {profile: openai}\n"
            "  lab: {lab: {models: {one: {}}}}\n"
        )
        ran = antiphon("doctor", "--config", house(f"providers:\n{providers}"), "--json")
    found = {about.removeprefix("provider "): one for about, one in findings(ran).items()}
    assert ran.code == 1
    assert [found[name]["state"] for name in ("here", "shut", "lost", "plain", "off", "lab")] == [
        *("ok", "wrong", "wrong", "wrong", "note", "ok")
    ]
    assert "Connection refused" in found["shut"]["found"]
    assert "its name is not known" in found["lost"]["found"]
    assert "within 3 s" in found["plain"]["found"]
    assert all(found[name]["remedy"] for name in ("shut", "lost", "plain"))
    assert "hidden" not in ran.out + ran.err


def test_a_key_that_others_may_read_is_wrong(antiphon, house, tmp_path):
    file = house()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "local.key").write_bytes(bytes(32))
    (tmp_path / "data" / "local.key").chmod(0o644)
    found = findings(antiphon("doctor", "--config", file, "--json"))["local key"]
    assert found["state"] == "wrong"
    assert found["remedy"].startswith("chmod 600 ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_wrong(antiphon, house, tmp_path):
    file = house()
    (tmp_path / "data").mkdir(mode=0o500)
    assert findings(antiphon("doctor", "--config", file, "--json"))["data directory"]["state"] == "wrong"


def test_a_file_in_the_place_of_the_directory_is_wrong(antiphon, house, tmp_path):
    file = house()
    (tmp_path / "data").write_text("")
    assert findings(antiphon("doctor", "--config", file, "--json"))["data directory"]["state"] == "wrong"


def test_what_a_dead_gateway_left_in_the_journal_is_told(antiphon, house, tmp_path):
    file = house()
    journal = tmp_path / "data" / "journal"
    journal.mkdir(parents=True)
    with closing(FileJournal(journal, "1-0001")) as left:
        left.captured(receipt_id(1), "acme", bytes(1450))
    found = findings(antiphon("doctor", "--config", file, "--json"))["journal"]
    assert found["state"] == "note"
    assert "1 segment, 1.5 kB not in the database yet, and no gateway runs" in found["found"]
    assert found["remedy"].startswith("start the gateway")


def test_the_known_providers_are_listed(antiphon):
    told = json.loads(antiphon("doctor", "--profiles", "--json").out)["profiles"]
    page = antiphon("doctor", "--profiles").out.splitlines()
    assert {"name": "openai", "base_url": "https://api.openai.com/v1", "needs_key": True}.items() <= told[0].items()
    assert page[0].split() == ["NAME", "BASE", "URL", "KEY", "SOURCE"]
    assert len(page) == len(told) + 1
