"""Guards over real HTTP on everything that is served: a forbidden text goes nowhere, a withheld one never comes out.

Paths are those that the server knows: one without its case fails here.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websockets
import yaml
from planted import FORMS, NO_ANSWER, NO_STREAM, answer, request, said, stream
from websockets.exceptions import ConnectionClosedError

from antiphon.core.error import BadRequest
from antiphon.core.request import Dialect
from antiphon.core.run import ENDED
from antiphon.providers.lab.records import KEPT_REQUESTS
from antiphon.providers.lab.run import Running, running
from antiphon.providers.lab.settings import LabModel, LabSettings
from antiphon.server.openapi_pages import PAGES
from antiphon.server.paths import model_calls
from rig.config import ALICE
from rig.gateway import Answer, Config, Gateway
from rig.loop import LoopThread
from rig.sdk import client, says
from rig.upstream import JSON, SSE, Script, Upstream, streamed, whole
from rig.wait import until

pytestmark = pytest.mark.processes

FORBIDDEN, WITHHELD, MAIL = "forbidden-canary", "withheld-canary", "ann.smith@mail.org"
GUARDS: dict[str, Any] = {
    "forbids": {"regex": {"patterns": {"f": {"pattern": "forbidden-[a-z]+"}}}, "on": ["request"], "action": "block"},
    "withholds": {"regex": {"patterns": {"w": {"pattern": "withheld-[a-z]+"}}}, "on": ["answer"], "action": "block"},
    "masks": {"pii": {}, "action": "mask"},
}
LAB_WORD = {"regex": {"patterns": {"w": {"pattern": "[A-Za-z]{3,}"}}}, "on": ["answer"], "routes": ["talk"]}


def streams(endpoint: str, dialect: Dialect) -> bool:
    """Whether a request to a path may ask for a stream."""
    try:
        return request(endpoint, dialect, "x", stream=True).head.stream
    except BadRequest:
        return False


CALLS = model_calls()
WHOLE = [(endpoint, dialect) for endpoint, dialect in CALLS if "stream" not in endpoint]
STREAMS = [(endpoint, dialect) for endpoint, dialect in CALLS if streams(endpoint, dialect)]
ALL = [(*call, False) for call in WHOLE] + [(*call, True) for call in STREAMS]


def named(ways: list[Any]) -> Any:
    return {"argvalues": ways, "ids": [f"{way[0]}{'-stream' if way[-1] is True else ''}" for way in ways]}


SPEAKS: dict[str, str] = {
    "anthropic_messages": "anthropic",
    "gemini": "gemini",
    "gemini_embeddings": "gemini",
    "cohere_embeddings": "cohere",
    "cohere_rerank": "cohere",
}
"""Dialects whose model isn't OpenAI's: each is asked in its own, so that answers pass as they come."""


def model_of(dialect: str) -> str:
    return SPEAKS.get(dialect, "openai")


def config(up: str, lab: str) -> Config:
    """A model of each provider, all on one upstream; and one of a lab's, `talk`, whose every word is withheld."""
    names = ["openai", *sorted(set(SPEAKS.values()))]
    providers: dict[str, Any] = {name: {"profile": name, "base_url": up, "key": "sk-up"} for name in names}
    providers["openai"]["passthrough"] = {"enabled": True, "allow": ["* /**"]}
    providers["shelf"] = {"profile": "compatible", "base_url": f"{lab}/v1", "key": "sk-lab"}
    return {
        "keys": [{"name": "alice", "key": ALICE, "tenant": "acme", "passthrough": ["openai"]}],
        "providers": providers,
        "models": {
            **{name: {"provider": name, "model": "m"} for name in names},
            "talk": {"provider": "shelf", "model": "chat"},
        },
        "guards": {**GUARDS, "words": {**LAB_WORD, "action": "block"}},
        "calls": {"retry": {"base_s": 0.001, "cap_s": 0.01}},
        "storage": {"ship_interval_s": 0.05},
    }


@pytest.fixture(scope="module")
def shelf(servers: LoopThread) -> Iterator[Running]:
    context = running(LabSettings(seed=3, models={"chat": LabModel(tokens_per_s=1e6, answer_tokens=9)}))
    yield servers.enter(context)
    servers.leave(context)


AGENT = {
    "apiVersion": "antiphon/v1",
    "kind": "Agent",
    "metadata": {"name": "guarded"},
    "spec": {"goal": "Answer.", "models": {"act": "openai"}, "verify": None, "safety": {"plan_lock": False}},
}


@pytest.fixture(scope="module")
def guarded(upstream_shared: Upstream, shelf: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("matrix")
    (home / "agent.yaml").write_text(yaml.safe_dump(AGENT))
    made = {**config(upstream_shared.url, shelf.url), "agents": {"documents": ["agent.yaml"]}}
    one = Gateway(home, made, key=ALICE)
    try:
        yield one.start()
    finally:
        one.close()


@pytest.fixture
def up(upstream_shared: Upstream) -> Upstream:
    upstream_shared.seen.clear()
    upstream_shared.script = whole(b"{}")
    return upstream_shared


def got(lab: Running) -> str:
    return json.dumps([one.body for one in lab.server._records.listed(None, KEPT_REQUESTS)])


def ask(gateway: Gateway, endpoint: str, dialect: Dialect, text: str, streamed: bool) -> Answer:
    """A model call in which a user says a text."""
    model = model_of(dialect)
    body = request(endpoint, dialect, text, stream=streamed).body.whole()
    body = body.replace(b'"m"', b'"%b"' % model.encode()).replace(b"\r\nm\r\n", b"\r\n%b\r\n" % model.encode())
    kind = "multipart/form-data; boundary=b" if endpoint in FORMS else "application/json"
    path = endpoint.replace("{model}", model) + ("?alt=sse" if "stream" in endpoint else "")
    return gateway.ask("POST", path, body, headers={"content-type": kind})


def refused(said: Answer, dialect: str) -> None:
    """A guard's refusal, in the words of a dialect."""
    assert said.status == 400, said
    assert said.headers["x-antiphon-reasons"]
    error = said.json["error"]
    match dialect:
        case "anthropic_messages":
            assert (said.json["type"], error["type"]) == ("error", "invalid_request_error"), said
        case "gemini" | "gemini_embeddings":
            assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT"), said
        case _:
            assert error["code"] == "guard_blocked", said
    assert "a guard blocks" in error["message"]


# --- model calls: what is asked


@pytest.mark.parametrize(("endpoint", "dialect", "asks_stream"), **named(ALL))
def test_a_forbidden_text_reaches_nobody(
    guarded: Gateway, up: Upstream, endpoint: str, dialect: Dialect, asks_stream: bool
) -> None:
    answer = ask(guarded, endpoint, dialect, f"Well, {FORBIDDEN} it is.", asks_stream)

    refused(answer, dialect)
    assert FORBIDDEN not in answer.body.decode()
    assert up.seen == []
    receipt = guarded.receipt(answer)
    assert (receipt["outcome"], receipt["error"]) == ("refused", "guard_blocked")
    assert {one["guard"] for one in receipt["findings"]} == {"forbids"}


@pytest.mark.parametrize(("endpoint", "dialect", "asks_stream"), **named(ALL))
def test_a_masked_text_reaches_nobody_either(
    guarded: Gateway, up: Upstream, endpoint: str, dialect: Dialect, asks_stream: bool
) -> None:
    up.script = stream_of(dialect, "Yes.") if asks_stream else answer_of(dialect, "Yes.")

    answer = ask(guarded, endpoint, dialect, f"Write to {MAIL} today.", asks_stream)

    assert answer.status == 200, answer
    (seen,) = up.seen
    assert MAIL not in seen.body.decode()
    assert "[[EMAIL_" in seen.body.decode()


# --- model calls: what comes back

VECTOR = {"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}
USED = {"prompt_tokens": 3, "total_tokens": 3}
WORDLESS: dict[str, tuple[bytes, bytes]] = {
    "openai_embeddings": (JSON, json.dumps({"object": "list", "data": [VECTOR], "model": "m", "usage": USED}).encode()),
    "gemini_embeddings": (JSON, json.dumps({"embeddings": [{"values": [0.5]}]}).encode()),
    "cohere_embeddings": (JSON, json.dumps({"id": "x", "embeddings": {"float": [[0.5]]}, "texts": ["x"]}).encode()),
    "openai_speech": (b"audio/mpeg", b"\xff\xfb\x90\x00"),
    "openai_moderations": (
        JSON,
        json.dumps({"id": "x", "model": "m", "results": [{"flagged": False, "categories": {}}]}).encode(),
    ),
}
"""What says no text: by the way that the model is asked in."""
SOUND = [f"data: {json.dumps(one)}\n\n".encode() for one in ({"type": "speech.audio.done", "usage": {}},)]
IMAGE = [
    f"data: {json.dumps({'type': 'image_generation.completed', 'b64_json': 'iVBORw0KGgo' * 9})}\n\n".encode(),
]
WORDLESS_STREAMS = {"openai_speech": SOUND, "openai_images": IMAGE}


def answer_of(dialect: Dialect, text: str) -> Script:
    kind, body = WORDLESS[dialect] if dialect in NO_ANSWER else (JSON, answer(dialect, text))
    return whole(body, kind)


def stream_of(dialect: Dialect, text: str) -> Script:
    pieces = WORDLESS_STREAMS[dialect] if dialect in NO_STREAM else stream(dialect, text)
    return streamed(*pieces)


def heard(dialect: Dialect, answer: Answer) -> str:
    """All that a caller can read of an answer's words, escapes undone."""
    body = answer.body.decode()
    if answer.headers["content-type"].startswith("text/event-stream"):
        return said(dialect, answer.body)
    return json.dumps(json.loads(body), ensure_ascii=False)


@pytest.mark.parametrize(("endpoint", "dialect"), **named(WHOLE))
def test_a_withheld_answer_is_an_error(guarded: Gateway, up: Upstream, endpoint: str, dialect: Dialect) -> None:
    up.script = answer_of(dialect, f"So, {WITHHELD} and more.")

    answer = ask(guarded, endpoint, dialect, "Well?", False)

    if dialect in NO_ANSWER:
        assert answer.status == 200, answer
        return
    refused(answer, dialect)
    assert WITHHELD not in answer.body.decode()
    receipt = guarded.closed_receipt(answer.receipt_id)
    assert (receipt["outcome"], receipt["error"]) == ("failed", "guard_blocked")
    assert len(up.seen) == 1


LONG = "Some words that may go. " * 8
"""More than is ever held back."""
FILTERED: dict[Dialect, str] = {
    "openai_chat": '"finish_reason":"content_filter"',
    "openai_completions": '"finish_reason":"content_filter"',
    "openai_responses": '"reason":"content_filter"',
    "anthropic_messages": '"stop_reason":"refusal"',
    "gemini": '"finishReason":"SAFETY"',
    "openai_transcription": '"code":"guard_blocked"',
}
"""How a stream ends whose text is withheld."""


@pytest.mark.parametrize(("endpoint", "dialect"), **named(STREAMS))
def test_a_withheld_stream_ends_as_filtered(guarded: Gateway, up: Upstream, endpoint: str, dialect: Dialect) -> None:
    up.script = stream_of(dialect, f"{LONG} So, {WITHHELD} and more.")

    answer = ask(guarded, endpoint, dialect, "Well?", True)

    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith(SSE.decode())
    if dialect in NO_STREAM:
        return
    assert WITHHELD not in heard(dialect, answer)
    assert heard(dialect, answer).startswith(LONG[:40])
    assert FILTERED[dialect] in answer.body.decode().replace('": ', '":')
    assert "regex.w" in answer.body.decode()
    receipt = guarded.closed_receipt(answer.receipt_id)
    assert (receipt["outcome"], receipt["error"]) == ("failed", "guard_blocked")


@pytest.mark.parametrize(("endpoint", "dialect", "asks_stream"), **named(ALL))
def test_a_masked_value_never_shows(
    guarded: Gateway, up: Upstream, endpoint: str, dialect: Dialect, asks_stream: bool
) -> None:
    text = f"Write to {MAIL} today."
    up.script = stream_of(dialect, text) if asks_stream else answer_of(dialect, text)

    answer = ask(guarded, endpoint, dialect, "To whom?", asks_stream)

    assert answer.status == 200, answer
    if dialect in (NO_STREAM if asks_stream else NO_ANSWER):
        return
    assert MAIL not in heard(dialect, answer)
    assert "[[EMAIL_" in heard(dialect, answer)


def test_a_stream_that_is_a_list_is_guarded_alike(guarded: Gateway, up: Upstream) -> None:
    body = request("/v1beta/models/{model}:generateContent", "gemini", "Well?").body.whole()
    for text in (f"So, {WITHHELD}.", f"It is {MAIL}."):
        up.script = stream_of("gemini", text)
        answer = guarded.ask("POST", "/v1beta/models/gemini:streamGenerateContent", body)
        assert isinstance(answer.json, list)
        words = "".join(
            part["text"]
            for one in answer.json
            for choice in one["candidates"]
            for part in choice.get("content", {}).get("parts", [])
        )
        assert WITHHELD not in words
        assert MAIL not in words


# --- what is served beside model calls

CHAT = {"model": "openai", "messages": says(f"Well, {FORBIDDEN} it is.")}
TEXT = {"model": "openai", "input": f"Well, {FORBIDDEN} it is."}


def _json(gateway: Gateway, path: str, fields: Any, kind: str = "application/json") -> Answer:
    return gateway.ask("POST", path, json.dumps(fields).encode(), headers={"content-type": kind})


def explain(gateway: Gateway) -> None:
    """It is told, and nothing is sent."""
    answer = _json(gateway, "/v1/explain", CHAT)
    refused(answer, "openai_chat")


def counted(path: str, dialect: str, fields: Any) -> Callable[[Gateway], None]:
    return lambda gateway: refused(_json(gateway, path, fields), dialect)


def compact(gateway: Gateway) -> None:
    refused(_json(gateway, "/v1/responses/compact", TEXT), "openai_responses")


def conversation(gateway: Gateway) -> None:
    """What is noted stays here; it is looked at once it would go on."""
    item = {"type": "message", "role": "user", "content": f"Well, {FORBIDDEN} it is."}
    made = _json(gateway, "/v1/conversations", {"items": [item]}).json["id"]
    refused(
        _json(gateway, "/v1/responses", {"model": "openai", "input": "So?", "conversation": made}), "openai_responses"
    )
    made = _json(gateway, "/v1/conversations", {}).json["id"]
    assert _json(gateway, f"/v1/conversations/{made}/items", {"items": [item]}).status == 200
    refused(
        _json(gateway, "/v1/responses", {"model": "openai", "input": "So?", "conversation": made}), "openai_responses"
    )


def noted(gateway: Gateway) -> None:
    """Metadata of a conversation never leave: they are no part of what a model is told."""
    made = _json(gateway, "/v1/conversations", {}).json["id"]
    assert _json(gateway, f"/v1/conversations/{made}", {"metadata": {"a": FORBIDDEN}}).status == 200
    _json(gateway, "/v1/responses", {"model": "openai", "input": "So?", "conversation": made})


def file(gateway: Gateway) -> None:
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {**CHAT, "model": "talk"}}
    part = '--b\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    for purpose, text in (("batch", json.dumps(line)), ("user_data", f"Notes: {FORBIDDEN}")):
        parts = [part % ("purpose", "", purpose), part % ("file", '; filename="a.jsonl"', text), "--b--\r\n"]
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = gateway.ask("POST", "/v1/files?provider=shelf", "".join(parts).encode(), headers=headers)
        refused(answer, "openai_files")


def batch(gateway: Gateway) -> None:
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "talk"}}
    line["body"] = {"model": "talk", "messages": says("Hi")}
    with client(gateway) as sdk:
        kept = sdk.files.create(
            file=("a.jsonl", json.dumps(line).encode()), purpose="batch", extra_query={"provider": "shelf"}
        )
    fields = {"input_file_id": kept.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    refused(_json(gateway, "/v1/batches", {**fields, "metadata": {"about": FORBIDDEN}}), "openai_batches")


def passed(gateway: Gateway) -> None:
    for path, body, kind in (
        ("chat/completions", json.dumps(CHAT), "application/json"),
        ("chat/completions", json.dumps({**CHAT, "stream": True}), "application/json"),
        ("anything/else", json.dumps([{"deep": [FORBIDDEN]}]), "application/json"),
        ("notes", f"Well, {FORBIDDEN}", "text/plain"),
        (f"notes/{FORBIDDEN}", "{}", "application/json"),
        (f"notes?about={FORBIDDEN.replace('-', '%2D')}", "{}", "application/json"),
    ):
        answer = gateway.ask("POST", f"/passthrough/openai/{path}", body.encode(), headers={"content-type": kind})
        refused(answer, "openai_chat")


def run(gateway: Gateway) -> None:
    """A run's texts leave by model calls alone, which guards look at: it fails, and says why."""
    begun = _json(gateway, "/v1/runs", {"agent": "guarded", "input": f"Well, {FORBIDDEN}", "wait_s": 15}).json

    def ended() -> Any:
        found = gateway.get(f"/v1/runs/{begun['id']}").json
        return found if found["status"] in ENDED else None

    found = until(ended, "the run has ended")
    assert (found["status"], found["stop"]) == ("failed", "error"), found
    assert "guard_blocked" in found["why"]


def said_to_a_run(gateway: Gateway) -> None:
    """The same of what is said to it later: it is kept here, and read before its next model call."""
    begun = _json(gateway, "/v1/runs", {"agent": "guarded", "input": f"Well, {FORBIDDEN}"})
    answer = _json(gateway, f"/v1/runs/{begun.json['id']}/say", {"message": FORBIDDEN})
    assert answer.status in {200, 202, 409}, answer


def nothing_to_say(gateway: Gateway) -> None:
    """It takes no text, or keeps it here."""


VERBS = ("answer", "cancel", "fork", "give-back", "kill", "pause", "resume", "take-over")
BESIDE: dict[str, Callable[[Gateway], None]] = {
    "/v1/explain": explain,
    "/v1/messages/count_tokens": counted(
        "/v1/messages/count_tokens", "anthropic_messages", {**CHAT, "model": "anthropic"}
    ),
    "/v1/responses/input_tokens": counted("/v1/responses/input_tokens", "openai_responses", TEXT),
    "/v1beta/models/{model}:countTokens": counted(
        "/v1beta/models/gemini:countTokens", "gemini", {"contents": [{"parts": [{"text": FORBIDDEN}]}]}
    ),
    "/v1/responses/compact": compact,
    "/v1/responses/{id}/cancel": nothing_to_say,
    "/v1/conversations": conversation,
    "/v1/conversations/{id}/items": conversation,
    "/v1/conversations/{id}": noted,
    "/v1/files": file,
    "/v1/batches": batch,
    "/v1/batches/{id}/cancel": nothing_to_say,
    "/v1/feedback": nothing_to_say,
    "/passthrough/{provider}/{path}": passed,
    "/v1/runs": run,
    "/v1/runs/{id}/say": said_to_a_run,
    **{f"/v1/runs/{{id}}/{verb}": nothing_to_say for verb in VERBS},
    "/v1/triggers/{name}": nothing_to_say,
}
"""What takes a body and is no model call: how a forbidden text fares there."""
TAKING = sorted({page.path for page in PAGES if page.method in ("post", "put", "patch")})


@pytest.mark.parametrize("path", TAKING)
def test_a_forbidden_text_goes_nowhere_by_any_other_path(
    guarded: Gateway, up: Upstream, shelf: Running, path: str
) -> None:
    up.script = whole(answer("openai_responses", "Yes."))

    BESIDE[path](guarded)

    assert FORBIDDEN not in "".join(seen.line + seen.body.decode() for seen in up.seen)
    assert FORBIDDEN not in got(shelf)


def test_notes_of_a_conversation_are_withheld_and_masked(guarded: Gateway, up: Upstream) -> None:
    fields = {"model": "openai", "input": "A long story."}
    up.script = whole(answer("openai_responses", f"Notes: {WITHHELD}."))
    refused(_json(guarded, "/v1/responses/compact", fields), "openai_responses")

    up.script = whole(answer("openai_responses", f"Notes: it is {MAIL}."))
    made = _json(guarded, "/v1/responses/compact", fields)
    assert made.status == 200, made
    assert MAIL not in made.body.decode()
    up.seen.clear()
    up.script = whole(answer("openai_responses", "Yes."))
    _json(guarded, "/v1/responses", {"model": "openai", "input": made.json["output"]})
    assert MAIL not in up.last.body.decode()
    assert "Notes: it is [[EMAIL_" in up.last.body.decode()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/plain"])
def test_what_passes_through_comes_back_guarded(guarded: Gateway, up: Upstream, kind: str) -> None:
    def says_it(text: str) -> Script:
        body = json.dumps({"anything": [text]})
        match kind:
            case "application/json":
                return whole(body.encode())
            case "text/event-stream":
                return streamed(f"data: {body}\n\n".encode())
            case _:
                return whole(text.encode(), b"text/plain")

    up.script = says_it(f"It is {MAIL}.")
    answer = guarded.ask("POST", "/passthrough/openai/odd", b"{}")
    assert answer.status == 200, answer
    assert MAIL not in answer.body.decode()
    assert "[[EMAIL_" in answer.body.decode()

    up.script = says_it(f"It is {WITHHELD}.")
    answer = guarded.ask("POST", "/passthrough/openai/odd", b"{}")
    assert WITHHELD not in answer.body.decode()
    assert "regex.w" in answer.body.decode()
    assert guarded.closed_receipt(answer.receipt_id)["error"] == "guard_blocked"


async def test_a_session_is_guarded_both_ways(guarded: Gateway, shelf: Running) -> None:
    url = f"ws://127.0.0.1:{guarded.port}/v1/realtime?model=talk"

    def says(text: str) -> str:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return json.dumps({"type": "conversation.item.create", "item": item})

    words = ""
    async with websockets.connect(url, additional_headers={"authorization": f"Bearer {ALICE}"}) as one:
        receipt = one.response.headers["x-antiphon-receipt"]
        assert json.loads(await one.recv())["type"] == "session.created"
        await one.send(says(FORBIDDEN))
        error = json.loads(await one.recv())
        assert (error["type"], error["error"]["code"]) == ("error", "guard_blocked")
        await one.send(says("Hi"))
        await one.send(json.dumps({"type": "response.create"}))
        with contextlib.suppress(ConnectionClosedError):
            async for message in one:
                event = json.loads(message)
                words += event.get("delta", "") + event.get("text", "")
        assert one.close_reason == "guard_blocked"
    assert words == ""
    assert FORBIDDEN not in got(shelf)
    findings = guarded.closed_receipt(receipt)["findings"]
    assert {one["guard"] for one in findings} == {"forbids", "words"}
