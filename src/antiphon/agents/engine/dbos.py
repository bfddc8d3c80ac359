"""The durable engine under runs: DBOS by its public API alone, on SQLite or Postgres."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, WorkflowStatus
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from antiphon.core.run import Run
from antiphon.store.postgres_link import NAMED, PostgresPlace
from antiphon.store.postgres_tls import secured

QUEUE = "runs"
TAKEN_OVER = "runs-taken-over"
"""Queue of segments whose process died: they have room of their own, as others would go on in the room that is left."""
QUEUED = "queue"
"""Owner of a run that stands in it."""
SEGMENT = "antiphon.segment"
VERSION = "1"
"""Of the way that segments are journalled: a process goes on only with what one of the same version began."""
SCHEMA = "dbos"
IN_FLIGHT = ("ENQUEUED", "PENDING", "DELAYED")
SPARE_THREADS = 16
TAKEN_OVER_POLL_S = 0.2
FORSAKEN_MS = 2000
"""Postgres ends a transaction in which nothing was asked for so long: it is of a process that stands still, and holds rows."""
Work = Callable[[], Awaitable[str]]


class EnginePlace(Struct, frozen=True, kw_only=True):
    """Where the journal of steps is kept."""

    url: str
    """As SQLAlchemy writes it, without a password."""
    options: dict[str, Any]
    """Keyword arguments of its `create_engine`."""


class _WriteAhead(sqlite3.Connection):
    """A commit is one append: what stands there outlives the process; a power cut may take the last ones."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.execute("PRAGMA busy_timeout=30000")
        self.execute("PRAGMA journal_mode=WAL")
        self.execute("PRAGMA synchronous=NORMAL")


def in_file(path: Path) -> EnginePlace:
    """In an SQLite database of its own, such as `agents.db` in the data directory."""
    return EnginePlace(url=f"sqlite:///{path}", options={"connect_args": {"factory": _WriteAhead}})


def in_postgres(place: PostgresPlace) -> EnginePlace:
    """In the schema `dbos` of the database that everything else is in, reached the same way. Raises: StoreError."""
    said = secured(conninfo_to_dict(place.url.reveal()), ca_file=place.ca_file, insecure=place.insecure)
    said |= {
        "connect_timeout": max(2, round(place.connect_timeout_s)),
        "tcp_user_timeout": int(place.statement_timeout_s * 1000),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "application_name": f"{NAMED}{place.home}",
        "options": f"{said.get('options', '')} -c idle_in_transaction_session_timeout={FORSAKEN_MS}".strip(),
    }
    address = make_conninfo("", **said)

    def connect() -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(address)

    name = str(said.get("dbname") or "postgres")
    return EnginePlace(url=f"postgresql+psycopg:///{name}", options={"creator": connect})


class _Json(Serializer):
    """Nothing that a database holds is ever run as code, as pickled values would be."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            data = f"{type(data).__name__}: {data}"
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        return json.loads(serialized_data)

    def name(self) -> str:
        return "antiphon_json"


class Durable:
    """One process's DBOS. All methods but `open` and `close` block, and are for threads."""

    def __init__(self, place: EnginePlace, executor: str, *, concurrency: int, tenant_concurrency: int) -> None:
        self.executor = executor
        self._place = place
        self._concurrency, self._tenant_concurrency = concurrency, tenant_concurrency

    async def open(self, segment: Callable[[], Awaitable[Any]], poll_s: float) -> None:
        """Start it on this loop: segments run here. What this process was given by others begins at once.

        Raises: whatever the database says.
        """
        quiet = logging.getLogger("dbos")
        if not quiet.handlers:  # else it writes lines of its own to stderr
            quiet.addHandler(logging.NullHandler())
        config: DBOSConfig = {
            "name": "antiphon",
            "system_database_url": self._place.url,
            "db_engine_kwargs": dict(self._place.options),
            "sys_db_pool_size": 10,
            "dbos_system_schema": SCHEMA,
            "application_version": VERSION,
            "executor_id": self.executor,
            "serializer": _Json(),
            "log_level": "ERROR",
            "enable_otlp": False,
            "use_listen_notify": False,
            "max_executor_threads": 2 * self._concurrency + SPARE_THREADS,
            "notification_listener_polling_interval_sec": 0.5,
            "scheduler_polling_interval_sec": 3600.0,
        }
        DBOS(config=config)

        @DBOS.workflow(name=SEGMENT, max_recovery_attempts=None)
        async def begun() -> Any:
            return await segment()

        DBOS.launch()
        for queue, every_s in ((TAKEN_OVER, max(poll_s, TAKEN_OVER_POLL_S)), (QUEUE, poll_s)):
            await DBOS.register_queue_async(
                queue,
                worker_concurrency=self._concurrency,
                partition_concurrency=self._tenant_concurrency,
                polling_interval_sec=every_s,
                on_conflict="always_update",
            )

    async def close(self) -> None:
        """Stop it. What still ran is left as it stands, for others."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "engine-close") as one:
            await loop.run_in_executor(one, lambda: DBOS.destroy(destroy_registry=True))
        loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="loop"))

    def enqueue(self, run: Run, segment: int) -> None:
        """Have a segment run by whoever has room. One that is there already is left as it is."""
        DBOS.enqueue_workflow_with_options(
            {
                "workflow_name": SEGMENT,
                "queue_name": QUEUE,
                "workflow_id": f"{run.id}.{segment}",
                "app_version": VERSION,
                "priority": 2 * run.priority - (segment > 1),  # one that has begun goes before one that has not
                "queue_partition_key": run.tenant or "-",
            }
        )

    def fork(self, run: Run, workflow: str, step: int) -> None:
        """Begin a segment with what another had journalled before a step. One that is there already is left as it is."""
        if self.status(run.workflow) is not None:
            return
        with SetWorkflowID(run.workflow):
            DBOS.fork_workflow(
                workflow,
                step,
                application_version=VERSION,
                queue_name=QUEUE,
                queue_partition_key=run.tenant or "-",
            )

    def resume(self, workflows: Sequence[str]) -> None:
        """Have segments that nobody runs any more go on from their last journalled steps."""
        if workflows:
            DBOS.resume_workflows(list(workflows), queue_name=QUEUE)

    def take_over(self, workflows: Sequence[str]) -> None:
        """The same of those whose process died: they wait for none that stands in the queue, nor for room among them."""
        if workflows:
            DBOS.resume_workflows(list(workflows), queue_name=TAKEN_OVER)

    def cancel(self, workflow: str) -> None:
        """Have nobody run a segment; one that runs ends before its next step."""
        if self.status(workflow) is not None:
            DBOS.cancel_workflow(workflow)

    def status(self, workflow: str) -> str | None:
        """`ENQUEUED`, `PENDING`, `SUCCESS`, `ERROR`, `CANCELLED` and others. None: there is no such segment."""
        found = DBOS.get_workflow_status(workflow)
        return None if found is None else found.status

    def statuses(self, workflows: Sequence[str]) -> dict[str, str]:
        """The same of many."""
        return {one.workflow_id: one.status for one in self._listed(workflow_ids=list(workflows))}

    def output(self, workflow: str) -> Any:
        """What a segment left; None: nothing, or there is no such segment."""
        found = DBOS.get_workflow_status(workflow)
        return None if found is None else found.output

    def pending(self, executors: Sequence[str]) -> dict[str, str]:
        """Segments that these were running, and which of them ran each."""
        found = self._listed(status="PENDING", executor_id=list(executors))
        return {one.workflow_id: one.executor_id or "" for one in found}

    def ended(self, offset: int, most: int) -> list[str]:
        """Segments that nobody will go on with, the oldest first."""
        found = self._listed(status=["SUCCESS", "ERROR", "CANCELLED"], offset=offset, limit=most)
        return [one.workflow_id for one in found]

    def steps(self, workflow: str) -> list[Any]:
        """What a segment journalled, in order: `function_id`, `function_name`, `output`."""
        return list(DBOS.list_workflow_steps(workflow))

    def forget(self, runs: Sequence[str]) -> None:
        """Erase all that was journalled of runs. Of one that is there no more there may still be something."""
        if runs:
            found = self._listed(workflow_id_prefix=[f"{one}." for one in runs])
            DBOS.delete_workflows([one.workflow_id for one in found])

    @staticmethod
    def _listed(**asked: Any) -> list[WorkflowStatus]:
        return DBOS.list_workflows(load_input=False, load_output=False, **asked)
