"""TLS to Postgres: a server elsewhere is asked with it, and proves its name, unless the operator says otherwise."""

import ssl
from collections.abc import Mapping
from typing import Any

from psycopg import pq

from antiphon.core.error import StoreError
from antiphon.net.egress import is_this_machine

VERIFYING = ("verify-full", "verify-ca")
SYSTEM = "system"
"""What libpq calls the authorities that OpenSSL was built with. Source: libpq 16, `sslrootcert`."""


def elsewhere(said: Mapping[str, Any]) -> bool:
    """Whether an address leads off this machine: by TCP, to another than its own addresses."""
    if said.get("service"):
        return True
    usual = {one.keyword.decode(): (one.val or b"").decode() for one in pq.Conninfo.get_defaults()}
    named = str(said.get("hostaddr") or said.get("host") or usual.get("hostaddr") or usual.get("host") or "")
    return any(host and host[0] not in "/@" and not is_this_machine(host) for host in named.split(","))


def unproven(said: Mapping[str, Any], *, insecure: bool) -> str:
    """What is wrong with how an address says that TLS is to be used; empty: nothing. Without a word of it, TLS is used."""
    mode = said.get("sslmode")
    if insecure or mode is None or mode in VERIFYING or not elsewhere(said):
        return ""
    return f"sslmode={mode} lets anybody on the way read and change what is said"


def secured(said: Mapping[str, Any], *, ca_file: str | None, insecure: bool) -> dict[str, Any]:
    """The same address, with TLS where it leads elsewhere. Raises: StoreError."""
    wrong = unproven(said, insecure=insecure)
    if wrong:
        raise StoreError(f"storage.url: {wrong}; write sslmode=verify-full, or `storage.postgres.insecure: true`")
    out = dict(said)
    if ca_file is not None:
        out["sslrootcert"] = ca_file
    if "sslmode" not in out and (ca_file is not None or (elsewhere(said) and not insecure)):
        out["sslmode"] = VERIFYING[0]
    if out.get("sslmode") in VERIFYING and "sslrootcert" not in out:
        out["sslrootcert"] = ssl.get_default_verify_paths().cafile or SYSTEM
    return out
