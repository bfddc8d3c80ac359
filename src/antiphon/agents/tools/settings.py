"""Tools as documents: `kind: Tool`."""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.agents.tools.settings_browser import BrowserSpec
from antiphon.agents.tools.settings_code import PythonSpec, SandboxSpec, SimulatedSpec
from antiphon.agents.tools.settings_data import DocumentsSpec, FilesSpec, SqlSpec, TicketSpec, WriterSpec
from antiphon.agents.tools.settings_http import HttpSpec, OpenApiSpec
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.core.data_class import DataClass
from antiphon.core.tool import Confirm, Effect

SOURCES = ("python", "http", "openapi", "sql", "documents", "files", "writer", "ticket", "sandbox", "browser")
"""Fields of a spec of which one says what the tool does."""
TAKES_PARAMETERS = frozenset({"http", "sql", "simulated"})
"""Sources whose arguments the document says."""
RUNS_OWN = frozenset({"files", "writer", "ticket", "sandbox", "browser"})
"""Sources whose results are one run's."""
SEVERAL = frozenset({"openapi", "documents", "files", "writer", "browser"})
"""Sources whose tools say themselves what calling twice does."""


class ToolSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A tool. Exactly one of its sources says what it does; `simulated` alone, or beside one in its place."""

    description: Annotated[
        str, Meta(max_length=4096, description="What models are told of it. Default: as its source says.")
    ] = ""
    parameters: Annotated[
        dict[str, Any] | None,
        Meta(description="JSON Schema 2020-12 of the arguments, an object. Default: as its source says, or none."),
    ] = None
    result: Annotated[
        dict[str, Any] | None, Meta(description="JSON Schema of the result, which is held to it. Default: any.")
    ] = None
    effect: Annotated[
        Effect | None,
        Meta(
            description="`pure` changes nothing, `idempotent` takes the call's key, `at_most_once` must never be made twice. Default: as its source says."
        ),
    ] = None
    destructive: Annotated[
        bool | UnsetType, Meta(description="A person approves each call. Default: worked out of what it is.")
    ] = UNSET
    sends: Annotated[
        bool | UnsetType, Meta(description="What it is given can be read outside. Default: worked out of what it is.")
    ] = UNSET
    private: Annotated[
        bool | UnsetType, Meta(description="It reads what strangers must not see. Default: worked out of what it is.")
    ] = UNSET
    untrusted: Annotated[
        bool | UnsetType, Meta(description="Strangers may have written its results. Default: worked out of what it is.")
    ] = UNSET
    risky: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Arguments that decide whom or what it touches, `*` for all; their values come from the person or from trusted results. Default: worked out of what it is."
        ),
    ] = UNSET
    confirm: Annotated[Confirm, Meta(description="`always`: a person approves each call. Default policy.")] = "policy"
    data_class: Annotated[DataClass | None, Meta(description="What its results are at least. Default: as the run.")] = (
        None
    )
    takes: Annotated[
        DataClass | None,
        Meta(
            description="The highest class of data that it is given; of a run above it no call is made. Default: any."
        ),
    ] = None
    timeout_s: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds for a call, retries included. Default 30.")
    ] = 30.0
    most_result_bytes: Annotated[
        int, Meta(ge=64, le=1_048_576, description="Of a result in a model's context. Default 65536.")
    ] = 65_536
    cost_usd: Annotated[float, Meta(ge=0, le=10_000, description="USD for one call. Default 0.")] = 0.0
    cache_s: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds that results of a `pure` one hold, by tenant and arguments. Default 0.",
        ),
    ] = 0.0
    retries: Annotated[
        int,
        Meta(
            ge=0,
            le=10,
            description="Further attempts of a pure or idempotent one; of an at-most-once one only where nothing left. Default 2.",
        ),
    ] = 2
    concurrency: Annotated[
        int, Meta(ge=1, le=10_000, description="Calls at once in one process; others wait. Default 16.")
    ] = 16
    breaker: Annotated[BreakerSettings, Meta(description="When it is left alone.")] = BreakerSettings()
    gateway: Annotated[
        bool,
        Meta(
            description="Callers of the MCP gateway may use it, by its own name. For sources that need no run, files, writer, ticket, sandbox and browser aside. Default off."
        ),
    ] = False
    python: Annotated[PythonSpec | None, Meta(description="A Python function.")] = None
    http: Annotated[HttpSpec | None, Meta(description="An HTTP request.")] = None
    openapi: Annotated[OpenApiSpec | None, Meta(description="Operations of an OpenAPI document.")] = None
    sql: Annotated[SqlSpec | None, Meta(description="A SQLite or Postgres database.")] = None
    documents: Annotated[DocumentsSpec | None, Meta(description="Collections of documents.")] = None
    files: Annotated[FilesSpec | None, Meta(description="Files of the run.")] = None
    writer: Annotated[WriterSpec | None, Meta(description="A document that is written.")] = None
    ticket: Annotated[TicketSpec | None, Meta(description="A ticket that is opened.")] = None
    sandbox: Annotated[SandboxSpec | None, Meta(description="Code that a model wrote.")] = None
    browser: Annotated[BrowserSpec | None, Meta(description="A browser of the run.")] = None
    simulated: Annotated[SimulatedSpec | None, Meta(description="It only pretends.")] = None

    @property
    def sources(self) -> list[str]:
        """Names of the sources that are set, `simulated` aside."""
        return [name for name in SOURCES if getattr(self, name) is not None]

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below `spec`, what is wrong, what to write)."""
        sources = self.sources
        found = [(f"breaker.{path}", wrong, remedy) for path, wrong, remedy in self.breaker.check()]
        if len(sources) > 1:
            found.append((sources[1], f"{sources[0]} says what it does already", "make two tools of it"))
        if not sources and self.simulated is None:
            found.append(("", "nothing says what it does", f"write one of {', '.join(SOURCES)}, simulated"))
        found += [*self._misfits(sources), *self._parameters(sources)]
        for name in ("http", "openapi", "ticket"):
            part: HttpSpec | OpenApiSpec | TicketSpec | None = getattr(self, name)
            if part is not None:
                found += [(f"{name}.{path}", wrong, remedy) for path, wrong, remedy in part.check()]
        return found

    def _misfits(self, sources: list[str]) -> Iterator[tuple[str, str, str]]:
        """Fields that the source has no use for."""
        if self.effect is not None and SEVERAL & set(sources):
            yield "effect", f"the tools of {sources[0]} differ", "leave effect out; openapi.hints has it for one"
        if self.cache_s and (self.effect or "pure") != "pure":
            yield "cache_s", f"results of a tool that is {self.effect} aren't kept", "leave cache_s out"
        if self.gateway and RUNS_OWN & set(sources):
            yield (
                "gateway",
                f"{sources[0]} works on one run, and callers of the MCP gateway have none",
                "leave gateway out",
            )
        if self.cache_s and RUNS_OWN & set(sources):
            yield "cache_s", f"results of {sources[0]} belong to one run", "leave cache_s out"

    def _parameters(self, sources: list[str]) -> Iterator[tuple[str, str, str]]:
        if self.parameters is None:
            return
        if sources and not TAKES_PARAMETERS & set(sources):
            yield "parameters", f"the source {sources[0]} says them itself", "leave parameters out"
        elif self.parameters.get("type") != "object":
            yield "parameters", "it is no schema of an object", "write type: object with its properties"
