"""Where the admin API listens."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.secret import Secret

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MIN_KEY_LENGTH = 16


class AdminSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The admin API's listener. It serves HTTPS where `server.tls` is set, with the same certificate."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            description="Address to listen on. Default 127.0.0.1; any other needs `server.tls`, or `insecure`.",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one. Default 8081.")] = 8081
    key: Annotated[
        Secret | None,
        Meta(
            description="The first admin key, of at least 16 characters. Default: one is made, in the file `admin.key` of the data directory."
        ),
    ] = None
    insecure: Annotated[bool, Meta(description="Listen beyond loopback without TLS. Default false.")] = False

    def check(self, *, tls: bool) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below `admin`, what is wrong, what to write)."""
        wrong: list[tuple[str, str, str]] = []
        if self.host not in LOOPBACK and not tls and not self.insecure:
            remedy = "set `server.tls`, or listen on 127.0.0.1, or say `insecure: true`"
            wrong.append(
                ("host", f"{self.host} can be reached from other machines, and keys would travel unsealed", remedy)
            )
        if self.key is not None and len(self.key.reveal()) < MIN_KEY_LENGTH:
            remedy = "write a longer one, made by chance, or leave it out"
            wrong.append(("key", f"is shorter than {MIN_KEY_LENGTH} characters", remedy))
        return wrong
