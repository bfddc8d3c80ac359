from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from fakes.clock import StoppedClock

from antiphon.config.convert import convert
from antiphon.core.error import ConfigError
from antiphon.core.secret import Secret
from antiphon.providers.auth.make import signer
from antiphon.providers.auth.settings import AuthSettings
from antiphon.providers.extras import require
from antiphon.wire.yaml import compose

PAGE = Path(__file__).parents[3] / "docs/how-to/cloud-credentials.md"


def read(auth: Any) -> AuthSettings:
    return msgspec.convert(auth, AuthSettings, dec_hook=lambda _, value: Secret(value))


def mistakes(auth: Any) -> list[str]:
    return [path for path, _, _ in read(auth).check()]


KEYS = {"access_key": "a", "secret_key": "s"}
AWS = {"region": "us-east-1"}


@pytest.mark.parametrize(
    ("auth", "wrong"),
    [
        ({}, [""]),
        ({"aws": AWS, "gcp": {}}, [""]),
        ({"aws": AWS}, []),
        ({"aws": {**AWS, **KEYS}}, []),
        ({"aws": {**AWS, "access_key": "a"}}, ["aws.secret_key"]),
        ({"aws": {**AWS, "secret_key": "s"}}, ["aws.access_key"]),
        ({"aws": {**AWS, "session_token": "t"}}, ["aws.session_token"]),
        ({"aws": {**AWS, **KEYS, "profile": "p"}}, ["aws.profile"]),
        ({"aws": {**AWS, "external_id": "e"}}, ["aws.external_id"]),
        ({"aws": {**AWS, "sts_url": "http://127.0.0.1"}}, ["aws.sts_url"]),
        ({"aws": {**AWS, "web_identity_token_file": "f"}}, ["aws.web_identity_token_file"]),
        ({"aws": {**AWS, **KEYS, "role_arn": "r", "web_identity_token_file": "f"}}, ["aws.web_identity_token_file"]),
        ({"aws": {**AWS, "role_arn": "r", "web_identity_token_file": "f", "external_id": "e"}}, ["aws.external_id"]),
        ({"azure": {"identity": "managed"}}, []),
        ({"azure": {"identity": "managed", "client_id": "c"}}, []),
        ({"azure": {"identity": "managed", "tenant_id": "t"}}, ["azure.tenant_id"]),
        ({"azure": {"identity": "workload"}}, []),
        ({"azure": {"identity": "workload", "client_secret": "s"}}, ["azure.client_secret"]),
        ({"azure": {"identity": "secret"}}, ["azure.tenant_id", "azure.client_id", "azure.client_secret"]),
        ({"azure": {"identity": "secret", "tenant_id": "t", "client_id": "c", "client_secret": "s"}}, []),
        ({"gcp": {}}, []),
        ({"gcp": {"credentials": '{"type":"service_account"}'}}, []),
        ({"gcp": {"credentials": '{"type":"authorized_user"}'}}, ["gcp.credentials"]),
        ({"gcp": {"credentials": "/path"}}, ["gcp.credentials"]),
        (
            {"gcp": {"credentials": '{"type":"service_account"}', "credentials_file": "f"}},
            ["gcp.credentials_file"],
        ),
    ],
)
def test_mistakes_are_told_with_their_place(auth: Any, wrong: list[str]) -> None:
    assert mistakes(auth) == wrong


def test_a_library_that_is_not_there_is_named_with_its_extra() -> None:
    with pytest.raises(ConfigError, match=r"pip install 'antiphon\[aws\]'") as caught:
        require("no_such_library.auth", "aws", "providers.up.auth.aws", "signing requests to AWS")
    assert "needs no_such_library, which is not installed" in caught.value.message


@pytest.mark.parametrize(
    ("auth", "module"),
    [
        ({"aws": AWS}, "botocore"),
        ({"azure": {"identity": "managed"}}, "azure.identity"),
        ({"gcp": {}}, "google.auth"),
    ],
)
def test_a_signer_is_made_without_asking_anybody(auth: Any, module: str, needs: Any) -> None:
    needs(module)
    assert not signer(read(auth), "up", StoppedClock()).ready(0.0)


def test_no_credential_is_readable_in_what_is_shown() -> None:
    assert "s3cret" not in repr(read({"aws": {**AWS, "access_key": "s3cret", "secret_key": "s3cret"}}))


def test_the_page_shows_settings_that_hold() -> None:
    blocks = [part.partition("```")[0] for part in PAGE.read_text("utf-8").split("```yaml\n")[1:]]
    seen = set()
    for block in blocks:
        for provider in yaml.safe_load(block).get("providers", {}).values():
            node, _ = compose(yaml.safe_dump(provider["auth"]), "page")
            converted = convert(node, AuthSettings, "page")
            assert converted.problems == []
            assert converted.value is not None
            assert converted.value.check() == []
            seen |= provider["auth"].keys()
    assert seen == {"aws", "azure", "gcp"}
