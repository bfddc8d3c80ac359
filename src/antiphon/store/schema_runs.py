"""The tables of runs, which are the same in SQLite and Postgres but for the names of types."""

from antiphon.store.schema import Step

FORWARD = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    subject TEXT NOT NULL,
    "user" TEXT NOT NULL,
    session TEXT NOT NULL,
    parent TEXT NOT NULL,
    root TEXT NOT NULL,
    once TEXT NOT NULL,
    status TEXT NOT NULL,
    segment BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    wait_key TEXT NOT NULL,
    wake_ns BIGINT NOT NULL,
    ready BIGINT NOT NULL,
    ended_ns BIGINT NOT NULL,
    body BLOB NOT NULL,
    input BLOB NOT NULL,
    state BLOB NOT NULL,
    result BLOB NOT NULL
);
CREATE UNIQUE INDEX runs_once ON runs (tenant, agent, once) WHERE once <> '';
CREATE INDEX runs_of ON runs (tenant, id);
CREATE INDEX runs_root ON runs (root);
CREATE INDEX runs_parent ON runs (parent) WHERE parent <> '';
CREATE INDEX runs_subject ON runs (tenant, subject);
CREATE INDEX runs_open ON runs (status, id) WHERE ended_ns = 0;
CREATE INDEX runs_queued ON runs (tenant) WHERE status = 'queued';
CREATE INDEX runs_ready ON runs (tenant, priority, id) WHERE ready = 1;
CREATE INDEX runs_called ON runs (priority, id) WHERE ready = 2;
CREATE INDEX runs_wake ON runs (wake_ns) WHERE wake_ns > 0;
CREATE INDEX runs_ended ON runs (ended_ns) WHERE ended_ns > 0;
CREATE TABLE run_envelopes (
    run TEXT PRIMARY KEY,
    most_steps BIGINT,
    most_calls BIGINT,
    most_tool_calls BIGINT,
    most_tokens BIGINT,
    most_money BIGINT,
    most_us BIGINT,
    used_steps BIGINT NOT NULL,
    used_calls BIGINT NOT NULL,
    used_tool_calls BIGINT NOT NULL,
    used_tokens BIGINT NOT NULL,
    used_money BIGINT NOT NULL,
    used_us BIGINT NOT NULL,
    held_steps BIGINT NOT NULL,
    held_calls BIGINT NOT NULL,
    held_tool_calls BIGINT NOT NULL,
    held_tokens BIGINT NOT NULL,
    held_money BIGINT NOT NULL,
    held_us BIGINT NOT NULL
);
CREATE TABLE run_holds (
    root TEXT NOT NULL,
    key TEXT NOT NULL,
    steps BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    money BIGINT NOT NULL,
    us BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    PRIMARY KEY (root, key)
);
CREATE TABLE run_mail (
    number NUMBERED,
    id TEXT NOT NULL,
    run TEXT NOT NULL,
    tenant TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    "by" TEXT NOT NULL,
    key TEXT NOT NULL,
    body BLOB NOT NULL,
    taken BIGINT NOT NULL
);
CREATE UNIQUE INDEX run_mail_id ON run_mail (run, id);
CREATE INDEX run_mail_new ON run_mail (run, number) WHERE taken = 0;
CREATE TABLE run_events (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at_ns BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, seq)
);
CREATE TABLE run_intents (
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    tool TEXT NOT NULL,
    digest TEXT NOT NULL,
    owner TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    outcome BLOB,
    reviewed_by TEXT NOT NULL,
    PRIMARY KEY (run, step)
);
CREATE TABLE run_workers (
    worker TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started BIGINT NOT NULL,
    at_ns BIGINT NOT NULL,
    retired BIGINT NOT NULL,
    gone BIGINT NOT NULL
);
CREATE TABLE run_memories (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    scope TEXT NOT NULL,
    owner TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_ns BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL,
    body BLOB NOT NULL,
    text BLOB NOT NULL
);
CREATE INDEX run_memories_of ON run_memories (tenant, agent, scope, owner, created_ns);
CREATE INDEX run_memories_until ON run_memories (expires_ns) WHERE expires_ns > 0;
CREATE TABLE run_skills (
    tenant TEXT NOT NULL,
    agent TEXT NOT NULL,
    skill TEXT NOT NULL,
    good BIGINT NOT NULL,
    bad BIGINT NOT NULL,
    cost_nano_usd BIGINT NOT NULL,
    took_us BIGINT NOT NULL,
    runs BIGINT NOT NULL,
    PRIMARY KEY (tenant, agent, skill)
);
CREATE TABLE run_barred (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    tenant TEXT NOT NULL,
    how TEXT NOT NULL,
    "by" TEXT NOT NULL,
    at_ns BIGINT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (kind, name, tenant)
);
CREATE TABLE run_values (
    tenant TEXT NOT NULL,
    space TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    version BIGINT NOT NULL,
    until_ns BIGINT NOT NULL,
    PRIMARY KEY (tenant, space, key)
);
CREATE INDEX run_values_until ON run_values (until_ns) WHERE until_ns > 0;
"""
_BACK = """
DROP TABLE run_values; DROP TABLE run_barred; DROP TABLE run_skills; DROP TABLE run_memories; DROP TABLE run_workers;
DROP TABLE run_intents; DROP TABLE run_events; DROP TABLE run_mail; DROP TABLE run_holds; DROP TABLE run_envelopes;
DROP TABLE runs;
"""


def kinds_step(number: str) -> Step:
    """The step that counts the tokens of runs by kind; of those from before it is not known."""
    names = [f"used_{kind}_tokens" for kind in ("input", "output", "cached", "cache_write", "reasoning")]
    more = [f"ALTER TABLE run_envelopes ADD COLUMN {name} {number} NOT NULL DEFAULT 0;" for name in names]
    return Step("\n".join(more), "\n".join(f"ALTER TABLE run_envelopes DROP COLUMN {name};" for name in names))


def runs_step(*, number: str, blob: str, numbered: str) -> Step:
    """The step that makes the tables. `numbered`: the type of a key that counts up by itself."""
    forward = FORWARD.replace("BIGINT", number).replace("BLOB", blob).replace("NUMBERED", numbered)
    return Step(forward, _BACK)
