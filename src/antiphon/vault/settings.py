"""Keys that content at rest is sealed by."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.secret import Secret

KeyKind = Literal["file", "aws_kms", "vault_transit", "pkcs11"]


class AwsKmsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A symmetric key in AWS KMS; needs `pip install 'antiphon[aws]'`."""

    key_id: Annotated[str, Meta(min_length=1, description="Id, alias or ARN of the key, as `alias/antiphon`.")]
    region: Annotated[str, Meta(min_length=1, description="Region that the key is in, as `eu-central-1`.")]
    endpoint_url: Annotated[
        str | None,
        Meta(description="Where KMS is asked, as behind a private endpoint. Default null: AWS's own address."),
    ] = None
    access_key_id: Annotated[
        Secret | None,
        Meta(description="Id of an access key. Default null: credentials come from where AWS's own tools look."),
    ] = None
    secret_access_key: Annotated[Secret | None, Meta(description="The access key's secret. Default null.")] = None


class VaultTransitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key of the transit engine of HashiCorp Vault or OpenBao."""

    address: Annotated[
        str, Meta(pattern="^https?://", description="Where the server is, as `https://vault.example.com:8200`.")
    ]
    key: Annotated[str, Meta(pattern="^[A-Za-z0-9._-]+$", description="Name of the key, of a type that derives none.")]
    token: Annotated[Secret, Meta(description="A token that may encrypt and decrypt by it; best as ${file:/path}.")]
    mount: Annotated[
        str, Meta(pattern="^[A-Za-z0-9._/-]+$", description="Where the engine is mounted. Default transit.")
    ] = "transit"
    namespace: Annotated[str, Meta(description="Namespace, where the server has some. Default empty.")] = ""
    ca_file: Annotated[
        str | None,
        Meta(description="Authorities that its certificate is checked by, in PEM. Default null: the system's."),
    ] = None


class Pkcs11Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An AES key in an HSM; needs `pip install 'antiphon[pkcs11]'`."""

    module: Annotated[
        str, Meta(min_length=1, description="The vendor's library, as `/usr/lib/softhsm/libsofthsm2.so`.")
    ]
    token: Annotated[str, Meta(min_length=1, description="Label of the token.")]
    key: Annotated[str, Meta(min_length=1, description="Label of the AES key; a key of 256 bits that never leaves.")]
    pin: Annotated[Secret, Meta(description="The user's PIN; best as ${file:/path}.")]


class VaultSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that content at rest is sealed by."""

    key: Annotated[
        KeyKind,
        Meta(
            description="What wraps the tenants' keys: `file` (local.key in the data directory), `aws_kms`, `vault_transit` or `pkcs11`, each by the section of its name. Default file."
        ),
    ] = "file"
    aws_kms: Annotated[AwsKmsSettings | None, Meta(description="A key in AWS KMS. Default null.")] = None
    vault_transit: Annotated[VaultTransitSettings | None, Meta(description="A key of Vault's. Default null.")] = None
    pkcs11: Annotated[Pkcs11Settings | None, Meta(description="A key in an HSM. Default null.")] = None
    timeout_s: Annotated[
        float,
        Meta(ge=0.1, le=30, description="Seconds that whatever wraps may take to answer. Default 2."),
    ] = 2.0
    refresh_s: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds after which a tenant's key that is in memory is unwrapped anew, so that one which was disabled is let go. Default 300.",
        ),
    ] = 300.0
    stale_s: Annotated[
        float,
        Meta(
            ge=0,
            le=604_800,
            description="Seconds beyond `refresh_s` that a tenant's key in memory is used while whatever wraps it can't be reached; then nothing is sealed or read by it. Default 3600.",
        ),
    ] = 3600.0
    data_key_uses: Annotated[
        int,
        Meta(ge=1, le=2**31, description="Times that one data key seals, before another is made. Default 1000000."),
    ] = 1_000_000
    data_key_hours: Annotated[
        float,
        Meta(ge=0.01, le=8760, description="Hours that one data key seals, before another is made. Default 24."),
    ] = 24.0
    data_keys: Annotated[
        int,
        Meta(ge=16, le=1_000_000, description="Most data keys that a process has in memory. Default 10000."),
    ] = 10_000
    token_days: Annotated[
        float,
        Meta(
            gt=0,
            le=36500,
            description="Days that what a token stands for is kept from its last use on. Default 30.",
        ),
    ] = 30.0

    def check(self) -> Iterator[tuple[str, str, str]]:
        """What is wrong: path, what, and the remedy."""
        if self.key != "file" and getattr(self, self.key) is None:
            yield "key", f"there is no section `vault.{self.key}`", "say there which key it is, or write `key: file`"
        aws = self.aws_kms
        if aws is not None and (aws.access_key_id is None) != (aws.secret_access_key is None):
            yield "aws_kms.access_key_id", "an access key is an id and a secret", "give both, or neither"
