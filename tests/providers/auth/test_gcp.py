"""Every way to a token of Google Cloud, against servers that speak as its own do."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GIVEN = json.dumps({"access_token": "of-google", "expires_in": 3599, "token_type": "Bearer"}).encode()

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _installed(needs: Any) -> None:
    needs("google.auth")
    needs("requests")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def account(key: rsa.RSAPrivateKey, url: str) -> str:
    """The JSON file of a service account."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    said = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k",
        "private_key": pem,
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
    }
    return json.dumps(said)


def unpacked(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_a_service_account_gets_a_token_for_what_its_key_signs(ask: Any, cloud: Any, key: Any) -> None:
    cloud.answer = lambda _: (200, {}, GIVEN)

    (came,) = ask({"gcp": {"credentials": account(key, cloud.url), "quota_project": "mine"}})

    assert came["error"] is None
    assert came["lines"] == "Authorization: Bearer of-google\r\nx-goog-user-project: mine\r\n"
    said = parse_qs(cloud.asked[0].body.decode())
    head, claims, signature = said["assertion"][0].split(".")
    key.public_key().verify(unpacked(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    told = json.loads(unpacked(claims))
    assert (told["iss"], told["scope"]) == ("gateway@p.iam.gserviceaccount.com", SCOPE)


def test_its_key_may_stand_in_a_file(ask: Any, cloud: Any, key: Any, tmp_path: Path) -> None:
    cloud.answer = lambda _: (200, {}, GIVEN)
    file = tmp_path / "account.json"
    file.write_text(account(key, cloud.url))
    (came,) = ask({"gcp": {"credentials_file": str(file), "scopes": ["a", "b"]}})
    assert came["lines"] == "Authorization: Bearer of-google\r\n"
    claims = parse_qs(cloud.asked[0].body.decode())["assertion"][0].split(".")[1]
    assert json.loads(unpacked(claims))["scope"] == "a b"


@pytest.mark.parametrize("text", [None, "no JSON", '{"type": "service_account"}'])
def test_a_file_that_is_no_account_is_told_as_one(ask: Any, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "account.json"
    if text is not None:
        file.write_text(text)
    (came,) = ask({"gcp": {"credentials_file": str(file)}})
    assert came["error"]["kind"] == "UpstreamAuth"


def test_default_credentials_are_found_in_the_environment(ask: Any, cloud: Any, key: Any, tmp_path: Path) -> None:
    cloud.answer = lambda _: (200, {}, GIVEN)
    file = tmp_path / "account.json"
    file.write_text(account(key, cloud.url))
    (came,) = ask({"gcp": {}}, GOOGLE_APPLICATION_CREDENTIALS=str(file), NO_GCE_CHECK="true")
    assert came["lines"] == "Authorization: Bearer of-google\r\n"


def metadata(asked: Any) -> Any:
    """The metadata server. Source: cloud.google.com/compute/docs/metadata/querying-metadata, 2026-11."""
    flavor = {"metadata-flavor": "Google"}
    assert asked.headers["metadata-flavor"] == "Google"
    if asked.path.startswith("/computeMetadata/v1/instance/service-accounts/default/token"):
        return 200, flavor, GIVEN
    if asked.path.startswith("/computeMetadata/v1/instance/service-accounts/default/"):
        return 200, flavor, json.dumps({"email": "m@p", "scopes": [SCOPE], "aliases": ["default"]}).encode()
    return 200, {**flavor, "content-type": "text/plain"}, b"p"


def on_machine(cloud: Any) -> dict[str, str]:
    return {"GCE_METADATA_HOST": f"127.0.0.1:{cloud.port}", "GCE_METADATA_IP": f"127.0.0.1:{cloud.port}"}


def test_a_machine_gets_one_from_its_metadata_server(ask: Any, cloud: Any) -> None:
    cloud.answer = metadata
    (came,) = ask({"gcp": {}}, **on_machine(cloud))
    assert came["error"] is None
    assert came["lines"] == "Authorization: Bearer of-google\r\n"


def test_no_credentials_at_all_are_told_as_such(ask: Any) -> None:
    (came,) = ask({"gcp": {}}, NO_GCE_CHECK="true")
    assert came["error"]["kind"] == "UpstreamAuth"
    assert "application default credentials" in came["error"]["message"]


REFUSED = json.dumps({"error": "invalid_grant", "error_description": "account not found"}).encode()
BAD = ["hang", "cut", (500, {}, b"no"), (200, {}, b"no"), (200, {}, b"{}"), (400, {}, REFUSED)]


@pytest.mark.parametrize("misbehaves", BAD)
def test_a_token_that_is_not_given_is_an_error_within_its_deadline(
    ask: Any, cloud: Any, key: Any, misbehaves: Any
) -> None:
    cloud.answer = lambda _: misbehaves
    deadline_s = 1.0 if misbehaves == "hang" else 30.0
    (came,) = ask({"gcp": {"credentials": account(key, cloud.url)}}, deadline_s=deadline_s)
    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]
    if misbehaves == "hang":
        assert "did not answer within 1 s" in came["error"]["noted"]


@pytest.mark.parametrize("misbehaves", ["hang", "cut", (404, {}, b"no")])
def test_a_metadata_server_that_fails_is_an_error_within_the_deadline(ask: Any, cloud: Any, misbehaves: Any) -> None:
    cloud.answer = lambda asked: misbehaves if "service-accounts" in asked.path else metadata(asked)
    (came,) = ask({"gcp": {}}, deadline_s=30.0 if isinstance(misbehaves, tuple) else 1.0, **on_machine(cloud))
    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]


def test_a_server_that_dies_later_leaves_what_is_still_good(ask: Any, cloud: Any, key: Any) -> None:
    cloud.answer = lambda _: (200, {}, GIVEN) if len(cloud.asked) == 1 else (400, {}, REFUSED)
    first, then = ask({"gcp": {"credentials": account(key, cloud.url)}}, times=2)
    assert first["error"] is None
    assert then["error"]["kind"] == "UpstreamAuth"
    assert "account not found" in then["error"]["noted"]
    assert then["lines"] == "Authorization: Bearer of-google\r\n"


def test_a_token_that_has_expired_is_not_sent(ask: Any, cloud: Any, key: Any) -> None:
    given = json.dumps({"access_token": "of-google", "expires_in": -5, "token_type": "Bearer"}).encode()
    cloud.answer = lambda _: (200, {}, given)
    (came,) = ask({"gcp": {"credentials": account(key, cloud.url)}})
    assert "expired" in came["error"]["noted"]
    assert not came["ready"]
