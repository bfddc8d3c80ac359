"""TLS to Postgres: asked for by itself, proven against an authority, and never silently without."""

import datetime as dt
import ipaddress
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict
from servers import Postgres

from antiphon.core.error import StoreError
from antiphon.store.postgres_link import PostgresPlace, connect
from antiphon.store.postgres_tls import elsewhere, secured, unproven
from antiphon.store.upkeep_postgres import PostgresUpkeep


def issued(folder: Path, label: str) -> tuple[str, str]:
    """A certificate of its own authority for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{label}.pem", folder / f"{label}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    files[1].chmod(0o600)
    return str(files[0]), str(files[1])


@pytest.fixture(scope="module")
def authority(postgres: Postgres, tmp_path_factory) -> Iterator[str]:
    """The server speaks TLS; the file of the authority that proves it."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = issued(folder, "server")
    if os.geteuid() == 0:
        for one in (folder, *folder.iterdir()):
            shutil.chown(one, "postgres", "postgres")
        for one in (folder.parent, folder.parent.parent):
            one.chmod(one.stat().st_mode | 0o011)
    for statement in (
        f"ALTER SYSTEM SET ssl_cert_file = '{certificate}'",
        f"ALTER SYSTEM SET ssl_key_file = '{key}'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
    ):
        postgres.run(statement)
    yield certificate
    for statement in ("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()"):
        postgres.run(statement)


def encrypted(place: PostgresPlace) -> bool:
    with connect(place) as database:
        row = database.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row is not None
    return row[0]


def test_a_server_is_proven_by_the_authority_that_is_named(postgres: Postgres, authority: str) -> None:
    assert encrypted(replace(postgres.place(), ca_file=authority))


def test_a_server_of_another_authority_is_not_spoken_to(postgres: Postgres, authority: str, tmp_path: Path) -> None:
    other, _ = issued(tmp_path, "other")
    with pytest.raises(StoreError, match="certificate verify failed"):
        connect(replace(postgres.place(), ca_file=other))


def test_a_name_that_the_certificate_lacks_is_not_accepted(postgres: Postgres, authority: str) -> None:
    url = postgres.database().replace("127.0.0.1", "db.internal") + "?hostaddr=127.0.0.1"
    with pytest.raises(StoreError, match=r"db\.internal"):
        connect(replace(postgres.place(url=url), ca_file=authority))


def test_a_copy_of_the_database_is_made_over_the_same(postgres: Postgres, authority: str, tmp_path: Path) -> None:
    """`pg_dump` is a program of its own, and is told the same."""
    other, _ = issued(tmp_path, "other")
    url = postgres.database()
    upkeep = PostgresUpkeep(replace(postgres.place(url=url), ca_file=authority))
    try:
        upkeep.migrate()
        upkeep._place = replace(postgres.place(url=url), ca_file=other)
        with pytest.raises(StoreError, match="certificate verify failed"):
            upkeep.copy(tmp_path)
    finally:
        upkeep.close()


# --- which servers need it


@pytest.mark.parametrize(
    ("url", "away"),
    [
        ("postgresql://u@127.0.0.1/d", False),
        ("postgresql://u@[::1]:5432/d", False),
        ("postgresql://u@localhost/d", False),
        ("postgresql:///d", False),
        ("postgresql:///d?host=/run/postgresql", False),
        ("postgresql://u@db.internal/d", True),
        ("postgresql://u@10.0.0.5/d", True),
        ("postgresql://u@127.0.0.1,db.internal/d", True),
        ("postgresql://u@localhost/d?hostaddr=10.0.0.5", True),
        ("postgresql:///d?service=production", True),
    ],
)
def test_a_server_elsewhere_is_known_as_one(url: str, away: bool, monkeypatch) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    said = conninfo_to_dict(url)
    assert elsewhere(said) == away
    assert (secured(said, ca_file=None, insecure=False).get("sslmode") == "verify-full") == away


def test_a_host_of_the_environments_counts_too(monkeypatch) -> None:
    monkeypatch.setenv("PGHOST", "db.internal")
    assert elsewhere(conninfo_to_dict("postgresql:///d"))


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
def test_a_mode_that_proves_nothing_is_refused_unless_that_is_meant(mode: str) -> None:
    said = conninfo_to_dict(f"postgresql://u@db.internal/d?sslmode={mode}")
    assert mode in unproven(said, insecure=False)
    with pytest.raises(StoreError, match="verify-full"):
        secured(said, ca_file=None, insecure=False)
    assert secured(said, ca_file=None, insecure=True)["sslmode"] == mode
    assert "sslmode" not in secured(conninfo_to_dict("postgresql://u@db.internal/d"), ca_file=None, insecure=True)


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_mode_that_proves_it_is_kept_with_an_authority(mode: str) -> None:
    said = conninfo_to_dict(f"postgresql://u@db.internal/d?sslmode={mode}")
    made = secured(said, ca_file=None, insecure=False)
    assert made["sslmode"] == mode
    assert made["sslrootcert"]
