"""Mistakes in where records are kept."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from antiphon.config.pem import MENDED, why_no_authorities
from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import Problem
from antiphon.store.settings import PostgresSettings
from antiphon.wire.yaml_node import Path

SCHEMES = ("postgresql://", "postgres://")
MONTH_DAYS = 31
"""Partitions of the ledger are months, and go whole."""
FORM = "write postgresql://USER:PASSWORD@HOST/DATABASE"


def check_storage(settings: Settings, written: Written) -> Iterator[Problem]:
    """An address that is none, a driver that isn't installed, what has no effect without an address."""
    yield from _retention(settings, written)
    storage, path = settings.storage, ("storage", "url")
    if not written.sound(path):
        return
    if storage.url is None:
        below = ("storage", "postgres")
        if storage.postgres != PostgresSettings() and written.sound(below):
            yield written.problem(below, "has no effect without `url`", "write `storage.url`, or leave this out")
        return
    url = storage.url.reveal()
    if not url.startswith(SCHEMES):
        yield written.problem(path, "is no address of a Postgres", FORM)
    elif find_spec("psycopg") is None:
        wrong = "asking Postgres needs a driver that is not installed"
        yield written.problem(path, wrong, "run: pip install 'antiphon[postgres]'")
    elif not import_module("antiphon.store.postgres_link").readable(url):
        yield written.problem(path, "can't be read as an address of a Postgres", f"{FORM}, special signs as %40")
    elif wrong := import_module("antiphon.store.postgres_link").why_open(url, insecure=storage.postgres.insecure):
        yield written.problem(path, wrong, "write sslmode=verify-full, or `storage.postgres.insecure: true`")
    yield from _authorities(storage.postgres.ca_file, ("storage", "postgres", "ca_file"), written)


def _authorities(ca_file: str | None, path: Path, written: Written) -> Iterator[Problem]:
    wrong = why_no_authorities(ca_file) if ca_file is not None else ""
    if wrong:
        yield written.problem(path, wrong, MENDED)


def _retention(settings: Settings, written: Written) -> Iterator[Problem]:
    """An account must not go before the entries that made its balance."""
    retention, path = settings.storage.retention, ("storage", "retention")
    least = retention.ledger_days + MONTH_DAYS
    if not written.sound(path) or not retention.accounts_days:
        return
    if not retention.ledger_days:
        wrong = "accounts would go before the ledger's entries on them, which are kept for ever"
        yield written.problem((*path, "accounts_days"), wrong, "write `ledger_days` too, or leave this out")
    elif retention.accounts_days < least:
        wrong = (
            f"{retention.accounts_days:g} is less than {least:g}: accounts would go before the ledger's entries on them"
        )
        remedy = f"write {least:g} or more, {MONTH_DAYS} above `ledger_days`, as entries go by months"
        yield written.problem((*path, "accounts_days"), wrong, remedy)
