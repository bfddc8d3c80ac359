"""Every way to an AWS identity, against servers that speak as AWS's do."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

ROLE = "arn:aws:iam::123456789012:role/gateway"
KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def _installed(needs: Any) -> None:
    needs("botocore")


def given(action: str, expires: str) -> bytes:
    """What STS answers. Source: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, 2026-11."""
    return (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>'
        f"<AssumedRoleUser><Arn>{ROLE}/antiphon</Arn><AssumedRoleId>ARO:antiphon</AssumedRoleId></AssumedRoleUser>"
        "<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>of-the-role</SecretAccessKey>"
        f"<SessionToken>session-of-the-role</SessionToken><Expiration>{expires}</Expiration></Credentials>"
        f"</{action}Result></{action}Response>"
    ).encode()


def sts(expires: str) -> Any:
    def answer(asked: Any) -> Any:
        action = parse_qs(asked.body.decode())["Action"][0]
        return 200, {"content-type": "text/xml"}, given(action, expires)

    return answer


def machine(expires: str) -> bytes:
    """What the metadata services of instances and containers answer."""
    return json.dumps(
        {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIAMACHINE",
            "SecretAccessKey": "of-the-machine",
            "Token": "session-of-the-machine",
            "Expiration": expires,
            "LastUpdated": "2026-11-01T00:00:00Z",
        }
    ).encode()


def said(came: Any) -> dict[str, str]:
    """The header lines of the one that came."""
    assert came[0]["error"] is None, came[0]["error"]
    assert came[0]["ready"]
    lines = came[0]["lines"].removesuffix("\r\n").split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


def test_keys_that_are_written_sign_by_themselves(ask: Any) -> None:
    headers = said(ask({"aws": {"region": "us-east-1", **KEYS}}))

    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/us-east-1/bedrock/aws4_request" in headers["Authorization"]
    assert "X-Amz-Security-Token" not in headers


def test_a_session_token_goes_along_and_is_signed(ask: Any) -> None:
    headers = said(ask({"aws": {"region": "us-east-1", **KEYS, "session_token": "of-a-session"}}))

    assert headers["X-Amz-Security-Token"] == "of-a-session"
    assert "x-amz-security-token" in headers["Authorization"]


def test_keys_come_from_the_environment(ask: Any) -> None:
    came = ask({"aws": {"region": "eu-west-1"}}, AWS_ACCESS_KEY_ID="AKIDENV", AWS_SECRET_ACCESS_KEY="s")
    assert "Credential=AKIDENV/" in said(came)["Authorization"]


def test_keys_come_from_a_profile_of_the_shared_files(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[other]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    came = ask({"aws": {"region": "eu-west-1", "profile": "other"}}, AWS_SHARED_CREDENTIALS_FILE=str(file))
    assert "Credential=AKIDFILE/" in said(came)["Authorization"]


def test_a_role_is_assumed_with_keys(ask: Any, cloud: Any, from_now: Any) -> None:
    cloud.answer = sts(from_now(3600))
    auth = {"region": "eu-west-1", **KEYS, "role_arn": ROLE, "external_id": "e-1", "sts_url": cloud.url}

    headers = said(ask({"aws": auth}))

    asked = {name: values[0] for name, values in parse_qs(cloud.asked[0].body.decode()).items()}
    assert (asked["Action"], asked["RoleArn"], asked["ExternalId"]) == ("AssumeRole", ROLE, "e-1")
    assert asked["RoleSessionName"] == "antiphon"
    assert "Credential=AKIDEXAMPLE/" in cloud.asked[0].headers["authorization"]
    assert "Credential=ASIAROLE/" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "session-of-the-role"


def test_a_role_is_assumed_by_web_identity_without_keys(ask: Any, cloud: Any, from_now: Any, tmp_path: Path) -> None:
    cloud.answer = sts(from_now(3600))
    file = tmp_path / "token"
    file.write_text("a.web.identity\n")
    auth = {"region": "eu-west-1", "role_arn": ROLE, "web_identity_token_file": str(file), "sts_url": cloud.url}

    headers = said(ask({"aws": auth}))

    asked = {name: values[0] for name, values in parse_qs(cloud.asked[0].body.decode()).items()}
    assert (asked["Action"], asked["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "a.web.identity")
    assert "authorization" not in cloud.asked[0].headers
    assert "Credential=ASIAROLE/" in headers["Authorization"]


def test_web_identity_is_found_in_the_environment(ask: Any, cloud: Any, from_now: Any, tmp_path: Path) -> None:
    cloud.answer = sts(from_now(3600))
    file = tmp_path / "token"
    file.write_text("a.web.identity")
    came = ask(
        {"aws": {"region": "eu-west-1"}},
        AWS_ROLE_ARN=ROLE,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(file),
        AWS_ENDPOINT_URL_STS=cloud.url,
    )
    assert "Credential=ASIAROLE/" in said(came)["Authorization"]


def test_a_profile_may_assume_a_role(ask: Any, cloud: Any, from_now: Any, tmp_path: Path) -> None:
    cloud.answer = sts(from_now(3600))
    file = tmp_path / "config"
    file.write_text(
        f"[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n"
        f"[profile role]\nrole_arn = {ROLE}\nsource_profile = base\n"
    )
    came = ask(
        {"aws": {"region": "eu-west-1", "profile": "role"}},
        AWS_CONFIG_FILE=str(file),
        AWS_ENDPOINT_URL_STS=cloud.url,
    )
    assert "Credential=AKIDBASE/" in cloud.asked[0].headers["authorization"]
    assert "Credential=ASIAROLE/" in said(came)["Authorization"]


def test_keys_come_from_a_container(ask: Any, cloud: Any, from_now: Any) -> None:
    cloud.answer = lambda _: (200, {}, machine(from_now(3600)))
    came = ask({"aws": {"region": "eu-west-1"}}, AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{cloud.url}/keys")
    assert "Credential=ASIAMACHINE/" in said(came)["Authorization"]
    assert cloud.asked[0].path == "/keys"


def instance(expires: str) -> Any:
    """The metadata service of an instance, version 2."""

    def answer(asked: Any) -> Any:
        if asked.method == "PUT":
            return 200, {"content-type": "text/plain"}, b"imds-token"
        assert asked.headers["x-aws-ec2-metadata-token"] == "imds-token"
        if asked.path.endswith("/security-credentials/"):
            return 200, {"content-type": "text/plain"}, b"role-of-the-instance"
        return 200, {}, machine(expires)

    return answer


def on_instance(cloud: Any) -> dict[str, str]:
    return {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}


def test_keys_come_from_an_instance(ask: Any, cloud: Any, from_now: Any) -> None:
    cloud.answer = instance(from_now(6 * 3600))
    came = ask({"aws": {"region": "eu-west-1"}}, **on_instance(cloud))
    assert "Credential=ASIAMACHINE/" in said(came)["Authorization"]


def test_no_identity_at_all_is_told_as_one(ask: Any) -> None:
    (came,) = ask({"aws": {"region": "eu-west-1"}})
    assert came["error"]["kind"] == "UpstreamAuth"
    assert "no keys" in came["error"]["noted"]
    assert not came["ready"]


@pytest.mark.parametrize("misbehaves", ["hang", "cut", (500, {}, b"no"), (200, {}, b"no"), (403, {}, b"<no/>")])
def test_a_role_that_is_not_given_is_an_error_within_its_deadline(ask: Any, cloud: Any, misbehaves: Any) -> None:
    cloud.answer = lambda _: misbehaves
    auth = {"region": "eu-west-1", **KEYS, "role_arn": ROLE, "sts_url": cloud.url}
    (came,) = ask({"aws": auth}, deadline_s=1.0 if misbehaves == "hang" else 20.0)
    assert came["error"]["kind"] == "UpstreamAuth"
    assert ROLE in came["error"]["noted"]
    assert not came["ready"]
    if misbehaves == "hang":
        assert "did not answer within 1 s" in came["error"]["noted"]


@pytest.mark.parametrize("misbehaves", ["hang", "cut", (500, {}, b"no"), (200, {}, b"no")])
def test_a_machine_that_gives_no_keys_is_an_error_within_the_deadline(ask: Any, cloud: Any, misbehaves: Any) -> None:
    cloud.answer = lambda _: misbehaves
    (came,) = ask({"aws": {"region": "eu-west-1"}}, deadline_s=20.0, **on_instance(cloud))
    assert came["error"]["kind"] == "UpstreamAuth"
    assert not came["ready"]


def test_a_role_that_is_refused_later_keeps_what_is_still_good(ask: Any, cloud: Any, from_now: Any) -> None:
    first = sts(from_now(900))
    cloud.answer = lambda asked: first(asked) if len(cloud.asked) == 1 else "cut"
    auth = {"region": "eu-west-1", **KEYS, "role_arn": ROLE, "sts_url": cloud.url}

    first_came, then = ask({"aws": auth}, times=2)

    assert first_came["error"] is None
    assert then["error"]["kind"] == "UpstreamAuth"
    assert then["ready"]
    assert "Credential=ASIAROLE/" in then["lines"]


def test_keys_that_have_expired_are_not_sent(ask: Any, cloud: Any, from_now: Any) -> None:
    cloud.answer = sts(from_now(-10))
    auth = {"region": "eu-west-1", **KEYS, "role_arn": ROLE, "sts_url": cloud.url}
    (came,) = ask({"aws": auth})
    assert "expired" in came["error"]["noted"]
    assert not came["ready"]
