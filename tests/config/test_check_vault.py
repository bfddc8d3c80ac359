"""Mistakes in what content is sealed by are told with their line and the remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]
TEXT = """\
providers:
  openai: {key: sk-0123456789}
models:
  one: {provider: openai}
"""
AWS = "aws_kms: {key_id: alias/a, region: eu-central-1}"


@pytest.mark.parametrize(
    ("vault", "path", "wrong"),
    [
        ("key: aws_kms", "vault.key", "no section `vault.aws_kms`"),
        ("key: vault_transit", "vault.key", "no section `vault.vault_transit`"),
        ("aws_kms: {key_id: a, region: b, access_key_id: x}", "vault.aws_kms.access_key_id", "an id and a secret"),
        ("pkcs11: {module: /nowhere.so, token: t, key: k, pin: p}", "vault.pkcs11.module", "no file /nowhere.so"),
        (
            "vault_transit: {address: 'https://v', key: k, token: t, ca_file: /nowhere.pem}",
            "vault.vault_transit.ca_file",
            "nowhere.pem",
        ),
    ],
)
def test_a_vault_that_cannot_work_is_told(mistakes: Mistakes, vault: str, path: str, wrong: str) -> None:
    (found,) = mistakes(f"{TEXT}vault:\n  {vault}\n")

    assert found.path == path
    assert wrong in found.wrong


def test_sections_beside_the_one_that_wraps_are_taken(loaded: Load) -> None:
    settings = loaded(f"{TEXT}vault:\n  {AWS}\n").settings

    assert settings.vault.key == "file"
    assert settings.vault.aws_kms is not None


def test_files_are_relative_to_the_configuration_and_a_bucket_is_none(loaded: Load, tmp_path: Path) -> None:
    audit = loaded(f"{TEXT}audit: {{checkpoints: out, key_file: keys/audit.key}}\n").settings.audit
    assert audit.checkpoints is not None
    assert audit.key_file is not None
    assert Path(audit.checkpoints).is_absolute()
    assert Path(audit.key_file).is_absolute()

    assert loaded(f"{TEXT}audit: {{checkpoints: 's3://bucket/x'}}\n").settings.audit.checkpoints == "s3://bucket/x"
