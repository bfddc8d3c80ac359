"""`GET /openapi.json`: what the gateway serves, in OpenAPI 3.1, for tools that make clients and tests.

Written once when the process begins. Source: spec.openapis.org/oas/v3.1.1 (2026-11).
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import msgspec

from antiphon import __version__
from antiphon.core import error as errors
from antiphon.core.error import AntiphonError, ConfigError
from antiphon.core.request import Dialect
from antiphon.server.openapi_pages import PAGES, Page
from antiphon.server.openapi_shapes import BESIDE, BODIES, ERRORS, FORMS, Shape
from antiphon.server.paths import model_calls
from antiphon.wire.codec import EVENTS, AnyCodec
from antiphon.wire.codecs import CODECS
from antiphon.wire.one_dialect import NoStream

JSON = "application/json"
FORM = "multipart/form-data"
_FAMILIES: Mapping[Dialect, str] = {
    "anthropic_messages": "anthropic",
    "gemini": "gemini",
    "gemini_embeddings": "gemini",
}
"""Whose form a dialect's errors have, where it isn't OpenAI's."""
_OPTIONAL = ("any", "conversation", "answer", "why", "nothing", "done")
"""Bodies that may be left out."""
_PARAMETER = re.compile(r"\{(\w+)\}")
_ASKED: tuple[tuple[str, str], ...] = (
    ("x-antiphon-session", "A conversation, for receipts and traces."),
    ("x-antiphon-run", "One execution of a program or agent."),
    ("x-antiphon-step", "A step of it."),
    ("x-antiphon-parent", "What the step came from."),
    ("x-antiphon-timeout", "The longest that the request may take: `1.5` seconds, `500ms`, `30s`, `2m`."),
    ("x-antiphon-priority", "`high`, `normal` or `low`: the lane that it waits in; no higher than its key's."),
)
_TOLD: tuple[tuple[str, str], ...] = (
    ("x-antiphon-receipt", "The receipt's id."),
    ("x-antiphon-deployment", "The deployment that answered."),
    ("x-antiphon-losses", "What could not be carried between dialects."),
    ("x-antiphon-attempts", "How many attempts were made until then, where there were several."),
)
_KEYS: Mapping[str, Shape] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    **{name: {"type": "apiKey", "in": "header", "name": name} for name in ("x-api-key", "api-key", "x-goog-api-key")},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
_SAID = (
    "A control plane in front of many language models. Bodies are described as far as they are checked here: the rest is "
    "the dialect's own affair. Where no `keys` are set, none is needed. OpenAI's paths are there under `/openai/v1` and "
    "`/openai/deployments/{name}` too, Gemini's under `/v1` and with `tunedModels` in place of `models`."
)


def document() -> Shape:
    """The whole description."""
    paths: dict[str, dict[str, object]] = {}
    for path, dialect in model_calls():
        paths.setdefault(path, {})["post"] = _call(path, CODECS[dialect])
    for page in PAGES:
        paths.setdefault(page.path, {})[page.method] = _page(page)
    security: list[dict[str, list[str]]] = [{name: []} for name in _KEYS]
    return {
        "openapi": "3.1.1",
        "info": {"title": "Antiphon", "version": __version__, "description": _SAID},
        "servers": [{"url": "/"}],
        "security": security,
        "paths": paths,
        "components": {
            "securitySchemes": _KEYS,
            "headers": {name: _header(said) for name, said in _TOLD},
            "parameters": {name: _parameter(name, "header", {"type": "string"}, said) for name, said in _ASKED},
            "responses": dict(_responses()),
            "schemas": {f"error_{name}": shape for name, shape in ERRORS.items()},
        },
    }


def _call(path: str, codec: AnyCodec) -> Shape:
    """One path of model calls."""
    kinds = [FORM] if path in FORMS and path.endswith("/variations") else [one.decode() for one in codec.asks]
    if path == "/v1/images/generations":
        kinds = [JSON]
    shapes = {kind: FORMS[path] if kind == FORM else BODIES[codec.name] for kind in kinds}
    parameters: list[Shape] = [*_in_path(path), *_in_query(path)]
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name, _ in _ASKED]
    content: dict[str, Shape] = {kind: {"schema": shape} for kind, shape in shapes.items()}
    answers: dict[str, Shape] = {kind: {} for kind in _answers(codec, path)}
    return {
        "operationId": _name("post", path),
        "summary": f"A model call in the dialect {codec.name}.",
        "tags": [codec.operation],
        "parameters": parameters,
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": _headers("x-antiphon-receipt", "x-antiphon-deployment"),
                "content": answers,
            },
            **_refusals(_FAMILIES.get(codec.name, "openai"), receipts=True),
        },
    }


def _answers(codec: AnyCodec, path: str) -> Iterator[str]:
    """Content types that a call may be answered in."""
    if codec.name == "openai_speech":
        yield "audio/*"
    elif codec.name == "openai_transcription":
        yield from (JSON, "text/plain", "text/vtt", "text/srt", "application/x-subrip")
    else:
        yield JSON
    if not isinstance(codec, NoStream) and not path.endswith((":generateContent", "/variations")):
        yield EVENTS.decode()


def _page(page: Page) -> Shape:
    headers = _headers("x-antiphon-receipt") if page.receipts else {}
    said: dict[str, object] = {
        "operationId": _name(page.method, page.path),
        "summary": page.summary,
        "parameters": [
            *_in_path(page.path),
            *(_parameter(one.name, "query", _typed(one.kind, one.among, one.most), "") for one in page.queries),
        ],
        "responses": {
            str(page.status): {
                "description": HTTPStatus(page.status).phrase,
                **({"headers": headers} if headers else {}),
                **({"content": {kind: {} for kind in page.answers}} if page.answers else {}),
            },
            **_refusals(page.family, receipts=page.receipts),
        },
    }
    if page.body:
        kind = FORM if page.form else JSON
        said["requestBody"] = {"required": page.body not in _OPTIONAL, "content": {kind: {"schema": BESIDE[page.body]}}}
    if page.open:
        said["security"] = []
    return said


def _refusals(family: str, *, receipts: bool) -> dict[str, Shape]:
    """Every status of the tree of errors, and any other with which an upstream may refuse a request."""
    kind = f"{family}_receipt" if receipts else family
    return {status: {"$ref": f"#/components/responses/{kind}_{status}"} for status, _ in _said_statuses()}


def _said_statuses() -> Iterator[tuple[str, str]]:
    for status, codes in statuses().items():
        yield str(status), ", ".join(f"`{code}`" for code in codes)
    yield "4XX", "What an upstream refused, with its own status."


def _responses() -> Iterator[tuple[str, Shape]]:
    """The answers that `_refusals` names."""
    for family in ERRORS:
        content = {JSON: {"schema": {"$ref": f"#/components/schemas/error_{family}"}}}
        for status, said in _said_statuses():
            yield f"{family}_{status}", {"description": said, "content": content}
            headers = _headers("x-antiphon-receipt")
            yield f"{family}_receipt_{status}", {"description": said, "headers": headers, "content": content}


def statuses() -> dict[int, list[str]]:
    """The HTTP statuses that errors have, each with the codes that have it."""
    found: dict[int, list[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, AntiphonError) and kind is not ConfigError:
            found.setdefault(kind.status, []).append(kind.code)
    return dict(sorted(found.items()))


def _headers(*needed: str) -> dict[str, Shape]:
    return {
        name: {**_header(said), "required": True} if name in needed else {"$ref": f"#/components/headers/{name}"}
        for name, said in _TOLD
    }


def _header(said: str) -> dict[str, object]:
    return {"description": said, "schema": {"type": "string"}}


def _in_path(path: str) -> Iterator[Shape]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _in_query(path: str) -> Iterator[Shape]:
    if path.endswith(":streamGenerateContent"):
        yield _parameter("alt", "query", {"type": "string"}, "`sse`: events; else one JSON list.")


def _parameter(name: str, place: str, schema: Shape, said: str) -> Shape:
    return {"name": name, "in": place, "schema": schema, **({"description": said} if said else {})}


def _typed(kind: str, among: tuple[str, ...], most: int) -> Shape:
    if among:
        return {"enum": list(among)}
    return {"type": kind, "minimum": int(kind == "integer"), "maximum": most} if most else {"type": kind}


def _name(method: str, path: str) -> str:
    """An operation's name, for makers of clients."""
    return f"{method}_{re.sub(r'[^A-Za-z0-9]+', '_', path).strip('_')}"


DOCUMENT = msgspec.json.encode(document())
"""What is served."""
