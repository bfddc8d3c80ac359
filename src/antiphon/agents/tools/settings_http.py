"""Tools over HTTP, as documents describe them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.tool import Effect

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
ArgumentPlace = Literal["path", "query", "header", "body"]
MOST_RESPONSE_BYTES = 1_048_576


class AuthSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a tool says who it is. Values are read from `${env:NAME}` and stand in no document."""

    kind: Annotated[
        Literal["bearer", "basic", "header", "query"],
        Meta(description="`bearer` token, `basic` user and password, a header, or a parameter of the query."),
    ]
    value: Annotated[
        str, Meta(description="The token, the password, or the value of the header or parameter, as `${env:NAME}`.")
    ]
    user: Annotated[str, Meta(description="User of `basic`. Default: none.")] = ""
    name: Annotated[str, Meta(description="Name of the header or parameter. Default: none.")] = ""

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below this section, what is wrong, what to write)."""
        wrong: list[tuple[str, str, str]] = []
        if "${" not in self.value:
            wrong.append(("value", "it is written out", "write ${env:NAME}: documents are read by people"))
        if self.kind in {"header", "query"} and not self.name:
            wrong.append(("name", f"a {self.kind} needs a name", "name it, such as X-Api-Key"))
        return wrong


class HttpSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One request. Arguments named in braces go into the path, percent-encoded; the host is never an argument's."""

    url: Annotated[
        str,
        Meta(
            pattern="^https?://[^{}/?#]+(/[^?#]*)?$",
            description="Such as `https://crm.example.com/customers/{id}`; `{NAME}` in the path is that argument.",
        ),
    ]
    method: Annotated[Method, Meta(description="Default GET.")] = "GET"
    places: Annotated[
        dict[str, ArgumentPlace],
        Meta(
            description="Where arguments go that aren't in the path. Default: the query of GET, HEAD and DELETE, the JSON body of others."
        ),
    ] = {}
    headers: Annotated[
        dict[str, str], Meta(description="Headers of each request; `${env:NAME}` may stand in them.")
    ] = {}
    auth: Annotated[AuthSpec | None, Meta(description="How it says who it is. Default: not at all.")] = None
    body: Annotated[
        Literal["json", "form"], Meta(description="How arguments of the body are written. Default json.")
    ] = "json"
    idempotency_header: Annotated[
        str,
        Meta(
            description="Header that carries the call's idempotency key, such as `Idempotency-Key`; a POST with it counts as idempotent. Default: none."
        ),
    ] = ""
    take: Annotated[str, Meta(description="JSON pointer to what of the answer is the result. Default: all of it.")] = ""
    networks: Annotated[
        list[str], Meta(description="The only networks that it may be reached in. Default: as `egress` says.")
    ] = []
    ca_file: Annotated[str | None, Meta(description="PEM file of authorities. Default: the system's.")] = None
    most_response_bytes: Annotated[
        int, Meta(ge=1024, le=16_777_216, description="Longest answer that is read. Default 1048576.")
    ] = MOST_RESPONSE_BYTES

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        return [(f"auth.{path}", wrong, remedy) for path, wrong, remedy in (self.auth.check() if self.auth else [])]


class OperationHints(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the operator says of one operation, in place of what its method and words say."""

    description: Annotated[
        str, Meta(max_length=4096, description="What models are told. Default: as the document.")
    ] = ""
    effect: Annotated[Effect | None, Meta(description="What calling twice does. Default: by its method.")] = None
    destructive: Annotated[bool | None, Meta(description="A person approves each call. Default: worked out.")] = None
    sends: Annotated[bool | None, Meta(description="What it is given can be read outside. Default: worked out.")] = None
    private: Annotated[bool | None, Meta(description="It reads what strangers must not see. Default: worked out.")] = (
        None
    )
    untrusted: Annotated[
        bool | None, Meta(description="Strangers may have written its results. Default: worked out.")
    ] = None
    risky: Annotated[
        list[str] | None, Meta(description="Arguments that decide whom it touches. Default: worked out.")
    ] = None


class OpenApiSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Operations of an OpenAPI 3.0 or 3.1 document: each is a tool `NAME__OPERATION`."""

    file: Annotated[str, Meta(description="The document, YAML or JSON. Default: none.")] = ""
    url: Annotated[
        str, Meta(description="The same, fetched when tools are loaded; `sha256` pins it. Default: none.")
    ] = ""
    sha256: Annotated[
        str, Meta(description="Digest that the document must have, 64 hexadecimal digits. Default: not looked at.")
    ] = ""
    server: Annotated[
        str, Meta(description="Where requests go. Default: the first of the document's `servers`, if it is whole.")
    ] = ""
    only: Annotated[
        list[str], Meta(description="Operations that become tools, `*` for any part of a name. Default: all.")
    ] = []
    without: Annotated[list[str], Meta(description="Operations that don't. Default: none.")] = []
    headers: Annotated[
        dict[str, str], Meta(description="Headers of each request; `${env:NAME}` may stand in them.")
    ] = {}
    auth: Annotated[AuthSpec | None, Meta(description="How it says who it is. Default: not at all.")] = None
    idempotency_header: Annotated[
        str,
        Meta(
            description="Header that carries the key of a call where the operation has none of its own. Default: none."
        ),
    ] = ""
    hints: Annotated[dict[str, OperationHints], Meta(description="By operation. Default: none.")] = {}
    networks: Annotated[
        list[str], Meta(description="The only networks that it may be reached in. Default: as `egress` says.")
    ] = []
    ca_file: Annotated[str | None, Meta(description="PEM file of authorities. Default: the system's.")] = None
    most_response_bytes: Annotated[
        int, Meta(ge=1024, le=16_777_216, description="Longest answer that is read. Default 1048576.")
    ] = MOST_RESPONSE_BYTES

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        found = [(f"auth.{path}", wrong, remedy) for path, wrong, remedy in (self.auth.check() if self.auth else [])]
        if bool(self.file) == bool(self.url):
            found.append(("file", "one of file and url has to stand here", "name the document by one of them"))
        if self.url and not self.server:
            found.append(("server", "a fetched document can't say where requests go", "write the server's URL"))
        return found
