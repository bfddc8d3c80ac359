"""Where the gateway listens."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.net.settings import Bounds

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS for callers. Files are read again when they change."""

    cert_file: Annotated[str, Meta(description="PEM file with the certificate and its chain.")]
    key_file: Annotated[str, Meta(description="PEM file with the private key.")]
    client_ca_file: Annotated[
        str | None,
        Meta(
            description="PEM file of the authorities whose client certificates are taken. Default: none is asked for."
        ),
    ] = None
    client_auth: Annotated[
        Literal["required", "optional"],
        Meta(
            description="Whether callers must show a certificate, where `client_ca_file` is set. One that is shown must hold either way. Default required."
        ),
    ] = "required"
    min_version: Annotated[Literal["1.2", "1.3"], Meta(description="Lowest TLS version. Default 1.2.")] = "1.2"


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The listener and its processes."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Address to listen on. Default 127.0.0.1; any other needs a key under `keys`, or `insecure`.",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one. Default 8080.")] = 8080
    workers: Annotated[int, Meta(ge=1, le=256, description="Worker processes that share the port. Default 1.")] = 1
    insecure: Annotated[bool, Meta(description="Listen beyond loopback although no key is set. Default false.")] = False
    drain_timeout_s: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds that running requests get to finish after SIGTERM. Default 30.")
    ] = 30.0
    tls: Annotated[Tls | None, Meta(description="Serve HTTPS. Default: plain HTTP.")] = None
    public_metrics: Annotated[
        bool | None,
        Meta(description="Serve /metrics without an admin key. Default: true on loopback, false elsewhere."),
    ] = None
    limits: Annotated[Bounds, Meta(description="What one caller may do to the listener.")] = Bounds()

    def check(self, has_keys: bool) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below `server`, what is wrong, what to write)."""
        if self.host in LOOPBACK or has_keys or self.insecure:
            return []
        return [
            (
                "host",
                f"{self.host} can be reached from other machines and no key is set",
                "add a key under `keys`, or listen on 127.0.0.1, or say `insecure: true`",
            )
        ]
