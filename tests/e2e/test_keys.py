"""Virtual keys: made, used, rotated and revoked while a gateway runs, by the command and by the admin API."""

import http.client
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.config import ALICE, KEYS, ROOT, to_upstream
from rig.fixtures import Start
from rig.gateway import ASK_S, Answer, Config, Gateway
from rig.processes import open_files, workers
from rig.upstream import Upstream, whole
from rig.wait import until

pytestmark = pytest.mark.processes

ANSWER = b'{"id":"c","object":"chat.completion","choices":[]}'
ASK = {"model": "gpt-test", "messages": []}
WORKERS = 2


def managed(url: str, **more: Any) -> Config:
    return {**to_upstream(url), "admin": {"port": 0}, **more}


def started(start: Start, up: Upstream, **more: Any) -> Gateway:
    up.script = whole(ANSWER)
    return start(managed(up.url, **more), "--workers", str(WORKERS))


def command(gateway: Gateway, *arguments: str, code: int = 0, plain: bool = False, **environ: str) -> str:
    """Run `antiphon`, and give what it printed on stdout. `plain`: the arguments name the configuration."""
    named = [] if plain else ["--config", str(gateway.file)]
    ran = subprocess.run(
        [sys.executable, "-m", "antiphon", *arguments, *named],
        capture_output=True,
        text=True,
        cwd=gateway.home,
        env={**os.environ, "PYTHONWARNINGS": "error", **environ},
        timeout=60,
    )
    assert ran.returncode == code, ran
    return ran.stdout if code == 0 else ran.stderr


def admin(gateway: Gateway, method: str, path: str, fields: Any = None, *, key: str = "", **headers: str) -> Answer:
    """Ask the admin API."""
    url = (gateway.data / "admin.url").read_text().strip()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=ASK_S)
    told = {"authorization": f"Bearer {key or (gateway.data / 'admin.key').read_text().strip()}", **headers}
    body = None if fields is None else json.dumps(fields).encode()
    try:
        connection.request(
            method, path, body, {**told, **({} if body is None else {"content-type": "application/json"})}
        )
        response = connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, said, response.read())
    finally:
        connection.close()


def asked(gateway: Gateway, key: str, times: int = 8, headers: Mapping[str, str] | None = None) -> set[tuple[int, str]]:
    """(status, code) of calls with a key, each over a connection of its own, so that every worker gets some."""
    answers = [gateway.chat(ASK, key=key, headers=headers) for _ in range(times)]
    return {(one.status, "" if one.status == 200 else one.error["code"]) for one in answers}


def test_a_key_that_the_command_makes_is_taken_by_every_worker_at_once_and_refused_at_once_when_revoked(
    start: Start, up: Upstream
) -> None:
    gateway = started(start, up)
    assert len(workers(gateway)) == WORKERS

    text = command(gateway, "keys", "create", "ci", "--team", "search", "--department", "rnd", "--tag", "e2e").strip()
    assert re.fullmatch(r"ak-[0-9A-Za-z]{49}", text)
    assert asked(gateway, text) == {(200, "")}
    receipt = gateway.receipt(gateway.chat(ASK, key=text), key=ROOT)
    assert receipt["principal"] == {
        "tenant": "default", "key": "ci", "team": "search", "department": "rnd", "tags": ["e2e"],
        "models": ["*"],
    }  # fmt: skip

    command(gateway, "keys", "revoke", "ci")
    assert asked(gateway, text) == {(401, "key_revoked")}
    assert "ci" in command(gateway, "keys", "list")
    assert text not in (gateway.log_file.read_text() + command(gateway, "keys", "show", "ci"))


def test_refusals_come_in_the_caller_s_dialect(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    text = admin(gateway, "PUT", "/admin/v1/keys/old", {"expires": "2020-01-01T00:00:00Z"}).json["key"]

    openai = gateway.chat(ASK, key=text)
    messages = gateway.ask("POST", "/v1/messages", json.dumps({**ASK, "max_tokens": 5}).encode(), key=text)
    gemini = gateway.ask("POST", "/v1beta/models/gpt-test:generateContent", b'{"contents":[]}', key=text)

    assert (openai.status, openai.error["code"]) == (401, "key_expired")
    assert "2020-01-01T00:00:00Z" in openai.error["message"]
    assert openai.headers["www-authenticate"].startswith("Bearer")
    assert (messages.status, messages.json["type"], messages.error["type"]) == (401, "error", "authentication_error")
    assert (gemini.status, gemini.error["status"]) == (401, "UNAUTHENTICATED")
    assert "KEY_EXPIRED" in gemini.body.decode()
    assert up.seen == []
    assert gateway.receipt(openai, key=ROOT)["error"] == "key_expired"


def test_after_a_rotation_both_texts_are_taken_and_without_overlap_the_new_one_alone(
    start: Start, up: Upstream
) -> None:
    gateway = started(start, up)
    first = command(gateway, "keys", "create", "ci").strip()
    second = command(gateway, "keys", "rotate", "ci", "--overlap", "1h").strip()
    assert asked(gateway, first) == asked(gateway, second) == {(200, "")}

    third = command(gateway, "keys", "rotate", "ci", "--overlap", "0s").strip()

    assert asked(gateway, first) == asked(gateway, second) == {(401, "key_expired")}
    assert asked(gateway, third) == {(200, "")}


def test_a_key_outlives_a_restart_and_the_death_of_every_worker(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    text = command(gateway, "keys", "create", "ci", "--model", "gpt-*").strip()
    gone = command(gateway, "keys", "create", "gone").strip()
    command(gateway, "keys", "delete", "gone")

    for pid in workers(gateway):
        os.kill(pid, signal.SIGKILL)
    gateway.event("worker.died", WORKERS)
    until(lambda: len(workers(gateway)) == WORKERS, "the workers are back")
    assert asked(gateway, text) == {(200, "")}
    assert asked(gateway, gone) == {(401, "invalid_api_key")}
    gateway.stop()

    again = start(gateway.config, "--workers", "2")
    assert asked(again, text) == {(200, "")}
    assert again.chat({**ASK, "model": "bob-test"}, key=text).error["code"] == "model_not_allowed"


def test_the_admin_api_outlives_workers_and_comes_back_from_its_own_death(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    url = (gateway.data / "admin.url").read_text()
    (served,) = set(gateway.children()) - set(workers(gateway)) - set(others(gateway))
    for pid in workers(gateway):
        os.kill(pid, signal.SIGKILL)
    gateway.event("worker.died", WORKERS)
    assert admin(gateway, "GET", "/admin/v1/keys").status == 200

    os.kill(served, signal.SIGKILL)

    assert gateway.event("admin.died")["pid"] == served
    made = until(lambda: attempted(gateway), "the admin API is back")
    assert made.status == 201
    assert (gateway.data / "admin.url").read_text() == url
    until(lambda: asked(gateway, made.json["key"]) == {(200, "")}, "every worker takes it")


def attempted(gateway: Gateway) -> Answer | None:
    try:
        return admin(gateway, "PUT", "/admin/v1/keys/late", {})
    except OSError:
        return None


def others(gateway: Gateway) -> list[int]:
    """Processes that are neither workers nor the admin API's: the shipper has the database open and no socket."""
    return [pid for pid in gateway.children() if not any("socket:" in name for name in open_files(pid))]


def test_what_the_file_owns_is_changed_in_the_file_alone(start: Start, up: Upstream) -> None:
    gateway = started(start, up)

    refused = admin(gateway, "PUT", "/admin/v1/keys/alice", {"team": "other"})
    said = command(gateway, "keys", "revoke", "alice", code=1)

    assert (refused.status, refused.error["code"]) == (409, "owned_by_yaml")
    assert "configuration file" in said
    assert asked(gateway, ALICE) == {(200, "")}


def test_a_file_that_names_what_the_api_owns_is_refused_with_both_owners_named(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    text = command(gateway, "keys", "create", "ci").strip()
    before = gateway.get("/readyz").json["revision"]

    gateway.write(managed(up.url, keys=[*KEYS, {"name": "ci", "key": "sk-ci-in-the-file"}]))

    reason = gateway.event("config.refused")["reason"]
    assert "antiphon.yaml" in reason
    assert "the admin API owns a key ci too" in reason
    assert gateway.get("/readyz").json["revision"] == before
    assert asked(gateway, text) == {(200, "")}
    gateway.stop()
    gateway.launch()
    assert gateway.ended() == 3
    assert "the admin API owns a key ci too" in gateway.log_file.read_text()


def test_a_reload_changes_what_the_admin_api_knows_of_the_file(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    gateway.write(managed(up.url, keys=[*KEYS, {"name": "carol", "key": "sk-carol-0001", "admin": True}]))
    gateway.event("config.taken", WORKERS)

    until(lambda: admin(gateway, "GET", "/admin/v1/keys", key="sk-carol-0001").status == 200, "carol may ask")
    assert admin(gateway, "DELETE", "/admin/v1/keys/carol").error["code"] == "owned_by_yaml"


def test_without_a_key_in_the_file_nobody_is_anonymous_where_keys_are_managed(start: Start, up: Upstream) -> None:
    gateway = started(start, up, keys=[])

    assert asked(gateway, "", 4) == {(401, "invalid_api_key")}
    text = command(gateway, "keys", "create", "first").strip()
    assert asked(gateway, text) == {(200, "")}
    assert asked(gateway, text[:-1], 2) == {(401, "invalid_api_key")}
    assert "mistyped" in gateway.chat(ASK, key=text[:-1]).error["message"]


def test_the_first_admin_key_is_for_its_owner_s_eyes_and_stays(start: Start, up: Upstream) -> None:
    gateway = started(start, up)
    file = gateway.data / "admin.key"
    key = file.read_text()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log = gateway.log_file.read_text()
    assert str(file) in log
    assert key.strip() not in log
    assert asked(gateway, key.strip(), 2) == {(401, "invalid_api_key")}, "it is no key for model calls"
    gateway.stop()
    assert not (gateway.data / "admin.url").exists()
    again = start(gateway.config)
    assert file.read_text() == key
    assert admin(again, "GET", "/admin/v1/changes").json["data"] == []


def test_a_first_admin_key_may_be_set(start: Start, up: Upstream) -> None:
    gateway = start(managed(up.url, admin={"port": 0, "key": "${env:FIRST}"}), FIRST="ak-set-by-hand-0001")
    assert not (gateway.data / "admin.key").exists()
    assert admin(gateway, "GET", "/admin/v1/keys", key="ak-set-by-hand-0001").status == 200
    assert admin(gateway, "GET", "/admin/v1/keys", key="ak-another-one-0001").status == 401
    command(gateway, "keys", "list", FIRST="ak-set-by-hand-0001")


def test_without_a_gateway_the_command_works_on_the_store(start: Start, up: Upstream) -> None:
    up.script = whole(ANSWER)
    gateway = start(managed(up.url))
    gateway.stop()

    text = command(gateway, "keys", "create", "ci").strip()
    command(gateway, "keys", "create", "alice", code=1)

    again = start(gateway.config)
    assert asked(again, text, 2) == {(200, "")}
    assert [one["by"] for one in admin(again, "GET", "/admin/v1/changes").json["data"]] == ["cli"]


def test_a_gateway_without_an_admin_api_takes_over_what_the_command_wrote(start: Start, up: Upstream) -> None:
    up.script = whole(ANSWER)
    gateway = start(to_upstream(up.url), "--workers", "2")
    assert not (gateway.data / "admin.key").exists()

    text = command(gateway, "keys", "create", "ci").strip()
    until(lambda: asked(gateway, text) == {(200, "")}, "every worker knows it")
    command(gateway, "keys", "revoke", "ci")
    until(lambda: asked(gateway, text) == {(401, "key_revoked")}, "every worker refuses it")


def test_drift_is_shown_and_what_the_api_owns_can_be_written_as_a_file_would_have_it(
    start: Start, up: Upstream
) -> None:
    gateway = started(start, up)
    command(gateway, "keys", "create", "ci-bot", "--team", "search", "--usd", "20", "--window", "day")
    spec = gateway.home / "limit.yaml"
    spec.write_text("requests: 600\non: [team]\n")
    command(gateway, "limits", "set", "rate", str(spec))

    shown = command(gateway, "config", "diff")
    exported = yaml.safe_load(command(gateway, "config", "diff", "--export"))

    assert [line.split(" (")[0] for line in shown.splitlines()] == ["+ keys[ci-bot]", "+ limits[rate]"]
    assert exported["keys"] == [
        {
            "name": "ci-bot",
            "team": "search",
            "budget": {"usd": 20.0, "window": "day"},
            "key": "${env:CI_BOT_KEY}",
        }
    ]
    (limit,) = exported["limits"]
    assert limit == {"name": "rate", "requests": 600, "on": ["team"]}
    other = gateway.home / "other.yaml"
    config = managed(up.url)
    config["keys"] = [*KEYS, {"name": "ci-bot", "key": "sk-ci-bot-0001", "team": "other"}]
    other.write_text(yaml.safe_dump(config))
    said = json.loads(command(gateway, "config", "diff", "--json", "--config", str(other), plain=True))["drift"][0]
    assert said["differs"]["team"] == ["other", "search"]


def test_an_address_that_is_taken_is_told(start: Start, up: Upstream) -> None:
    first = started(start, up)
    port = int((first.data / "admin.url").read_text().rpartition(":")[2])
    other = Gateway(first.home / "other", managed(up.url, admin={"port": port}))
    try:
        other.launch()
        assert other.ended() == 3
        assert f"can't listen on 127.0.0.1:{port}" in other.log_file.read_text()
        assert "admin.port" in other.log_file.read_text()
    finally:
        other.close()


def test_gateways_that_share_a_postgres_share_its_keys(
    start: Start, up: Upstream, postgres: Any, tmp_path: Path
) -> None:
    up.script = whole(ANSWER)
    config = managed(up.url, storage={"ship_interval_s": 0.05, "url": postgres.database()})
    one, other = (start(config, "--workers", "2", home=tmp_path / name) for name in ("one", "other"))

    text = command(one, "keys", "create", "ci").strip()
    assert asked(one, text) == {(200, "")}
    until(lambda: asked(other, text) == {(200, "")}, "the other gateway's workers know it")
    command(other, "keys", "revoke", "ci")
    assert asked(other, text) == {(401, "key_revoked")}
    until(lambda: asked(one, text) == {(401, "key_revoked")}, "the first gateway's workers refuse it")
