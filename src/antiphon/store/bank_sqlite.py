"""The bank in SQLite, in the database that receipts are in."""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from antiphon.core.bank import Bank, Grant, Want
from antiphon.core.budget import Account
from antiphon.core.error import StoreError
from antiphon.core.ledger import Balance
from antiphon.store.granting import ACCOUNTS, ANNOUNCE, USED_NS, State, accounts_values, announce_values, grant
from antiphon.store.sqlite import BUSY_TIMEOUT_S, FILE

_SPENT = """
    CASE rolling_ns WHEN 0 THEN spent ELSE (SELECT coalesce(sum(slots.spent), 0) FROM slots
        WHERE slots.key = accounts.key AND slots.slot_ns + slots.length_ns > :now_ns - rolling_ns) END
"""
_ACCOUNT = f"""
    INSERT INTO accounts (key, start_ns, tenant, budget, measure, end_ns, rolling_ns, used_ns)
    VALUES (:key, :start_ns, :tenant, :budget, :measure, :end_ns, :rolling_ns, :now_ns)
    ON CONFLICT (key, start_ns) DO UPDATE
    SET end_ns = excluded.end_ns, rolling_ns = excluded.rolling_ns, used_ns = excluded.used_ns
    WHERE end_ns <> excluded.end_ns OR rolling_ns <> excluded.rolling_ns OR used_ns < excluded.used_ns - {USED_NS}
"""  # noqa: S608 - a number alone
_STATE = f"""
    SELECT {_SPENT}, held, scarce_until_ns,
        (SELECT count(*) FROM leases AS other WHERE other.key = accounts.key AND other.start_ns = accounts.start_ns
            AND other.holder <> :holder AND other.granted > other.used),
        coalesce(granted, 0), coalesce(ended, 0), coalesce(used, 0)
    FROM accounts LEFT JOIN leases
        ON leases.holder = :holder AND leases.key = accounts.key AND leases.start_ns = accounts.start_ns
    WHERE accounts.key = :key AND accounts.start_ns = :start_ns
"""  # noqa: S608 - the statement above alone
_LEASE = """
    INSERT INTO leases (holder, key, start_ns, tenant, granted, ended, used)
    VALUES (:holder, :key, :start_ns, :tenant, :granted, :ended, :used)
    ON CONFLICT (holder, key, start_ns) DO UPDATE SET granted = excluded.granted, ended = excluded.ended
"""
_STANDS = "UPDATE accounts SET held = ?, scarce_until_ns = ? WHERE key = ? AND start_ns = ?"
_BALANCE = f"""
    SELECT key, start_ns, tenant, {_SPENT}, held FROM accounts
    WHERE key = :key AND start_ns <= :now_ns AND end_ns > :now_ns ORDER BY start_ns
"""  # noqa: S608 - the same


class SqliteBank(Bank):
    """One connection, which one thread at a time uses. A grant is on the disk with the next batch of the shipper: when
    the machine loses power before, the holders are gone too.
    """

    def __init__(self, directory: Path) -> None:
        """`directory` holds a database whose tables are up to date. Raises: StoreError."""
        self._turn = threading.Lock()
        uri = f"{(directory / FILE).absolute().as_uri()}?mode=rw"
        try:
            self._db = sqlite3.connect(
                uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._db.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            raise StoreError(f"the database {FILE} can't be opened: {error}") from error

    def grant(self, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        with self._turn:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    self._db.execute("INSERT OR IGNORE INTO holders (holder, home) VALUES (?, '')", (holder,))
                    grants = [self._one(holder, want, now_ns) for want in wants]
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
                return grants
            except sqlite3.Error as error:
                raise StoreError(f"nothing can be granted, the database can't be written: {error}") from error

    def _one(self, holder: str, want: Want, now_ns: int) -> Grant:
        account = want.account
        named = {
            "holder": holder,
            "key": account.key,
            "start_ns": account.span.start_ns,
            "tenant": account.tenant,
            "budget": account.budget,
            "measure": account.measure,
            "end_ns": account.span.end_ns,
            "rolling_ns": account.span.rolling_ns,
            "now_ns": now_ns,
        }
        self._db.execute(_ACCOUNT, named)
        spent, held, scarce_until_ns, others, granted, ended, used = self._db.execute(_STATE, named).fetchone()
        state = State(
            spent=spent,
            held=held,
            scarce_until_ns=scarce_until_ns,
            others=others,
            granted=granted,
            ended=ended,
            used=used,
        )
        answer = grant(state, want, now_ns)
        if (state.held, state.scarce_until_ns) != (held, scarce_until_ns):
            self._db.execute(_STANDS, (state.held, state.scarce_until_ns, account.key, account.span.start_ns))
        if want.ends and state.granted <= state.used:
            self._db.execute(
                "DELETE FROM leases WHERE holder = ? AND key = ? AND start_ns = ?",
                (holder, account.key, account.span.start_ns),
            )
        elif (state.granted, state.ended) != (granted, ended):
            lease = {"granted": state.granted, "ended": state.ended, "used": state.used}
            self._db.execute(_LEASE, named | lease)
        return answer

    def balances(self, keys: Iterable[str], now_ns: int) -> list[Balance]:
        with self._turn:
            try:
                rows = [row for key in keys for row in self._db.execute(_BALANCE, {"key": key, "now_ns": now_ns})]
            except sqlite3.Error as error:
                raise StoreError(f"the database can't be read: {error}") from error
        return [
            Balance(account=key, start_ns=start_ns, tenant=tenant, spent=spent, held=held)
            for key, start_ns, tenant, spent, held in rows
        ]

    def accounts(self, budget: str, after: str, most: int) -> list[str]:
        with self._turn:
            try:
                return [key for (key,) in self._db.execute(ACCOUNTS.format("?"), accounts_values(budget, after, most))]
            except sqlite3.Error as error:
                raise StoreError(f"the database can't be read: {error}") from error

    def announce(self, account: Account, mark: float, now_ns: int) -> bool:
        values = announce_values(account, mark, now_ns)
        with self._turn:
            try:
                return self._db.execute(ANNOUNCE.format("?"), values).rowcount == 1
            except sqlite3.Error as error:
                raise StoreError(f"the database can't be written: {error}") from error

    def close(self) -> None:
        with self._turn:
            self._db.close()
