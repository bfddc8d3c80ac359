from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]
SECRET = "hunter2"
TEXT = """\
providers:
  openai: {key: sk-0123456789}
models:
  one: {provider: openai}
storage:
  url: ADDRESS
"""


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://antiphon:hunter2@db.internal:5432/antiphon",
        "postgres://antiphon@[::1]/antiphon?sslmode=verify-full",
        "postgresql:///antiphon?host=/run/postgresql",
        "postgresql://antiphon@one:5432,two:5433/antiphon?target_session_attrs=read-write",
    ],
)
def test_an_address_of_a_postgres_is_taken(loaded: Load, address: str) -> None:
    assert loaded(TEXT.replace("ADDRESS", f'"{address}"')).settings.storage.url is not None


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        (f"mysql://antiphon:{SECRET}@db/antiphon", "is no address of a Postgres"),
        (f"db.internal/{SECRET}", "is no address of a Postgres"),
        (f"postgresql://antiphon:{SECRET} x@db/antiphon", "can't be read"),
        (f"postgresql://antiphon:{SECRET}%zz@db/antiphon", "can't be read"),
        (f"postgresql://antiphon:{SECRET}@db/antiphon?bogus=1", "can't be read"),
    ],
)
def test_another_is_told_with_its_line_and_without_what_it_says(mistakes: Mistakes, address: str, wrong: str) -> None:
    (found,) = mistakes(TEXT.replace("ADDRESS", f'"{address}"'))

    assert (found.path, found.line) == ("storage.url", 6)
    assert wrong in found.wrong
    assert "postgresql://USER:PASSWORD@HOST/DATABASE" in found.remedy
    assert SECRET not in str(found)


def test_how_postgres_is_asked_without_one_is_told(mistakes: Mistakes) -> None:
    (found,) = mistakes(TEXT.replace("url: ADDRESS", "postgres: {connections: 9}"))

    assert (found.path, found.line, found.wrong) == ("storage.postgres", 6, "has no effect without `url`")


@pytest.mark.parametrize(
    ("retention", "wrong"),
    [
        ("{accounts_days: 90}", "accounts would go before the ledger's entries on them, which are kept for ever"),
        ("{accounts_days: 120.5, ledger_days: 90}", "120.5 is less than 121"),
    ],
)
def test_accounts_can_not_go_before_their_entries(mistakes: Mistakes, retention: str, wrong: str) -> None:
    (found,) = mistakes(TEXT.replace("url: ADDRESS", f"retention: {retention}"))

    assert (found.path, found.line) == ("storage.retention.accounts_days", 6)
    assert wrong in found.wrong


def test_accounts_that_go_later_are_right(loaded: Load) -> None:
    text = TEXT.replace("url: ADDRESS", "retention: {accounts_days: 121, ledger_days: 90}")

    assert loaded(text).settings.storage.retention.accounts_days == 121
