"""What `GET /openapi.json` says is what happens, whatever a caller sends: tried by Schemathesis on a real gateway."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from antiphon.providers.lab.run import Running
from antiphon.server.openapi_shapes import ERRORS
from antiphon.server.paths import model_calls
from rig.config import ALICE, ROOT, UPSTREAM_KEY
from rig.gateway import Config, Gateway
from rig.labs import to_lab

pytestmark = pytest.mark.processes
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)
SEED, EXAMPLES, LONGEST_S = 7, 10, 900
MODELS = ["chat", "anthropic", "gemini", "bedrock", "text-only", "missing"]
ELSEWHERE = "^/(passthrough|v1/realtime|v1/files|v1/batches)"
"""What providers answer as they like, and what is no HTTP."""
OPTIONS = """
[phases.coverage]
unexpected-methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
"""
"""TRACE and QUERY are served nowhere, which the listener says with 501. Source: RFC 9110, 15.6.2."""
AGENT = "{apiVersion: antiphon/v1, kind: Agent, metadata: {name: clerk}, spec: {goal: Sorts., models: {act: chat}}}"
"""Its runs wait: no process works on them."""
FAMILIES = {"anthropic_messages": "anthropic", "gemini": "gemini", "gemini_embeddings": "gemini"}
MALFORMED = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"\xff\xfe{}",
    b'{"model":"chat","model":"chat"}',
    b'{"model":NaN}',
    b'{"model":"chat"} {}',
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b'{"model":"\\ud800"}',
    b"--x\r\ncontent-disposition: form-data\r\n\r\n",
)


def every_dialect(url: str) -> Config:
    """A gateway in front of a lab that is spoken to in several dialects."""
    config = to_lab(f"{url}/v1")
    config["server"]["public_metrics"] = False
    config["agents"] = {"documents": ["agents.yaml"], "workers": 0}
    for profile, below in (("anthropic", "/v1"), ("gemini", "/v1beta"), ("bedrock", "")):
        config["providers"][profile] = {"profile": profile, "base_url": url + below, "key": UPSTREAM_KEY}
        config["models"][profile] = {"provider": profile, "model": "chat"}
    return config


@pytest.fixture(scope="module")
def described(lab: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose every answer is one of this module's tests."""
    home = tmp_path_factory.mktemp("described")
    (home / "agents.yaml").write_text(AGENT, "utf-8")
    one = Gateway(home, every_dialect(lab.url), key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


def with_models(value: Any) -> Any:
    """The description, with the models that there are: names by chance are hardly ever one of them."""
    if isinstance(value, list):
        return [with_models(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.get("name") == "model" and value.get("in") == "path":
        return {**value, "schema": {"enum": MODELS}}
    known = {"model": {"enum": MODELS}, "agent": {"enum": ["clerk", "nobody"]}}
    return {
        name: known[name]
        if name in known and isinstance(child, dict) and (name != "model" or "maxLength" in child)
        else with_models(child)
        for name, child in value.items()
        if name != "wait_s"  # nobody works on these runs: they would be waited for in vain
    }


def test_whatever_is_sent_is_answered_as_described(described: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(with_models(described.get("/openapi.json", key="").json)), "utf-8")
    (tmp_path / "schemathesis.toml").write_text(OPTIONS, "utf-8")
    command = [
        *(sys.executable, "-W", "ignore", "-m", "schemathesis.cli", "run", str(file), "--url", described.url),
        *("--header", f"Authorization: Bearer {ROOT}", "--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", str(SEED)),
        *("--generation-deterministic", "--no-shrink", "--warnings", "off"),
        *("--request-timeout", "60", "--suppress-health-check", "too_slow"),
        *("--exclude-path-regex", ELSEWHERE, "--continue-on-failure", "--no-color"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, cwd=tmp_path)

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "test cases generated" in done.stdout or "Test cases" in done.stdout, done.stdout


@pytest.mark.parametrize(("path", "dialect"), model_calls())
def test_a_malformed_body_is_refused_in_the_callers_dialect(described: Gateway, path: str, dialect: str) -> None:
    shape = ERRORS[FAMILIES.get(dialect, "openai")]
    for body in MALFORMED:
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
            said = described.ask("POST", path.replace("{model}", "chat"), body, headers={"content-type": kind})

            assert 400 <= said.status < 500, (body, kind, said)
            assert said.headers["content-type"] == "application/json"
            assert said.receipt_id
            jsonschema.validate(said.json, dict(shape))


@pytest.mark.parametrize(("path", "dialect"), model_calls())
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_model_call_takes_post_alone(described: Gateway, path: str, dialect: str, method: str) -> None:
    said = described.ask(method, path.replace("{model}", "chat"))

    assert (said.status, said.headers["allow"]) == (405, "POST")
    assert said.receipt_id
    if method != "HEAD":
        jsonschema.validate(said.json, dict(ERRORS[FAMILIES.get(dialect, "openai")]))
