"""From a document to the hands of its tools, by source."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from antiphon.agents.documents.document import Document
from antiphon.agents.hands import Hand
from antiphon.agents.tools import browser, documents, files, python, sandboxed, simulated, sql, ticket, writers
from antiphon.agents.tools.http import HttpHand, http_effect, http_hand, signed_in
from antiphon.agents.tools.labelled import tool_of
from antiphon.agents.tools.openapi import Described
from antiphon.agents.tools.parts import Parts
from antiphon.agents.tools.settings import ToolSpec
from antiphon.agents.tools.settings_http import OpenApiSpec
from antiphon.core.data_class import DataClass, highest
from antiphon.core.error import BadRequest
from antiphon.core.ports import Transport

Maker = Callable[[Document, ToolSpec, Parts], list[Hand]]
_STAYS: Mapping[str, Any] = {"sends": False, "destructive": False, "risky": ()}
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def _python(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.python is not None
    function = python.loaded(spec.python.function)
    said, parameters = python.described(function)
    known = {"source": "python", "effect": spec.effect or "at_most_once"}
    return [python.PythonHand(tool_of(document, "", said, parameters, known, parts.labels), function)]


def _http(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.http is not None
    effect = spec.effect or http_effect(spec.http.method, spec.http.idempotency_header)
    known: dict[str, Any] = {"source": "http", "effect": effect}
    if spec.http.method == "DELETE":
        known["destructive"] = True
    said = document.metadata.description or f"{spec.http.method} {urlsplit(spec.http.url).path or '/'}"
    tool = tool_of(document, "", said, spec.parameters or _NOTHING, known, parts.labels)
    return [http_hand(tool, spec.http, _transport(parts), parts.clock, parts.secrets)]


def openapi_hands(document: Document, found: list[Described], parts: Parts) -> list[Hand]:
    """Tools of operations. Raises: BadRequest."""
    spec: OpenApiSpec = document.spec.openapi
    hands: list[Hand] = []
    for one in found:
        operation = signed_in(one.operation, spec.headers, spec.auth, parts.secrets)
        known: dict[str, Any] = {
            "source": "http",
            "effect": http_effect(operation.method, operation.idempotency_header),
        }
        if operation.method == "DELETE":
            known["destructive"] = True
        hints = spec.hints.get(one.name)
        for label in ("effect", "destructive", "sends", "private", "untrusted", "risky"):
            said = None if hints is None else getattr(hints, label)
            if said is not None:
                known[label] = tuple(said) if label == "risky" else said
        description = (hints.description if hints else "") or one.description
        tool = tool_of(document, one.name, description, one.parameters, known, parts.labels)
        hands.append(
            HttpHand(tool, operation, _transport(parts), parts.clock, most_response_bytes=spec.most_response_bytes)
        )
    return hands


def _sql(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.sql is not None
    place = sql.sql_place(spec.sql, parts.base, parts.secrets)
    reads = {"source": "sql", "effect": "pure", **_STAYS, "private": True}
    writes = {"source": "sql", "effect": spec.effect or "at_most_once", "sends": False, "private": True}
    if not spec.sql.statement or not sql.mild(spec.sql.statement):
        writes["destructive"] = True
    known = writes if spec.sql.write else reads
    if spec.sql.statement:
        parameters = sql.schema_of(spec.sql, spec.parameters)
        said = document.metadata.description or f"Runs: {spec.sql.statement}"
        return [sql.SqlHand(tool_of(document, "", said, parameters, known, parts.labels), spec.sql, place, parts.clock)]
    said = "Asks a database by SQL." if not spec.sql.write else "Asks and changes a database by SQL."
    query = tool_of(document, "", said, sql.QUERY, known, parts.labels)
    tables = tool_of(
        document, "tables", "Tells tables and columns.", sql.NOTHING, {**reads, "untrusted": False}, parts.labels
    )
    return [sql.SqlHand(query, spec.sql, place, parts.clock), sql.TablesHand(tables, place, parts.clock)]


def _documents(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.documents is not None
    if parts.may is None:
        raise BadRequest("nobody can say who may read collections here")
    found = [(name, parts.collection(name)) for name in spec.documents.collections]
    missing = [name for name, one in found if one is None]
    if missing:
        raise BadRequest(f"there is no collection {', '.join(missing)}")
    held = [one for _, one in found if one is not None]
    classes: list[DataClass] = [one.data_class for one in held]
    data_class = highest(spec.data_class, *classes)
    known: dict[str, Any] = {
        "source": "documents",
        "effect": "pure",
        **_STAYS,
        "private": data_class != "public",
        "untrusted": any(one.spec.untrusted for one in held),
    }
    about = "; ".join(one.spec.description or one.name for one in held)
    schema = documents.search_schema(spec.documents)
    search = tool_of(document, "", f"Finds passages, with where they stand, in: {about}.", schema, known, parts.labels)
    read = tool_of(document, "read", f"Reads on in a document of: {about}.", documents.READ, known, parts.labels)
    return [
        documents.DocumentsHand(search, spec.documents, parts.collection, parts.may),
        documents.DocumentsHand(read, spec.documents, parts.collection, parts.may, read=True),
    ]


def _files(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.files is not None
    known = {"source": "files", "effect": "pure", **_STAYS, "private": True, "untrusted": True}
    listed = tool_of(document, "list", "Lists the files.", files.LIST, known, parts.labels)
    read = tool_of(document, "read", "Reads a text file.", files.READ, known, parts.labels)
    hands: list[Hand] = [files.ListHand(listed, spec.files, parts.base), files.ReadHand(read, spec.files, parts.base)]
    if spec.files.write and not spec.files.folder:
        known |= {"effect": "idempotent", "private": False, "untrusted": False}
        write = tool_of(
            document, "write", "Writes a text file, in place of one of that name.", files.WRITE, known, parts.labels
        )
        hands.append(files.WriteHand(write, spec.files, parts.base))
    return hands


def _writer(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.writer is not None
    known = {"source": "files", "effect": "idempotent", **_STAYS, "private": False, "untrusted": False}
    kind = {"markdown": "a Markdown file", "docx": "a Word document", "csv": "a CSV table"}[spec.writer.format]
    parameters = writers.TABLE if spec.writer.format == "csv" else writers.TEXT
    return [writers.WriterHand(tool_of(document, "", f"Writes {kind}.", parameters, known, parts.labels), spec.writer)]


def _ticket(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.ticket is not None
    if parts.store is None:
        raise BadRequest("there is nowhere to keep tickets")
    posts = bool(spec.ticket.webhook)
    known = {"source": "ticket", "effect": "idempotent", **_STAYS, "sends": posts, "private": False, "untrusted": False}
    tool = tool_of(document, "", "Opens a ticket for people.", ticket.schema(spec.ticket), known, parts.labels)
    hook = (_transport(parts), ticket.hook_of(spec.ticket, spec.timeout_s, parts.secrets)) if posts else None
    return [ticket.TicketHand(tool, spec.ticket, parts.store, parts.clock, hook)]


def _sandbox(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.sandbox is not None
    if parts.sandbox is None:
        raise BadRequest("there is no sandbox")
    reads = spec.sandbox.files
    known = {"source": "sandbox", "effect": "pure", **_STAYS, "private": reads, "untrusted": reads}
    said = f"Runs a program of {spec.sandbox.language} without network, and gives what it prints."
    tool = tool_of(document, "", said, sandboxed.schema(spec.sandbox), known, parts.labels)
    return [sandboxed.SandboxHand(tool, spec.sandbox, parts.sandbox, parts.clock)]


def _browser(document: Document, spec: ToolSpec, parts: Parts) -> list[Hand]:
    assert spec.browser is not None
    browsers = browser.Browsers(spec.browser, parts.egress, parts.clock.steady_s)
    found = browser.PARTS.items()
    return [
        browser.BrowserHand(
            tool_of(document, part, said, schema, {"source": "browser", "private": False, **known}, parts.labels),
            part,
            browsers,
        )
        for part, (said, schema, known) in found
    ]


_MAKERS: Mapping[str, Maker] = {
    "python": _python,
    "http": _http,
    "sql": _sql,
    "documents": _documents,
    "files": _files,
    "writer": _writer,
    "ticket": _ticket,
    "sandbox": _sandbox,
    "browser": _browser,
}


def hands_of(document: Document, parts: Parts) -> list[Hand]:
    """Hands of a document's tools, those of `openapi` aside. Raises: BadRequest, with why there can be none."""
    spec: ToolSpec = document.spec
    if not spec.sources:
        known = {"source": "simulated", "effect": spec.effect or "at_most_once"}
        said = document.metadata.description or "A simulated tool."
        tool = tool_of(document, "", said, spec.parameters or simulated.ANY, known, parts.labels)
        assert spec.simulated is not None
        return [simulated.SimulatedHand(tool, spec.simulated)]
    return pretended(spec, _MAKERS[spec.sources[0]](document, spec, parts))


def pretended(spec: ToolSpec, hands: list[Hand]) -> list[Hand]:
    """The same, or what stands in for them where they are simulated."""
    if spec.simulated is None:
        return hands
    return [simulated.SimulatedHand(one.tool, spec.simulated) for one in hands]


def _transport(parts: Parts) -> Transport:
    if parts.transport is None:
        raise BadRequest("there is no way to the network here")
    return parts.transport
