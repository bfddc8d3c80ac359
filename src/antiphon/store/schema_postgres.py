"""The tables in Postgres. A version means the same as in SQLite; what several gateways share also says whose it is.

Receipts and contents are partitioned by id, which begins with the time at which it was made; the ledger by time. Names
sort by their bytes.
"""

from psycopg import Connection

from antiphon.store.schema import Step, way
from antiphon.store.schema_runs import kinds_step, runs_step

Anything = tuple[object, ...]
LOCK = 0x616E7469
"""Of the migration; any number that nobody else takes."""
STEPS: tuple[Step, ...] = (
    Step(
        """
        CREATE TABLE receipts (
            id TEXT COLLATE "C" PRIMARY KEY,
            tenant TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            outcome TEXT NOT NULL,
            body BYTEA NOT NULL
        ) PARTITION BY RANGE (id);
        CREATE TABLE receipts_other PARTITION OF receipts DEFAULT;
        CREATE TABLE running (id TEXT PRIMARY KEY, writer TEXT NOT NULL, home TEXT NOT NULL);
        CREATE TABLE contents (
            id TEXT COLLATE "C" PRIMARY KEY, tenant TEXT NOT NULL, sealed BYTEA NOT NULL
        ) PARTITION BY RANGE (id);
        CREATE TABLE contents_other PARTITION OF contents DEFAULT;
        CREATE TABLE shipped (segment TEXT PRIMARY KEY, position BIGINT NOT NULL, home TEXT NOT NULL);
        """,
        "DROP TABLE shipped, contents, running, receipts;",
    ),
    Step(
        """
        CREATE TABLE bases (id TEXT PRIMARY KEY, tail BYTEA NOT NULL);
        ALTER TABLE receipts ADD COLUMN basis TEXT;
        CREATE INDEX receipts_of_tenant ON receipts (tenant, id);
        """,
        """
        UPDATE receipts SET body = substr(body, 1, length(body) - 1) || tail FROM bases WHERE bases.id = receipts.basis;
        DROP INDEX receipts_of_tenant;
        ALTER TABLE receipts DROP COLUMN basis;
        DROP TABLE bases;
        """,
    ),
    Step(
        """
        CREATE TABLE kept (
            key TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            part_of TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            place INTEGER NOT NULL,
            until_ns BIGINT NOT NULL,
            sealed BYTEA NOT NULL
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
            name TEXT COLLATE "C" NOT NULL,
            tenant TEXT NOT NULL,
            spec BYTEA NOT NULL,
            version BIGINT NOT NULL,
            at_ns BIGINT NOT NULL,
            "by" TEXT NOT NULL,
            PRIMARY KEY (kind, name)
        );
        CREATE TABLE changes (
            version BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at_ns BIGINT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            tenant TEXT NOT NULL,
            action TEXT NOT NULL,
            "by" TEXT NOT NULL,
            before BYTEA,
            after BYTEA
        );
        """,
        "DROP TABLE changes, objects;",
    ),
    Step(
        """
        CREATE TABLE accounts (
            key TEXT COLLATE "C" NOT NULL,
            start_ns BIGINT NOT NULL,
            tenant TEXT NOT NULL,
            budget TEXT NOT NULL,
            measure TEXT NOT NULL,
            end_ns BIGINT NOT NULL,
            rolling_ns BIGINT NOT NULL,
            spent BIGINT NOT NULL DEFAULT 0,
            held BIGINT NOT NULL DEFAULT 0,
            scarce_until_ns BIGINT NOT NULL DEFAULT 0,
            announced DOUBLE PRECISION NOT NULL DEFAULT 0,
            announced_ns BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (key, start_ns)
        ) WITH (fillfactor = 70);
        CREATE TABLE slots (
            key TEXT COLLATE "C" NOT NULL,
            slot_ns BIGINT NOT NULL,
            length_ns BIGINT NOT NULL,
            tenant TEXT NOT NULL,
            spent BIGINT NOT NULL,
            PRIMARY KEY (key, slot_ns, length_ns)
        );
        CREATE TABLE holders (holder TEXT PRIMARY KEY, home TEXT NOT NULL);
        CREATE TABLE leases (
            holder TEXT NOT NULL,
            key TEXT COLLATE "C" NOT NULL,
            start_ns BIGINT NOT NULL,
            tenant TEXT NOT NULL,
            granted BIGINT NOT NULL,
            ended BIGINT NOT NULL DEFAULT 0,
            used BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (holder, key, start_ns)
        ) WITH (fillfactor = 70);
        CREATE INDEX leases_of_account ON leases (key, start_ns);
        CREATE TABLE ledger (
            id TEXT COLLATE "C" NOT NULL,
            at_ns BIGINT NOT NULL,
            kind TEXT NOT NULL,
            tenant TEXT NOT NULL,
            receipt TEXT NOT NULL,
            holds TEXT NOT NULL,
            debit TEXT NOT NULL,
            credit TEXT NOT NULL,
            money_nano_usd BIGINT,
            tokens BIGINT NOT NULL,
            requests BIGINT NOT NULL,
            overrun_nano_usd BIGINT NOT NULL,
            price TEXT NOT NULL,
            corrects TEXT NOT NULL,
            note TEXT NOT NULL,
            PRIMARY KEY (id, at_ns)
        ) PARTITION BY RANGE (at_ns);
        CREATE TABLE holds (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, accounts BYTEA NOT NULL);
        """,
        "DROP TABLE holds, ledger, leases, holders, slots, accounts;",
    ),
    Step(
        """
        ALTER TABLE accounts ADD COLUMN used_ns BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE bases ADD COLUMN seen_ns BIGINT NOT NULL DEFAULT 0;
        ALTER TABLE holds ADD COLUMN seen_ns BIGINT NOT NULL DEFAULT 0;
        UPDATE accounts SET used_ns = extract(epoch FROM now())::bigint * 1000000000;
        UPDATE bases SET seen_ns = extract(epoch FROM now())::bigint * 1000000000;
        UPDATE holds SET seen_ns = extract(epoch FROM now())::bigint * 1000000000;
        CREATE INDEX bases_seen ON bases (seen_ns);
        CREATE INDEX holds_seen ON holds (seen_ns);
        """,
        """
        ALTER TABLE holds DROP COLUMN seen_ns;
        ALTER TABLE bases DROP COLUMN seen_ns;
        ALTER TABLE accounts DROP COLUMN used_ns;
        """,
    ),
    Step(
        """
        CREATE TABLE scores (
            receipt TEXT COLLATE "C" NOT NULL,
            source TEXT NOT NULL,
            "by" TEXT NOT NULL,
            tenant TEXT NOT NULL,
            deployment TEXT NOT NULL,
            route TEXT NOT NULL,
            task TEXT NOT NULL,
            score DOUBLE PRECISION NOT NULL,
            at_ns BIGINT NOT NULL,
            sealed BYTEA NOT NULL,
            PRIMARY KEY (receipt, source, "by")
        );
        CREATE INDEX scores_at ON scores (at_ns);
        CREATE TABLE tallies (
            tenant TEXT NOT NULL,
            deployment TEXT NOT NULL,
            route TEXT NOT NULL,
            task TEXT NOT NULL,
            source TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            count DOUBLE PRECISION NOT NULL,
            total DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (tenant, deployment, route, task, source)
        );
        """,
        "DROP TABLE tallies, scores;",
    ),
    Step(
        """
        CREATE TABLE audit_notes (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            about TEXT NOT NULL,
            event BYTEA
        );
        CREATE TABLE audit (
            tenant TEXT NOT NULL,
            seq BIGINT NOT NULL,
            kind TEXT NOT NULL,
            about TEXT NOT NULL,
            body BYTEA NOT NULL,
            PRIMARY KEY (tenant, seq)
        );
        CREATE UNIQUE INDEX audit_receipts ON audit (about) WHERE kind = 'receipt';
        CREATE INDEX audit_about ON audit (about) WHERE kind <> 'receipt' AND about <> '';
        CREATE TABLE audit_heads (
            tenant TEXT PRIMARY KEY,
            size BIGINT NOT NULL,
            head BYTEA NOT NULL,
            frontier BYTEA NOT NULL
        );
        CREATE TABLE audit_batches (
            tenant TEXT NOT NULL,
            number BIGINT NOT NULL,
            root BYTEA NOT NULL,
            PRIMARY KEY (tenant, number)
        );
        CREATE TABLE audit_checkpoints (
            tenant TEXT NOT NULL,
            size BIGINT NOT NULL,
            at_ns BIGINT NOT NULL,
            note BYTEA NOT NULL,
            exported INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (tenant, size)
        );
        CREATE TABLE audit_sources (source TEXT PRIMARY KEY, position BIGINT NOT NULL);
        CREATE TABLE vault_tenants (
            tenant TEXT NOT NULL,
            scope TEXT NOT NULL,
            wrapped BYTEA NOT NULL,
            wrapper TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            PRIMARY KEY (tenant, scope)
        );
        CREATE TABLE vault_keys (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            wrapped BYTEA NOT NULL
        );
        CREATE INDEX vault_keys_of ON vault_keys (tenant, owner);
        CREATE TABLE vault_erasures (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            at_ns BIGINT NOT NULL
        );
        CREATE INDEX vault_erasures_of ON vault_erasures (tenant, owner);
        CREATE TABLE legal_holds (
            id TEXT PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            receipt TEXT NOT NULL,
            session TEXT NOT NULL,
            "by" TEXT NOT NULL,
            at_ns BIGINT NOT NULL,
            note TEXT NOT NULL
        );
        ALTER TABLE contents ADD COLUMN owner TEXT NOT NULL DEFAULT '';
        ALTER TABLE contents ADD COLUMN until_ns BIGINT NOT NULL DEFAULT 0;
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
            at_ns BIGINT NOT NULL,
            expires_ns BIGINT NOT NULL,
            escalates_ns BIGINT NOT NULL,
            settled_ns BIGINT NOT NULL,
            escalated INTEGER NOT NULL,
            used INTEGER NOT NULL,
            wish BYTEA NOT NULL,
            votes BYTEA NOT NULL,
            shown BYTEA NOT NULL,
            instead BYTEA NOT NULL
        );
        CREATE INDEX approvals_waiting ON approvals (tenant, "by", digest) WHERE state = 'waiting';
        CREATE INDEX approvals_of ON approvals (tenant, id);
        CREATE INDEX approvals_settled ON approvals (settled_ns) WHERE settled_ns > 0;
        CREATE TABLE approval_messages (
            number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            approval TEXT NOT NULL,
            tenant TEXT NOT NULL,
            event TEXT NOT NULL,
            hook TEXT NOT NULL,
            tries INTEGER NOT NULL,
            due_ns BIGINT NOT NULL,
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
    runs_step(number="BIGINT", blob="BYTEA", numbered="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    kinds_step("BIGINT"),
)


def version_of(database: Connection[Anything]) -> int:
    """0: there are no tables."""
    row = database.execute("SELECT to_regclass('antiphon_version')::text").fetchone()
    if row is None or row[0] is None:
        return 0
    found = database.execute("SELECT version FROM antiphon_version").fetchone()
    return int(str(found[0])) if found is not None else 0


def migrate(database: Connection[Anything], wanted: int | None = None) -> tuple[int, int]:
    """Bring a database to a version, by default the newest, within one transaction that no other gateway's crosses.

    Returns: the version that it had, and the one that it has.
    Raises: ValueError, when it is newer than this code or there is no such version.
    """
    with database.transaction():
        database.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        database.execute("SET LOCAL statement_timeout = 0")
        found = version = version_of(database)
        steps = way(found, wanted, STEPS)
        if steps and not found:
            database.execute("CREATE TABLE IF NOT EXISTS antiphon_version (version INTEGER NOT NULL)")
            database.execute("DELETE FROM antiphon_version")
            database.execute("INSERT INTO antiphon_version VALUES (0)")
        for number, text in steps:
            database.execute(text.encode())
            database.execute("UPDATE antiphon_version SET version = %s", (number,))
            version = number
    return found, version
