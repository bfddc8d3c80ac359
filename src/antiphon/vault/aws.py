"""Wraps by a key in AWS KMS."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from antiphon.core.error import Erased, StoreError
from antiphon.core.ports import KeyWrapper
from antiphon.vault.settings import AwsKmsSettings
from antiphon.vault.wrapping import KeyDenied

_DENIED = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "KMSInvalidStateException",
        "IncorrectKeyException",
        "InvalidGrantTokenException",
    }
)
"""It answers, and says no. Source: the API reference of AWS KMS, Decrypt, 2026-11."""
_GONE = "NotFoundException"
_SPEC = "AES_256"


class AwsKms(KeyWrapper):
    """GenerateDataKey, Encrypt and Decrypt, with the tenant and the purpose as encryption context."""

    def __init__(self, settings: AwsKmsSettings, timeout_s: float) -> None:
        """Raises: StoreError, when botocore is missing."""
        self.name = f"aws_kms/{settings.key_id}"
        self._key_id = settings.key_id
        self._client, self._failure = _client(settings, timeout_s)

    def generate(self, context: Mapping[str, str]) -> tuple[bytes, bytes]:
        said = self._ask("generate_data_key", KeyId=self._key_id, KeySpec=_SPEC, EncryptionContext=dict(context))
        return said["Plaintext"], said["CiphertextBlob"]

    def wrap(self, key: bytes, context: Mapping[str, str]) -> bytes:
        said = self._ask("encrypt", KeyId=self._key_id, Plaintext=key, EncryptionContext=dict(context))
        return said["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        said = self._ask("decrypt", CiphertextBlob=wrapped, EncryptionContext=dict(context))
        return said["Plaintext"]

    def _ask(self, what: str, **fields: object) -> Any:
        try:
            return getattr(self._client, what)(**fields)
        except self._failure as error:
            code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
            told = f"AWS KMS, {self._key_id}: {code or type(error).__name__}"
            if code == _GONE:
                raise Erased(f"{told}: the key is gone, and what it wrapped with it") from error
            if code in _DENIED:
                raise KeyDenied(told) from error
            raise StoreError(f"{told}; it can't be asked now") from error


def _client(settings: AwsKmsSettings, timeout_s: float) -> tuple[Any, tuple[type[Exception], ...]]:
    """A client, and what it raises. One try a call: whoever asks comes again."""
    try:
        session, config, errors = map(import_module, ("botocore.session", "botocore.config", "botocore.exceptions"))
    except ImportError as error:
        raise StoreError("vault.key: aws_kms needs botocore: pip install 'antiphon[aws]'") from error
    key, secret = settings.access_key_id, settings.secret_access_key
    client = session.get_session().create_client(
        "kms",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url,
        aws_access_key_id=None if key is None else key.reveal(),
        aws_secret_access_key=None if secret is None else secret.reveal(),
        config=config.Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 1}),
    )
    return client, (errors.ClientError, errors.BotoCoreError)
