"""How we are known to an upstream where a key alone won't do. One section for each cloud; an account has one."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from antiphon.core.secret import Secret

Url = Annotated[str, Meta(pattern="^https?://")]
HttpsUrl = Annotated[str, Meta(pattern="^https://")]
Mistake = tuple[str, str, str]
"""Path below the section, what is wrong, what to write."""


class AwsAuth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests signed with Signature Version 4, with keys from the first place that this section names.

    Without `access_key` and `profile` they come from where AWS's own tools look: environment, shared files,
    web identity, container, instance.
    """

    region: Annotated[
        str, Meta(pattern="^[a-z0-9-]+$", description="Region that requests are signed for, such as us-east-1.")
    ]
    service: Annotated[
        str, Meta(pattern="^[a-z0-9-]+$", description="Service that requests are signed for. Default bedrock.")
    ] = "bedrock"
    access_key: Annotated[Secret | None, Meta(description="Access key id. Default: none.")] = None
    secret_key: Annotated[Secret | None, Meta(description="Secret access key. Default: none.")] = None
    session_token: Annotated[
        Secret | None, Meta(description="Session token of temporary keys, which are then not renewed. Default: none.")
    ] = None
    profile: Annotated[str, Meta(description="Profile of the shared configuration files. Default: none.")] = ""
    role_arn: Annotated[str, Meta(description="Role to assume with the keys found. Default: none.")] = ""
    external_id: Annotated[str, Meta(description="External id that the role asks for. Default: none.")] = ""
    session_name: Annotated[
        str,
        Meta(pattern=r"^[\w+=,.@-]{2,64}$", description="What the role's sessions are called. Default antiphon."),
    ] = "antiphon"
    web_identity_token_file: Annotated[
        str, Meta(description="File with a token that the role is assumed with, in place of keys. Default: none.")
    ] = ""
    sts_url: Annotated[
        Url | None, Meta(description="Where roles are assumed. Default: AWS's own address for the region.")
    ] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust where roles are assumed. Default: the library's."),
    ] = None

    def check(self) -> list[Mistake]:
        mistakes: list[Mistake] = []
        if (self.access_key is None) != (self.secret_key is None):
            lacks = "secret_key" if self.secret_key is None else "access_key"
            mistakes.append((lacks, "is missing beside the other half of the key", f"write `{lacks}:` too"))
        if self.session_token is not None and self.access_key is None:
            mistakes.append(("session_token", "there is no `access_key` that it belongs to", "leave it out"))
        keys = self.access_key is not None or self.secret_key is not None
        if self.profile and keys:
            mistakes.append(("profile", "there is an `access_key` beside it", "leave one of them out"))
        if self.web_identity_token_file and (keys or self.profile):
            other = "access_key" if keys else "profile"
            mistakes.append(("web_identity_token_file", f"there is a `{other}` beside it", "leave one of them out"))
        mistakes.extend(
            (name, "there is no `role_arn` that it belongs to", "write the role, or leave it out")
            for name in ("external_id", "web_identity_token_file", "sts_url")
            if getattr(self, name) and not self.role_arn
        )
        if self.external_id and self.web_identity_token_file:
            mistakes.append(("external_id", "a role by web identity takes no external id", "leave it out"))
        return mistakes


class AzureAuth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token from Microsoft Entra ID."""

    identity: Annotated[
        Literal["secret", "managed", "workload"],
        Meta(
            description="Who asks for the token: an application with a client secret, the machine's managed identity, or a Kubernetes service account's workload identity."
        ),
    ]
    tenant_id: Annotated[
        str, Meta(description="Directory (tenant) id. Default: for `workload`, what the environment says.")
    ] = ""
    client_id: Annotated[
        str,
        Meta(
            description="Application (client) id. Default: for `managed`, the identity that the system assigned; for `workload`, what the environment says."
        ),
    ] = ""
    client_secret: Annotated[Secret | None, Meta(description="For `secret`: the client secret. Default: none.")] = None
    token_file: Annotated[
        str,
        Meta(description="For `workload`: file with the service account's token. Default: what the environment says."),
    ] = ""
    # Source: learn.microsoft.com/azure/ai-foundry/openai/how-to/managed-identity, 2026-11.
    scope: Annotated[
        str,
        Meta(min_length=1, description="What the token is for. Default https://cognitiveservices.azure.com/.default."),
    ] = "https://cognitiveservices.azure.com/.default"
    authority: Annotated[
        HttpsUrl | None,
        Meta(
            description="Where tokens are given, for other clouds than the public one. It is trusted as it is. Default https://login.microsoftonline.com."
        ),
    ] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust where tokens are given. Default: the library's."),
    ] = None

    def check(self) -> list[Mistake]:
        needs = ("tenant_id", "client_id", "client_secret") if self.identity == "secret" else ()
        takes = {
            "secret": {"tenant_id", "client_id", "client_secret", "authority"},
            "managed": {"client_id"},
            "workload": {"tenant_id", "client_id", "token_file", "authority"},
        }[self.identity]
        mistakes: list[Mistake] = [
            (name, f"is missing: identity `{self.identity}` needs it", f"write `{name}:`")
            for name in needs
            if not getattr(self, name)
        ]
        mistakes.extend(
            (name, f"identity `{self.identity}` has no use for it", "leave it out")
            for name in ("tenant_id", "client_id", "client_secret", "token_file", "authority")
            if getattr(self, name) and name not in takes
        )
        return mistakes


class GcpAuth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token from Google, as a service account or by application default credentials.

    Without `credentials` and `credentials_file` the credential comes from where Google's own tools look:
    GOOGLE_APPLICATION_CREDENTIALS (of any kind, workload identity federation included), gcloud, the metadata server.
    """

    credentials: Annotated[
        Secret | None, Meta(description="A service account's key: the text of its JSON file. Default: none.")
    ] = None
    credentials_file: Annotated[str, Meta(description="A service account's key: its JSON file. Default: none.")] = ""
    scopes: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1, description="What the token is for. Default https://www.googleapis.com/auth/cloud-platform."
        ),
    ] = ("https://www.googleapis.com/auth/cloud-platform",)
    quota_project: Annotated[
        str,
        Meta(
            pattern="^[a-z0-9:.-]*$",
            description="Project that use is charged to, sent as x-goog-user-project. Default: none is sent.",
        ),
    ] = ""
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust where tokens are given. Default: the library's."),
    ] = None

    def check(self) -> list[Mistake]:
        mistakes: list[Mistake] = []
        if self.credentials is not None and self.credentials_file:
            mistakes.append(("credentials_file", "there are `credentials` beside it", "leave one of them out"))
        if self.credentials is not None and not _service_account(self.credentials):
            remedy = "put in the whole text of the JSON file whose `type` is service_account"
            mistakes.append(("credentials", "is not a service account's key", remedy))
        return mistakes


class _Key(Struct, frozen=True):
    type: Literal["service_account"]


def _service_account(credentials: Secret) -> bool:
    try:
        msgspec.json.decode(credentials.reveal(), type=_Key)
    except msgspec.MsgspecError:
        return False
    return True


class AuthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How we are known to an upstream, where that is more than a key. Exactly one of its sections is there."""

    aws: Annotated[AwsAuth | None, Meta(description="AWS: requests are signed. Default: none.")] = None
    azure: Annotated[AzureAuth | None, Meta(description="Azure: a token of Microsoft Entra ID. Default: none.")] = None
    gcp: Annotated[GcpAuth | None, Meta(description="Google Cloud: a token. Default: none.")] = None

    def check(self) -> list[Mistake]:
        """Mistakes that only show across fields: (path below here, what is wrong, what to write)."""
        sections = {"aws": self.aws, "azure": self.azure, "gcp": self.gcp}
        there = {name: one for name, one in sections.items() if one is not None}
        if len(there) != 1:
            wrong = f"has {len(there)} of the sections aws, azure and gcp"
            return [("", wrong, "write exactly one")]
        return [(f"{name}.{path}", wrong, remedy) for name, one in there.items() for path, wrong, remedy in one.check()]
