"""The tables, and the steps that lead from each version to the next."""

import sqlite3

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE receipts (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        body BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE running (id TEXT PRIMARY KEY, writer TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE contents (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, sealed BLOB NOT NULL);
    CREATE TABLE shipped (segment TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE bases (id TEXT PRIMARY KEY, tail BLOB NOT NULL) WITHOUT ROWID;
    ALTER TABLE receipts ADD COLUMN basis TEXT REFERENCES bases (id);
    """,
    """
    CREATE TABLE kept (
        key TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        part_of TEXT NOT NULL,
        at_ns INTEGER NOT NULL,
        place INTEGER NOT NULL,
        until_ns INTEGER NOT NULL,
        sealed BLOB NOT NULL
    );
    CREATE INDEX kept_parts ON kept (part_of) WHERE part_of <> '';
    CREATE INDEX kept_until ON kept (until_ns);
    """,
)
"""Statements that lead from version n to n + 1."""


def migrate(database: sqlite3.Connection) -> None:
    """Bring a database to the newest version. Raises: sqlite3.DatabaseError when it is newer than this code."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise sqlite3.DatabaseError(f"the database has version {version}, this Antiphon knows {len(STEPS)}; upgrade it")
    for number in range(version, len(STEPS)):
        database.executescript(f"BEGIN IMMEDIATE; {STEPS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
