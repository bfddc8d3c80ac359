"""Who may call beside keys: tokens of identity providers, client certificates, and who has which role."""

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from antiphon.control.roles import Role
from antiphon.control.settings import Word
from antiphon.core.data_class import DataClass

Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
"""Signatures by a private key alone: `none` and those by a shared secret are no choice."""
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
Tenant = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=128)]
Text = Annotated[str, Meta(min_length=1, max_length=512)]
Url = Annotated[str, Meta(pattern="^https?://", max_length=2048)]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
Mistake = tuple[str, str, str]
"""Path, what is wrong, what to write."""


class ClaimSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a token says what. A path is the name of a claim, or names of claims within each other with dots between."""

    user: Annotated[
        str, Meta(min_length=1, description="Claim that names the user; a token without it is refused. Default sub.")
    ] = "sub"
    team: Annotated[str, Meta(description="Claim that names the team. Default: none.")] = ""
    department: Annotated[str, Meta(description="Claim that names the department. Default: none.")] = ""
    employment: Annotated[
        str,
        Meta(description="Claim that says how the user is employed, such as employee or contractor. Default: none."),
    ] = ""
    tenant: Annotated[
        str,
        Meta(description="Claim that names the tenant: one of `tenants`, else the token is refused. Default: none."),
    ] = ""
    groups: Annotated[
        str, Meta(description="Claim that lists groups: a list, or one text with blanks between. Default groups.")
    ] = "groups"


class IssuerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identity provider whose tokens (OpenID Connect, OAuth 2.0 JWT) are taken as keys are."""

    name: Annotated[Name, Meta(description="What receipts call it: the key of its users is `token/NAME/USER`.")]
    issuer: Annotated[Url, Meta(description="The claim `iss` of its tokens, to the letter.")]
    audiences: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(min_length=1, description="Values of the claim `aud` that mean this gateway; a token has to have one."),
    ]
    jwks_url: Annotated[
        Url | None,
        Meta(
            description="Where its public keys are. Default: as `ISSUER/.well-known/openid-configuration` says, whose `issuer` must be the same."
        ),
    ] = None
    algorithms: Annotated[
        list[Algorithm], Meta(min_length=1, description="Signatures that are taken. Default RS256, ES256 and EdDSA.")
    ] = field(default_factory=lambda: ["RS256", "ES256", "EdDSA"])
    types: Annotated[
        list[str],
        Meta(
            description="Values of the header `typ` that are taken, in any case; the empty one is for tokens without it. Default JWT, at+jwt and none."
        ),
    ] = field(default_factory=lambda: ["JWT", "at+jwt", ""])
    skew_s: Annotated[
        int, Meta(ge=0, le=600, description="Seconds that clocks may be apart, for `exp`, `nbf` and `iat`. Default 60.")
    ] = 60
    max_age_s: Annotated[
        Annotated[int, Meta(ge=1, le=31_536_000)] | None,
        Meta(description="Seconds since `iat` after which a token is too old, whatever its `exp`. Default: no limit."),
    ] = None
    required: Annotated[
        dict[str, str],
        Meta(
            description="Values that claims must have, by path: the claim itself, or one of its list; `true` and `false` for booleans. Default: none."
        ),
    ] = {}
    claims: Annotated[ClaimSettings, Meta(description="Where its tokens say what.")] = ClaimSettings()
    roles: Annotated[
        dict[str, Role],
        Meta(
            description="Role of each group. A group that is not listed gives none, whatever it is called. Default: none."
        ),
    ] = {}
    tenant: Annotated[Tenant, Meta(description="Tenant of its users, where no claim names it. Default default.")] = (
        "default"
    )
    tenants: Annotated[list[Tenant], Meta(description="Tenants that `claims.tenant` may name. Default: none.")] = []
    employment: Annotated[
        Word, Meta(description="How its users are employed, where no claim says it. Default: unknown.")
    ] = ""
    models: Annotated[
        list[str],
        Meta(
            description="Public model names that its users may ask for; a trailing * stands for any ending. Default: all."
        ),
    ] = field(default_factory=lambda: ["*"])
    data_class: Annotated[
        DataClass | None, Meta(description="The least that what its users send is taken for. Default: as configured.")
    ] = None
    clearance: Annotated[
        DataClass | None,
        Meta(description="Highest class of data that its users may send, and see unmasked. Default: as policies say."),
    ] = None
    timeout_s: Annotated[
        float, Meta(gt=0, le=60, description="Seconds for one look at its keys, all in all. Default 5.")
    ] = 5.0
    refresh_s: Annotated[float, Meta(ge=1, le=86400, description="Seconds between looks at its keys. Default 300.")] = (
        300.0
    )
    unknown_kid_s: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Seconds between looks that tokens with a key nobody knows may bring about. Default 30.",
        ),
    ] = 30.0
    jwks_stale_s: Annotated[
        float,
        Meta(
            ge=1,
            le=604_800,
            description="Seconds that keys are used after the last look that found them; then its tokens are refused, with 503, until it answers again. Default 3600.",
        ),
    ] = 3600.0
    ca_file: Annotated[
        str | None, Meta(description="PEM file of the authorities that sign its certificate. Default: the system's.")
    ] = None
    proxy: Annotated[
        Annotated[str, Meta(pattern="^http://")] | None, Meta(description="HTTP proxy to go through. Default: none.")
    ] = None

    def check(self) -> Iterator[Mistake]:
        """Mistakes that only show across fields."""
        for path, url in (("issuer", self.issuer), ("jwks_url", self.jwks_url)):
            if url is None:
                continue
            parts = urlsplit(url)
            if parts.scheme == "http" and parts.hostname not in LOOPBACK:
                yield path, "is plain HTTP: whoever stands between could hand out keys", "write its https:// address"
            if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
                yield path, "is no plain address", "write scheme, host and path alone"
        if self.claims.tenant and not self.tenants:
            yield "tenants", "`claims.tenant` lets the provider name tenants, and none is listed", "list those it may"
        if self.jwks_stale_s < self.refresh_s:
            wrong = f"is shorter than `refresh_s`, {self.refresh_s:g}: keys would lapse between two looks"
            yield "jwks_stale_s", wrong, "write a longer time, or look more often"


class CertificateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom a client certificate stands for. The first rule that fits counts; a key or token that is sent goes first."""

    name: Annotated[
        Name, Meta(description="What receipts call it: the key is `certificate/NAME/` and the name that fits.")
    ]
    uri: Annotated[
        Text | None,
        Meta(
            description="URI of its SubjectAltName, such as a SPIFFE id; a trailing * stands for any ending. A rule has exactly one of `uri`, `dns`, `email` and `cn`. Default: none."
        ),
    ] = None
    dns: Annotated[
        Text | None,
        Meta(description="DNS name of its SubjectAltName; `*.` at its begin stands for one more label. Default: none."),
    ] = None
    email: Annotated[Text | None, Meta(description="Address of its SubjectAltName. Default: none.")] = None
    cn: Annotated[
        Text | None,
        Meta(
            description="Common name of its subject, where its SubjectAltName has no name of another kind. Default: none."
        ),
    ] = None
    tenant: Annotated[Tenant, Meta(description="Organisation that it belongs to. Default default.")] = "default"
    user: Annotated[Word, Meta(description="User, for receipts and budgets. Default: none.")] = ""
    team: Annotated[Word, Meta(description="Team, for receipts and budgets. Default: none.")] = ""
    department: Annotated[Word, Meta(description="Department, for receipts and budgets. Default: none.")] = ""
    roles: Annotated[list[Role], Meta(description="What it may do in the control plane. Default: nothing.")] = []
    employment: Annotated[Word, Meta(description="What policies call it. Default service.")] = "service"
    models: Annotated[
        list[str],
        Meta(description="Public model names that it may ask for; a trailing * stands for any ending. Default: all."),
    ] = field(default_factory=lambda: ["*"])
    data_class: Annotated[
        DataClass | None, Meta(description="The least that what it sends is taken for. Default: as configured.")
    ] = None
    clearance: Annotated[
        DataClass | None,
        Meta(description="Highest class of data that it may send, and see unmasked. Default: as policies say."),
    ] = None

    def check(self) -> Iterator[Mistake]:
        """Mistakes that only show across fields."""
        if sum(one is not None for one in (self.uri, self.dns, self.email, self.cn)) != 1:
            yield "", "has not exactly one of `uri`, `dns`, `email` and `cn`", "write the one to go by"
        for path, text in (("dns", self.dns), ("email", self.email), ("cn", self.cn)):
            if text is not None and "*" in (text.removeprefix("*.") if path == "dns" else text):
                yield path, "has a * where none is read", "write the whole name; `dns` may begin with `*.`"
        if self.uri is not None and "*" in self.uri[:-1]:
            yield "uri", "has a * before its end", "write the beginning that all have, and one * behind it"


class BindingForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role for somebody, in a tenant or a team of it."""

    name: Annotated[Name, Meta(description="What it is called. One of a kind.")]
    subject: Annotated[
        str,
        Meta(
            pattern=r"^(key|account|token|certificate|group)/[^\x00-\x1f\x7f]+$",
            max_length=600,
            description="Who: `key/NAME`, `account/NAME`, `token/ISSUER/USER`, `certificate/RULE/NAME`, or `group/ISSUER/GROUP` for all tokens with a group.",
        ),
    ]
    role: Annotated[Role, Meta(description="What they may, by the table of roles.")]
    tenant: Annotated[Tenant, Meta(description="Tenant that it holds in; `*` for all of them. Default default.")] = (
        "default"
    )
    team: Annotated[
        Word, Meta(description="Team that it holds in. Default: all of the tenant; for team_lead and member none.")
    ] = ""


class ThrottleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How credentials that are guessed are slowed down, by the address they come from; each worker counts for itself."""

    failures: Annotated[
        int,
        Meta(
            ge=1, le=1_000_000, description="Unknown credentials, all different, that an address may send. Default 20."
        ),
    ] = 20
    first_s: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds that it is held off after them; each further one doubles that. Default 1.",
        ),
    ] = 1.0
    most_s: Annotated[float, Meta(gt=0, le=86400, description="The longest that it is held off. Default 60.")] = 60.0
    forget_s: Annotated[
        float,
        Meta(gt=0, le=604_800, description="Seconds without one after which it counts from 0 again. Default 900."),
    ] = 900.0


class IdentitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may call beside keys."""

    issuers: Annotated[
        list[IssuerSettings], Meta(description="Identity providers whose tokens are taken. Default: none.")
    ] = []
    certificates: Annotated[
        list[CertificateSettings],
        Meta(description="Whom client certificates stand for, with `server.tls.client_ca_file`. Default: nobody."),
    ] = []
    bindings: Annotated[
        list[BindingForm], Meta(description="Who has which role, beside what keys and groups say. Default: none.")
    ] = []
    throttle: Annotated[ThrottleSettings, Meta(description="How credentials that are guessed are slowed down.")] = (
        ThrottleSettings()
    )

    @property
    def known(self) -> bool:
        """Somebody may call beside keys."""
        return bool(self.issuers or self.certificates)
