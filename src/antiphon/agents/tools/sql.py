"""Databases as tools: what reads can't change anything, by the database's own rules."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.secrets import Secrets, revealed
from antiphon.agents.tools.settings_data import SqlSpec
from antiphon.agents.tools.sql_port import Asking, Rows, SqlPlace
from antiphon.agents.tools.sql_postgres import PostgresSql
from antiphon.agents.tools.sql_sqlite import SqliteSql
from antiphon.agents.tools.sql_words import first_word, placeholders, reads
from antiphon.core.clock import Clock
from antiphon.core.error import BadRequest
from antiphon.core.principal import Principal
from antiphon.core.tool import Tool, ToolContext, ToolResult

CALLERS = ("_user", "_team", "_tenant")
"""Arguments that are the caller's own, whatever a model says."""
QUERY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "sql": {"type": "string", "description": "One statement; `:NAME` stands for a parameter."},
        "parameters": {"type": "object", "description": "Values by name.", "additionalProperties": True},
    },
    "required": ["sql"],
    "additionalProperties": False,
}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class SqlHand(Hand):
    """Runs one statement a call, in a thread and on a connection of its own."""

    def __init__(self, tool: Tool, spec: SqlSpec, place: SqlPlace, clock: Clock) -> None:
        self.tool = tool
        self._spec, self._place, self._clock = spec, place, clock
        self._names = placeholders(spec.statement)
        self.personal = any(name in CALLERS for name in self._names)

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        asking = self._asking(arguments, context)
        running = asyncio.get_running_loop().run_in_executor(None, self._place.ask, asking)
        running.add_done_callback(_heard)
        try:
            rows = await asyncio.shield(running)
        except asyncio.CancelledError:
            asking.stop.set()
            raise
        return told(rows)

    def _asking(self, arguments: dict[str, Any], context: ToolContext) -> Asking:
        spec = self._spec
        if spec.statement:
            known = {**arguments, **callers(context.principal)}
            sql, values = spec.statement, {name: known.get(name) for name in self._names}
        else:
            sql, given = str(arguments["sql"]), cast("dict[str, Any]", arguments.get("parameters") or {})
            missing = [name for name in placeholders(sql) if name not in given]
            if missing:
                raise ToolFailed("invalid_arguments", f"`parameters` lacks {', '.join(missing)}.")
            values = {name: given[name] for name in placeholders(sql)}
            if not spec.write and not reads(sql):
                raise ToolFailed("refused", "Only SELECT and other statements that read are taken.")
        return Asking(
            sql=sql,
            values=values,
            write=spec.write,
            free=not spec.statement,
            rows=spec.rows,
            result_bytes=spec.result_bytes,
            limit_s=max(context.until_s - self._clock.steady_s(), 0.01),
            stop=threading.Event(),
        )


def mild(statement: str) -> bool:
    """Whether a statement adds, and takes nothing away."""
    return first_word(statement) in {"insert", "select"}


def _heard(running: "asyncio.Future[Rows]") -> None:
    """What went wrong after nobody waited any more is nobody's to hear."""
    if not running.cancelled():
        running.exception()


class TablesHand(Hand):
    """Tells which tables there are."""

    def __init__(self, tool: Tool, place: SqlPlace, clock: Clock) -> None:
        self.tool, self._place, self._clock = tool, place, clock

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        limit_s = max(context.until_s - self._clock.steady_s(), 0.01)
        tables = await asyncio.to_thread(self._place.tables, limit_s)
        text = "\n".join(f"{name}({', '.join(columns)})" for name, columns in tables.items())
        return ToolResult(text=text or "There are no tables.", data=tables)


def callers(principal: Principal) -> dict[str, str]:
    """Arguments that are the caller's own."""
    return {"_user": principal.user, "_team": principal.team, "_tenant": principal.tenant}


def told(rows: Rows) -> ToolResult:
    """Rows as objects, and as a table for a model."""
    if rows.changed is not None:
        changed = max(rows.changed, 0)
        return ToolResult(text=f"Done; rows changed: {changed}.", data={"changed": changed})
    data = [dict(zip(rows.columns, row, strict=True)) for row in rows.rows]
    lines = [" | ".join(rows.columns)] if rows.columns else []
    lines += [" | ".join(_cell(one) for one in row) for row in rows.rows]
    end = f"({len(rows.rows)} rows" + (", and there are more: narrow the question)" if rows.more else ")")
    return ToolResult(text="\n".join([*lines, end]), data=data, cut=rows.more)


def _cell(value: Any) -> str:
    return "NULL" if value is None else str(value).replace("\n", "\\n").replace("|", "\\|")


def sql_place(spec: SqlSpec, base: Path, secrets: Secrets) -> SqlPlace:
    """The database that a spec names. Raises: BadRequest."""
    url = revealed(spec.url, secrets)
    scheme, _, rest = url.partition("://")
    if scheme in {"postgresql", "postgres"}:
        return PostgresSql(url, ca_file=spec.ca_file, insecure=spec.insecure)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteSql(base / rest[1:])
    raise BadRequest("sql.url is neither sqlite:///PATH nor postgresql://USER@HOST/DATABASE")


def schema_of(spec: SqlSpec, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of a statement: as the document says, or a text for each name. Raises: BadRequest."""
    names = [name for name in placeholders(spec.statement) if name not in CALLERS]
    if given is None:
        types = ["string", "number", "boolean", "null"]
        properties: dict[str, Any] = {name: {"type": types} for name in names}
        return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}
    said = cast("Mapping[str, Any]", given.get("properties") or {})
    missing = [name for name in names if name not in said]
    if missing or any(name in CALLERS for name in said):
        wrong = ", ".join(missing) or "an argument that is the caller's own"
        raise BadRequest(f"parameters don't fit the statement: {wrong}")
    return dict(given)
