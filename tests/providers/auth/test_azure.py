"""Every way to a token of Microsoft Entra ID, against servers that speak as its own do."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

TENANT = "00000000-0000-0000-0000-000000000001"
APP = "00000000-0000-0000-0000-000000000002"
SCOPE = "https://cognitiveservices.azure.com/.default"

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _installed(needs: Any) -> None:
    needs("azure.identity")


def entra(url: str, token: dict[str, Any]) -> Any:
    """Discovery and the token endpoint. Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, 2026-11."""

    def answer(asked: Any) -> Any:
        if asked.path.endswith("/.well-known/openid-configuration"):
            place = f"{url}/{TENANT}"
            said = {
                "issuer": f"{place}/v2.0",
                "authorization_endpoint": f"{place}/oauth2/v2.0/authorize",
                "token_endpoint": f"{place}/oauth2/v2.0/token",
            }
            return 200, {}, json.dumps(said).encode()
        return 200, {}, json.dumps(token).encode()

    return answer


GIVEN = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "of-entra"}


def application(cloud: Any, authority: Path) -> dict[str, Any]:
    said = {"identity": "secret", "tenant_id": TENANT, "client_id": APP, "client_secret": "s3cret"}
    return {"azure": {**said, "authority": cloud.url, "ca_file": str(authority)}}


def asked_for(cloud: Any) -> dict[str, str]:
    (token,) = [one for one in cloud.asked if one.method == "POST"]
    return {name: values[0] for name, values in parse_qs(token.body.decode()).items()}


def test_an_application_gets_a_token_for_its_secret(ask: Any, safe_cloud: Any, authority: Path) -> None:
    safe_cloud.answer = entra(safe_cloud.url, GIVEN)

    (came,) = ask(application(safe_cloud, authority))

    assert came == {"error": None, "ready": True, "due": False, "lines": "Authorization: Bearer of-entra\r\n"}
    said = asked_for(safe_cloud)
    assert (said["client_id"], said["client_secret"], said["scope"]) == (APP, "s3cret", SCOPE)
    assert said["grant_type"] == "client_credentials"


def test_an_authority_that_is_not_trusted_gets_no_secret(ask: Any, safe_cloud: Any, authority: Path) -> None:
    safe_cloud.answer = entra(safe_cloud.url, GIVEN)
    auth = application(safe_cloud, authority)
    del auth["azure"]["ca_file"]
    (came,) = ask(auth)
    assert came["error"]["kind"] == "UpstreamAuth"
    assert safe_cloud.asked == []


def test_a_workload_gets_one_for_its_service_account(
    ask: Any, safe_cloud: Any, authority: Path, tmp_path: Path
) -> None:
    safe_cloud.answer = entra(safe_cloud.url, GIVEN)
    file = tmp_path / "token"
    file.write_text("of.the.account")
    said = {"identity": "workload", "tenant_id": TENANT, "client_id": APP, "token_file": str(file)}

    (came,) = ask({"azure": {**said, "authority": safe_cloud.url, "ca_file": str(authority)}})

    assert came["lines"] == "Authorization: Bearer of-entra\r\n"
    assert asked_for(safe_cloud)["client_assertion"] == "of.the.account"


def test_a_workload_is_found_in_the_environment(ask: Any, safe_cloud: Any, authority: Path, tmp_path: Path) -> None:
    safe_cloud.answer = entra(safe_cloud.url, GIVEN)
    file = tmp_path / "token"
    file.write_text("of.the.account")
    (came,) = ask(
        {"azure": {"identity": "workload", "authority": safe_cloud.url, "ca_file": str(authority)}},
        AZURE_TENANT_ID=TENANT,
        AZURE_CLIENT_ID=APP,
        AZURE_FEDERATED_TOKEN_FILE=str(file),
    )
    assert came["lines"] == "Authorization: Bearer of-entra\r\n"


def test_a_workload_of_which_nothing_is_known_is_told_as_one(ask: Any) -> None:
    (came,) = ask({"azure": {"identity": "workload"}})
    assert came["error"]["kind"] == "UpstreamAuth"
    assert "tenant_id" in came["error"]["noted"]


def machine(asked: Any) -> Any:
    """The endpoint of App Service. Source: learn.microsoft.com/azure/app-service/overview-managed-identity, 2026-11."""
    assert asked.headers["x-identity-header"] == "of-the-place"
    said = {"access_token": "of-the-machine", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"}
    return 200, {}, json.dumps(said).encode()


@pytest.mark.parametrize("client_id", ["", APP])
def test_a_machine_gets_one_for_its_identity(ask: Any, cloud: Any, client_id: str) -> None:
    cloud.answer = machine
    auth = {"identity": "managed", **({"client_id": client_id} if client_id else {})}

    (came,) = ask({"azure": auth}, IDENTITY_ENDPOINT=f"{cloud.url}/msi", IDENTITY_HEADER="of-the-place")

    assert came["lines"] == "Authorization: Bearer of-the-machine\r\n"
    query = parse_qs(urlsplit(cloud.asked[0].path).query)
    assert query["resource"] == ["https://cognitiveservices.azure.com"]
    assert query.get("client_id") == ([client_id] if client_id else None)


REFUSED = json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}).encode()


@pytest.mark.parametrize("misbehaves", ["hang", "cut", (500, {}, b"no"), (200, {}, b"no"), (401, {}, REFUSED)])
def test_a_token_that_is_not_given_is_an_error_within_its_deadline(
    ask: Any, safe_cloud: Any, authority: Path, misbehaves: Any
) -> None:
    well = entra(safe_cloud.url, GIVEN)
    safe_cloud.answer = lambda asked: misbehaves if asked.method == "POST" else well(asked)

    (came,) = ask(application(safe_cloud, authority), deadline_s=1.0 if misbehaves == "hang" else 20.0)

    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]
    assert "s3cret" not in json.dumps(came)
    if misbehaves == "hang":
        assert "did not answer within 1 s" in came["error"]["noted"]
    if misbehaves == (401, {}, REFUSED):
        assert "AADSTS7000215" in came["error"]["noted"]
        assert "AADSTS7000215" not in came["error"]["message"]


@pytest.mark.parametrize("misbehaves", ["hang", "cut", (500, {}, b"no"), (200, {}, b"no"), (404, {}, b"{}")])
def test_a_machine_without_an_identity_is_an_error_within_the_deadline(ask: Any, cloud: Any, misbehaves: Any) -> None:
    cloud.answer = lambda _: misbehaves
    (came,) = ask(
        {"azure": {"identity": "managed"}},
        deadline_s=1.0 if misbehaves == "hang" else 20.0,
        IDENTITY_ENDPOINT=f"{cloud.url}/msi",
        IDENTITY_HEADER="of-the-place",
    )
    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]


def test_a_token_that_has_expired_is_not_sent(ask: Any, safe_cloud: Any, authority: Path) -> None:
    safe_cloud.answer = entra(safe_cloud.url, {**GIVEN, "expires_in": 0})
    (came,) = ask(application(safe_cloud, authority))
    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]


def test_a_token_that_is_asked_for_twice_is_had_once(ask: Any, safe_cloud: Any, authority: Path) -> None:
    safe_cloud.answer = entra(safe_cloud.url, GIVEN)
    assert [came["ready"] for came in ask(application(safe_cloud, authority), times=2)] == [True, True]
    assert asked_for(safe_cloud)
