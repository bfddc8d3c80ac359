"""The tables in SQLite, and the steps that lead from each version to the next and back.

What many entries of the ledger have in common stands once, in `terms`: it makes each a third of the work to write.
"""

import sqlite3

from antiphon.store.schema import Step, way
from antiphon.store.schema_runs import kinds_step, runs_step

STEPS: tuple[Step, ...] = (
    Step(
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
        "DROP TABLE shipped; DROP TABLE contents; DROP TABLE running; DROP TABLE receipts;",
    ),
    Step(
        """
        CREATE TABLE bases (id TEXT PRIMARY KEY, tail BLOB NOT NULL) WITHOUT ROWID;
        ALTER TABLE receipts ADD COLUMN basis TEXT REFERENCES bases (id);
        """,
        """
        CREATE TABLE whole (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            outcome TEXT NOT NULL,
            body BLOB NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO whole SELECT receipts.id, tenant, at_ns, outcome, CASE WHEN tail IS NULL THEN body
            ELSE CAST(substr(CAST(body AS TEXT), 1, length(CAST(body AS TEXT)) - 1) || CAST(tail AS TEXT) AS BLOB) END
            FROM receipts LEFT JOIN bases ON bases.id = receipts.basis;
        DROP TABLE receipts;
        DROP TABLE bases;
        ALTER TABLE whole RENAME TO receipts;
        """,
    ),
    Step(
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
        "DROP TABLE kept;",
    ),
    Step(
        """
        CREATE TABLE objects (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            tenant TEXT NOT NULL,
            spec BLOB NOT NULL,
            version INTEGER NOT NULL,
            at_ns INTEGER NOT NULL,
            "by" TEXT NOT NULL,
            PRIMARY KEY (kind, name)
        ) WITHOUT ROWID;
        CREATE TABLE changes (
            version INTEGER PRIMARY KEY AUTOINCREMENT,
            at_ns INTEGER NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            tenant TEXT NOT NULL,
            action TEXT NOT NULL,
            "by" TEXT NOT NULL,
            before BLOB,
            after BLOB
        );
        """,
        "DROP TABLE changes; DROP TABLE objects;",
    ),
    Step(
        """
        CREATE TABLE accounts (
            key TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            budget TEXT NOT NULL,
            measure TEXT NOT NULL,
            end_ns INTEGER NOT NULL,
            rolling_ns INTEGER NOT NULL,
            spent INTEGER NOT NULL DEFAULT 0,
            held INTEGER NOT NULL DEFAULT 0,
            scarce_until_ns INTEGER NOT NULL DEFAULT 0,
            announced REAL NOT NULL DEFAULT 0,
            announced_ns INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (key, start_ns)
        ) WITHOUT ROWID;
        CREATE TABLE slots (
            key TEXT NOT NULL,
            slot_ns INTEGER NOT NULL,
            length_ns INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            spent INTEGER NOT NULL,
            PRIMARY KEY (key, slot_ns, length_ns)
        ) WITHOUT ROWID;
        CREATE TABLE holders (holder TEXT PRIMARY KEY, home TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE leases (
            holder TEXT NOT NULL,
            key TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            granted INTEGER NOT NULL,
            ended INTEGER NOT NULL DEFAULT 0,
            used INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (holder, key, start_ns)
        ) WITHOUT ROWID;
        CREATE INDEX leases_of_account ON leases (key, start_ns);
        CREATE TABLE terms (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            tenant TEXT NOT NULL,
            holds TEXT NOT NULL,
            credit TEXT NOT NULL,
            price TEXT NOT NULL,
            UNIQUE (kind, tenant, holds, credit, price)
        );
        CREATE TABLE entries (
            id TEXT PRIMARY KEY,
            at_ns INTEGER NOT NULL,
            receipt TEXT NOT NULL,
            terms INTEGER NOT NULL REFERENCES terms (id),
            money_nano_usd INTEGER,
            tokens INTEGER NOT NULL,
            requests INTEGER NOT NULL,
            overrun_nano_usd INTEGER NOT NULL DEFAULT 0,
            corrects TEXT NOT NULL DEFAULT '',
            note TEXT NOT NULL DEFAULT ''
        ) WITHOUT ROWID;
        CREATE VIEW ledger AS
            SELECT entries.id, at_ns, kind, tenant, receipt, holds, 'tenant/' || tenant AS debit, credit, money_nano_usd,
                tokens, requests, overrun_nano_usd, price, corrects, note
            FROM entries JOIN terms ON terms.id = entries.terms;
        CREATE TABLE holds (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, accounts BLOB NOT NULL) WITHOUT ROWID;
        """,
        """
        DROP TABLE holds; DROP VIEW ledger; DROP TABLE entries; DROP TABLE terms; DROP TABLE leases; DROP TABLE holders; DROP TABLE slots;
        DROP TABLE accounts;
        """,
    ),
    Step(
        """
        ALTER TABLE accounts ADD COLUMN used_ns INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE bases ADD COLUMN seen_ns INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE holds ADD COLUMN seen_ns INTEGER NOT NULL DEFAULT 0;
        UPDATE accounts SET used_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000;
        UPDATE bases SET seen_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000;
        UPDATE holds SET seen_ns = CAST(strftime('%s', 'now') AS INTEGER) * 1000000000;
        CREATE INDEX bases_seen ON bases (seen_ns);
        CREATE INDEX holds_seen ON holds (seen_ns);
        CREATE INDEX terms_of_holds ON terms (holds);
        """,
        """
        DROP INDEX terms_of_holds; DROP INDEX holds_seen; DROP INDEX bases_seen;
        ALTER TABLE holds DROP COLUMN seen_ns; ALTER TABLE bases DROP COLUMN seen_ns; ALTER TABLE accounts DROP COLUMN used_ns;
        """,
    ),
    Step(
        """
        CREATE TABLE scores (
            receipt TEXT NOT NULL,
            source TEXT NOT NULL,
            "by" TEXT NOT NULL,
            tenant TEXT NOT NULL,
            deployment TEXT NOT NULL,
            route TEXT NOT NULL,
            task TEXT NOT NULL,
            score REAL NOT NULL,
            at_ns INTEGER NOT NULL,
            sealed BLOB NOT NULL,
            PRIMARY KEY (receipt, source, "by")
        ) WITHOUT ROWID;
        CREATE INDEX scores_at ON scores (at_ns);
        CREATE TABLE tallies (
            tenant TEXT NOT NULL,
            deployment TEXT NOT NULL,
            route TEXT NOT NULL,
            task TEXT NOT NULL,
            source TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            count REAL NOT NULL,
            total REAL NOT NULL,
            PRIMARY KEY (tenant, deployment, route, task, source)
        ) WITHOUT ROWID;
        """,
        "DROP TABLE tallies; DROP TABLE scores;",
    ),
    Step(
        """
        CREATE TABLE audit_notes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            about TEXT NOT NULL,
            event BLOB
        );
        CREATE TABLE audit (
            tenant TEXT NOT NULL,
            seq INTEGER NOT NULL,
            kind TEXT NOT NULL,
            about TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (tenant, seq)
        ) WITHOUT ROWID;
        CREATE UNIQUE INDEX audit_receipts ON audit (about) WHERE kind = 'receipt';
        CREATE INDEX audit_about ON audit (about) WHERE kind <> 'receipt' AND about <> '';
        CREATE TABLE audit_heads (
            tenant TEXT PRIMARY KEY,
            size INTEGER NOT NULL,
            head BLOB NOT NULL,
            frontier BLOB NOT NULL
        );
        CREATE TABLE audit_batches (
            tenant TEXT NOT NULL,
            number INTEGER NOT NULL,
            root BLOB NOT NULL,
            PRIMARY KEY (tenant, number)
        );
        CREATE TABLE audit_checkpoints (
            tenant TEXT NOT NULL,
            size INTEGER NOT NULL,
            at_ns INTEGER NOT NULL,
            note BLOB NOT NULL,
            exported INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant, size)
        );
        CREATE TABLE audit_sources (source TEXT PRIMARY KEY, position INTEGER NOT NULL);
        CREATE TABLE vault_tenants (
            tenant TEXT NOT NULL,
            scope TEXT NOT NULL,
            wrapped BLOB NOT NULL,
            wrapper TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            PRIMARY KEY (tenant, scope)
        );
        CREATE TABLE vault_keys (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            wrapped BLOB NOT NULL
        );
        CREATE INDEX vault_keys_of ON vault_keys (tenant, owner);
        CREATE TABLE vault_erasures (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            at_ns INTEGER NOT NULL
        );
        CREATE INDEX vault_erasures_of ON vault_erasures (tenant, owner);
        CREATE TABLE legal_holds (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            receipt TEXT NOT NULL,
            session TEXT NOT NULL,
            "by" TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            note TEXT NOT NULL
        );
        ALTER TABLE contents ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        ALTER TABLE contents ADD COLUMN until_ns INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX contents_until ON contents (until_ns) WHERE until_ns > 0;
        """,
        """
        DROP INDEX contents_until;
        ALTER TABLE contents DROP COLUMN until_ns;
        ALTER TABLE contents DROP COLUMN owner;
        DROP TABLE legal_holds; DROP TABLE vault_erasures; DROP TABLE vault_keys; DROP TABLE vault_tenants;
        DROP TABLE audit_sources; DROP TABLE audit_checkpoints; DROP TABLE audit_batches; DROP TABLE audit_heads;
        DROP TABLE audit; DROP TABLE audit_notes;
        """,
    ),
    Step(
        """
        CREATE TABLE approvals (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            "by" TEXT NOT NULL,
            digest TEXT NOT NULL,
            state TEXT NOT NULL,
            at_ns INTEGER NOT NULL,
            expires_ns INTEGER NOT NULL,
            escalates_ns INTEGER NOT NULL,
            settled_ns INTEGER NOT NULL,
            escalated INTEGER NOT NULL,
            used INTEGER NOT NULL,
            wish BLOB NOT NULL,
            votes BLOB NOT NULL,
            shown BLOB NOT NULL,
            instead BLOB NOT NULL
        );
        CREATE INDEX approvals_waiting ON approvals (tenant, "by", digest) WHERE state = 'waiting';
        CREATE INDEX approvals_of ON approvals (tenant, id);
        CREATE INDEX approvals_settled ON approvals (settled_ns) WHERE settled_ns > 0;
        CREATE TABLE approval_messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            approval TEXT NOT NULL,
            tenant TEXT NOT NULL,
            event TEXT NOT NULL,
            hook TEXT NOT NULL,
            tries INTEGER NOT NULL,
            due_ns INTEGER NOT NULL,
            reason TEXT NOT NULL,
            dead INTEGER NOT NULL
        );
        CREATE INDEX approval_messages_due ON approval_messages (due_ns) WHERE dead = 0;
        CREATE INDEX approval_messages_of ON approval_messages (approval);
        """,
        """
        DROP TABLE approval_messages; DROP TABLE approvals;
        """,
    ),
    runs_step(number="INTEGER", blob="BLOB", numbered="INTEGER PRIMARY KEY AUTOINCREMENT"),
    kinds_step("INTEGER"),
)


def version_of(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(database: sqlite3.Connection, wanted: int | None = None) -> tuple[int, int]:
    """Bring a database to a version, by default the newest; each step is one transaction.

    Returns: the version that it had, and the one that it has.
    Raises: sqlite3.DatabaseError, when it is newer than this code or there is no such version.
    """
    found = version = version_of(database)
    try:
        steps = way(found, wanted, STEPS)
    except ValueError as error:
        raise sqlite3.DatabaseError(str(error)) from None
    for number, text in steps:
        try:
            database.executescript(f"BEGIN IMMEDIATE; {text} PRAGMA user_version = {number}; COMMIT;")
        except sqlite3.Error:
            database.rollback()
            raise
        version = number
    return found, version
