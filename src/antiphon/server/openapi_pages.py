"""What is served beside model calls, as `GET /openapi.json` describes it. A path without its line here fails a test."""

from typing import Literal

from msgspec import Struct

Method = Literal["get", "post", "put", "patch", "delete"]


class Query(Struct, frozen=True):
    """A parameter of a query; all may be left out."""

    name: str
    kind: Literal["string", "integer", "number", "boolean"] = "string"
    among: tuple[str, ...] = ()
    most: int = 0


class Page(Struct, frozen=True, kw_only=True):
    """One path with one method."""

    method: Method = "get"
    path: str
    summary: str
    body: str = ""
    """Name of its body among `openapi_shapes.BESIDE`; empty: it takes none."""
    form: bool = False
    queries: tuple[Query, ...] = ()
    answers: tuple[str, ...] = ("application/json",)
    """Content types of what is answered."""
    status: int = 200
    open: bool = False
    """It needs no key."""
    family: str = "openai"
    """Whose form its errors have."""
    receipts: bool = False
    """What it answers names a receipt."""


_LISTED = (
    Query("limit", "integer", most=100),
    Query("order", among=("asc", "desc")),
    Query("after"),
    Query("before"),
)
_PROVIDER = (Query("provider"),)
_PAGES: tuple[Page, ...] = (
    Page(path="/openapi.json", summary="This description.", open=True),
    Page(path="/livez", summary="Whether the process answers.", open=True),
    Page(path="/readyz", summary="Whether requests are taken.", open=True),
    Page(path="/metrics", summary="Metrics for Prometheus.", answers=("text/plain", "application/openmetrics-text")),
    Page(path="/v1/models", summary="The names that the key may ask for."),
    Page(path="/v1/models/{id}", summary="One of them."),
    Page(path="/v1beta/models", summary="The same in Gemini's form."),
    Page(path="/v1beta/models/{id}", summary="One of them in Gemini's form."),
    Page(path="/v1/receipts/{id}", summary="The story of one request."),
    Page(
        path="/v1/spend",
        summary="What was spent, summed up; a key sees its tenant's, an admin key all.",
        queries=(
            *(Query(name) for name in ("by", "since", "until", "tenant")),
            *(Query(name, "boolean") for name in ("forecast", "anomalies")),
        ),
    ),
    Page(method="post", path="/v1/feedback", summary="Say how good an answer was.", body="feedback"),
    Page(path="/v1/feedback", summary="What was said of an answer.", queries=(Query("receipt"),)),
    Page(
        path="/v1/quality",
        summary="How good deployments are, by scores of their answers; a key sees its tenant's, an admin key all.",
        queries=(Query("tenant"),),
    ),
    Page(
        method="post",
        path="/v1/explain",
        summary="The plan of a model call, without making it.",
        body="any",
        queries=(
            Query("dialect", among=("openai_chat", "openai_responses", "anthropic_messages", "gemini")),
            Query("model"),
        ),
    ),
    Page(path="/v1/health/deployments", summary="How every deployment is; for admin keys."),
)
_COUNTS: tuple[Page, ...] = (
    Page(
        method="post",
        path="/v1/messages/count_tokens",
        summary="How many tokens a request of Anthropic Messages has.",
        body="count_messages",
        family="anthropic",
        receipts=True,
    ),
    Page(
        method="post",
        path="/v1/responses/input_tokens",
        summary="How many tokens a request of OpenAI Responses has.",
        body="count_responses",
        receipts=True,
    ),
    Page(
        method="post",
        path="/v1beta/models/{model}:countTokens",
        summary="How many tokens a request of Gemini has.",
        body="count_gemini",
        family="gemini",
        receipts=True,
    ),
)
_KEPT: tuple[Page, ...] = (
    Page(method="post", path="/v1/responses/compact", summary="A conversation made shorter.", body="compact"),
    Page(
        path="/v1/responses/{id}",
        summary="A response that was kept.",
        queries=(Query("stream", "boolean"), Query("starting_after", "integer")),
        answers=("application/json", "text/event-stream"),
    ),
    Page(method="delete", path="/v1/responses/{id}", summary="Forget it."),
    Page(method="post", path="/v1/responses/{id}/cancel", summary="End one that runs in the background."),
    Page(path="/v1/responses/{id}/input_items", summary="What it was asked.", queries=_LISTED),
    Page(method="post", path="/v1/conversations", summary="Begin a conversation.", body="conversation"),
    Page(path="/v1/conversations/{id}", summary="A conversation."),
    Page(method="post", path="/v1/conversations/{id}", summary="Change what is noted of it.", body="metadata"),
    Page(method="delete", path="/v1/conversations/{id}", summary="Forget it."),
    Page(path="/v1/conversations/{id}/items", summary="What was said in it.", queries=_LISTED),
    Page(method="post", path="/v1/conversations/{id}/items", summary="Add to it.", body="items"),
    Page(path="/v1/conversations/{id}/items/{item}", summary="One item of it."),
    Page(method="delete", path="/v1/conversations/{id}/items/{item}", summary="Forget one item."),
)
_SHELF: tuple[Page, ...] = (
    Page(path="/v1/files", summary="Files of a provider.", queries=_PROVIDER),
    Page(method="post", path="/v1/files", summary="Leave a file with it.", body="file", form=True, queries=_PROVIDER),
    Page(path="/v1/files/{id}", summary="What is known of a file."),
    Page(method="delete", path="/v1/files/{id}", summary="Delete it."),
    Page(path="/v1/files/{id}/content", summary="Its bytes.", answers=("*/*",)),
    Page(path="/v1/batches", summary="Batches of a provider.", queries=_PROVIDER),
    Page(method="post", path="/v1/batches", summary="Begin a batch.", body="batch"),
    Page(path="/v1/batches/{id}", summary="How a batch is."),
    Page(method="post", path="/v1/batches/{id}/cancel", summary="End a batch."),
)
_THROUGH: tuple[Page, ...] = (
    Page(
        path="/v1/realtime",
        summary="A WebSocket, in OpenAI's dialect: ask with `Connection: Upgrade` and `Upgrade: websocket`.",
        queries=(Query("model"),),
        status=101,
        answers=(),
    ),
    *(
        Page(
            method=method,
            path="/passthrough/{provider}/{path}",
            summary="A provider's own API as it is; `path` may have slashes.",
            body="any" if method in ("post", "put", "patch") else "",
            answers=("*/*",),
        )
        for method in ("get", "post", "put", "patch", "delete")
    ),
)
_SAID: tuple[tuple[str, str, str], ...] = (
    ("answer", "answer", "Answer the question, review or hand-off that a run waits for."),
    ("say", "message", "Say something to a run while it works."),
    ("cancel", "why", "End a run at its next step."),
    ("kill", "why", "End it at once."),
    ("pause", "why", "Stop it at its next step."),
    ("resume", "nothing", "Go on with a paused run."),
    ("fork", "fork", "A new run that goes on from before a step of this one."),
    ("take-over", "nothing", "Take a run over by hand."),
    ("give-back", "done", "Give it back, with what was done by hand."),
)
_AGENTS: tuple[Page, ...] = (
    Page(path="/v1/agents", summary="Agents that the key may ask. This and what follows: where agents are served."),
    Page(path="/v1/agents/{name}", summary="One of them.", queries=(Query("version"),)),
    Page(method="post", path="/v1/runs", summary="Begin a run of an agent.", body="run", status=201),
    Page(
        path="/v1/runs",
        summary="The caller's runs, the newest first.",
        queries=(
            *(Query(name) for name in ("agent", "status", "session", "root", "before")),
            Query("limit", "integer", most=1000),
        ),
    ),
    Page(
        path="/v1/runs/{id}", summary="A run, at once or when it rests.", queries=(Query("wait_s", "number", most=600),)
    ),
    Page(
        path="/v1/runs/{id}/events",
        summary="What happened in it, the oldest first.",
        queries=(Query("after", "integer"), Query("stream", "boolean"), Query("follow", "boolean")),
        answers=("application/json", "text/event-stream"),
    ),
    *(Page(method="post", path=f"/v1/runs/{{id}}/{verb}", summary=summary, body=body) for verb, body, summary in _SAID),
    Page(path="/v1/inbox", summary="Runs that wait for the caller, or for a role of the caller's."),
    Page(
        path="/v1/memories",
        summary="What an agent remembers of the caller, its session and its team.",
        queries=(Query("agent"), Query("session")),
    ),
    Page(
        method="delete",
        path="/v1/memories/{id}",
        summary="Erase a memory.",
        queries=(Query("agent"), Query("session")),
    ),
    Page(
        method="post",
        path="/v1/triggers/{name}",
        summary="A webhook, which its signature lets in, or a message for a queue, which a key does.",
        body="any",
        status=202,
        open=True,
    ),
    Page(
        path="/v1/registry/agents",
        summary="Agents by skill, health, outcomes and cost.",
        queries=(Query("skill"), Query("healthy", "boolean")),
    ),
    Page(
        path="/v0.1/servers",
        summary="Agents and servers of tools as an MCP registry tells of them.",
        queries=(
            *(Query(name) for name in ("cursor", "search", "version", "updated_since")),
            Query("limit", "integer", most=100),
        ),
    ),
    Page(path="/v0.1/servers/{name}", summary="One of them; a slash in its name is written as %2F."),
    Page(path="/v0.1/servers/{name}/versions", summary="Its versions."),
    Page(path="/v0.1/servers/{name}/versions/{version}", summary="One of its versions."),
)
PAGES: tuple[Page, ...] = (*_PAGES, *_COUNTS, *_KEPT, *_SHELF, *_THROUGH, *_AGENTS)
