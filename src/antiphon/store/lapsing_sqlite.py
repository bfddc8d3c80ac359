"""Retention in SQLite: a few rows at a time, so that nobody waits for it."""

import sqlite3

from antiphon.core.budget import NO_END_NS
from antiphon.store import scores_sqlite
from antiphon.store.database import LAG_NS, Lapsed

_RECEIPTS = """
    SELECT id FROM (SELECT id, at_ns, outcome FROM receipts WHERE id > :place ORDER BY id LIMIT :most)
    WHERE at_ns < :until_ns AND outcome <> 'running'
"""
_ENTRIES = """
    SELECT id FROM (SELECT id, at_ns FROM entries WHERE id > :place ORDER BY id LIMIT :most) WHERE at_ns < :until_ns
"""
_ACCOUNTS = """
    SELECT key, start_ns FROM (SELECT key, start_ns, end_ns, used_ns, rolling_ns FROM accounts
        WHERE key > :place ORDER BY key, start_ns LIMIT :most) AS some
    WHERE (end_ns < :until_ns OR (end_ns = :never_ns AND used_ns < :unused_ns - rolling_ns)) AND NOT EXISTS
        (SELECT 1 FROM leases WHERE leases.key = some.key AND leases.start_ns = some.start_ns)
"""


class Lapsing:
    """Walks through each table in the order of its key, over and over: what is old need not lie together."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._places: dict[str, str] = dict.fromkeys(("receipts", "ledger", "accounts"), "")

    def retain(self, receipts_ns: int, ledger_ns: int, most: int, unused_ns: int) -> Lapsed:
        """As `Database.retain`. Raises: sqlite3.Error."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            lapsed = Lapsed(
                receipts=self._receipts(receipts_ns, most) if receipts_ns else 0,
                entries=self._entries(ledger_ns, most) if ledger_ns else 0,
                accounts=self._accounts(ledger_ns, most, unused_ns) if ledger_ns else 0,
                bases=self._forget("bases", receipts_ns, most) if receipts_ns else 0,
                holds=self._forget("holds", ledger_ns, most) if ledger_ns else 0,
            )
            if receipts_ns:
                scores_sqlite.lapse(self._db, receipts_ns, most)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        return lapsed

    def slots(self, now_ns: int) -> None:
        """Drop slots of rolling windows that are over. Raises: sqlite3.Error."""
        self._db.execute(
            "DELETE FROM slots WHERE slot_ns + length_ns <= ? -"
            " (SELECT coalesce(max(rolling_ns), 0) FROM accounts WHERE accounts.key = slots.key)",
            (now_ns,),
        )

    def _receipts(self, until_ns: int, most: int) -> int:
        ids = [row[0] for row in self._db.execute(_RECEIPTS, self._from("receipts", until_ns, most))]
        self._step("receipts", "SELECT id FROM receipts WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?", most)
        self._db.executemany("DELETE FROM contents WHERE id = ?", ((one,) for one in ids))
        self._db.executemany("DELETE FROM receipts WHERE id = ?", ((one,) for one in ids))
        return len(ids)

    def _entries(self, until_ns: int, most: int) -> int:
        ids = self._db.execute(_ENTRIES, self._from("ledger", until_ns, most)).fetchall()
        self._step("ledger", "SELECT id FROM entries WHERE id > ? ORDER BY id LIMIT 1 OFFSET ?", most)
        self._db.executemany("DELETE FROM entries WHERE id = ?", ids)
        return len(ids)

    def _forget(self, table: str, until_ns: int, most: int) -> int:
        """Drop what nothing names any more, and what entries had in common with it."""
        text = f"SELECT id FROM {table} WHERE seen_ns < ? ORDER BY seen_ns LIMIT ?"  # noqa: S608 - a name of ours
        ids = self._db.execute(text, (until_ns - LAG_NS, most)).fetchall()
        self._db.executemany(f"DELETE FROM {table} WHERE id = ?", ids)  # noqa: S608 - the same
        if table == "holds":
            self._db.executemany("DELETE FROM terms WHERE holds = ?", ids)
        return len(ids)

    def _accounts(self, until_ns: int, most: int, unused_ns: int) -> int:
        asked = {**self._from("accounts", until_ns, most), "never_ns": NO_END_NS, "unused_ns": unused_ns}
        names = self._db.execute(_ACCOUNTS, asked).fetchall()
        self._step("accounts", "SELECT key FROM accounts WHERE key > ? ORDER BY key, start_ns LIMIT 1 OFFSET ?", most)
        self._db.executemany("DELETE FROM accounts WHERE key = ? AND start_ns = ?", names)
        return len(names)

    def _from(self, table: str, until_ns: int, most: int) -> dict[str, str | int]:
        return {"place": self._places[table], "until_ns": until_ns, "most": most}

    def _step(self, table: str, query: str, most: int) -> None:
        """Go on behind the rows that were looked at; at the end begin anew."""
        row = self._db.execute(query, (self._places[table], most - 1)).fetchone()
        self._places[table] = row[0] if row else ""
