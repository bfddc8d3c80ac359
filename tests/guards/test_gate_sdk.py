"""Providers' own SDKs read what gates let go: masked, held, cut."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from anthropic import Anthropic
from google import genai
from google.genai.types import HttpOptions
from guarded import ASKED, Mails, Words, guard, token
from openai import OpenAI
from sdk_sockets import sockets_are_let_go, sockets_may_be_left  # noqa: F401 - fixtures
from streamed import calling, pieces

from antiphon.core.error import GuardBlocked
from antiphon.core.request import Dialect
from antiphon.core.response import Delta, FinishReason
from antiphon.guards.gate import Gate

GUARDS = [guard(Mails()), guard(Words("zebra", "animal"), "block", name="z")]
SAID = [Delta(reasoning="let me th"), Delta(reasoning="ink of a@b.io")]
SAID += [Delta(text="Write to ann"), Delta(text="@mail.org "), Delta(text="now.")]
MASKED = f"Write to {token('email', 'ann@mail.org')} now."
CALL = calling(0, "send", ['{"to": "ann@', 'mail.org"}'])
CALLED = {"to": token("email", "ann@mail.org")}


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A server that answers every request with this stream."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def gated(dialect: Dialect, deltas: list[Delta], finish: FinishReason = "stop") -> bytes:
    """What a gate lets go of a stream, with its cut where a guard blocks."""
    gate, out = Gate(dialect, GUARDS, ASKED, token), b""
    try:
        for piece in pieces(dialect, deltas, finish):
            out += gate.feed(piece)
        return out + gate.end()
    except GuardBlocked as error:
        return out + gate.cut(error)


BLOCKED = [Delta(text="Fine so far. "), Delta(text="A ze"), Delta(text="bra came"), Delta(text=" by")]


@pytest.mark.parametrize("deltas", [SAID, [*SAID, *CALL]], ids=["text", "call"])
def test_openai_chat(deltas: list[Delta]) -> None:
    with (
        answering(gated("openai_chat", deltas, "tool_calls")) as url,
        OpenAI(api_key="k", base_url=url) as sdk,
        sdk.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        final = stream.get_final_completion()

    (choice,) = final.choices
    assert choice.message.content == MASKED
    if deltas is not SAID:
        (call,) = choice.message.tool_calls or ()
        assert json.loads(call.function.arguments) == CALLED
        assert (call.id, call.function.name) == ("call_0", "send")


def test_openai_chat_is_cut() -> None:
    with answering(gated("openai_chat", BLOCKED)) as url, OpenAI(api_key="k", base_url=url) as sdk:
        chunks = list(sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))

    assert "".join(one.choices[0].delta.content or "" for one in chunks) == "Fine so far. A "
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert (chunks[-1].model_extra or {})["antiphon"]["error"] == {
        "code": "guard_blocked",
        "message": "the answer was held back by animal.zebra; ask for it without such content",
        "reasons": ["animal.zebra"],
    }


def test_openai_completions_masked_and_cut() -> None:
    with answering(gated("openai_completions", SAID)) as url, OpenAI(api_key="k", base_url=url) as sdk:
        chunks = list(sdk.completions.create(model="m", prompt="x", stream=True))
    with answering(gated("openai_completions", BLOCKED)) as url, OpenAI(api_key="k", base_url=url) as sdk:
        cut = list(sdk.completions.create(model="m", prompt="x", stream=True))

    assert MASKED in "".join(one.choices[0].text for one in chunks if one.choices)
    assert "".join(one.choices[0].text for one in cut) == "Fine so far. A "
    assert cut[-1].choices[0].finish_reason == "content_filter"


def test_openai_responses() -> None:
    with (
        answering(gated("openai_responses", [*SAID, *CALL], "tool_calls")) as url,
        OpenAI(api_key="k", base_url=url) as sdk,
        sdk.responses.stream(model="m", input="x") as stream,
    ):
        events = list(stream)
        final = stream.get_final_response()

    assert final.output_text == MASKED
    assert "".join(one.delta for one in events if one.type == "response.output_text.delta") == MASKED
    (call,) = [item for item in final.output if item.type == "function_call"]
    assert json.loads(call.arguments) == CALLED
    (thought,) = [item for item in final.output if item.type == "reasoning"]
    assert thought.summary[0].text == f"let me think of {token('email', 'a@b.io')}"
    assert [one.sequence_number for one in events] == list(range(len(events)))


def test_openai_responses_is_cut() -> None:
    with answering(gated("openai_responses", BLOCKED)) as url, OpenAI(api_key="k", base_url=url) as sdk:
        events: list[Any] = list(sdk.responses.create(model="m", input="x", stream=True))

    last = events[-1]
    assert (last.type, last.response.status) == ("response.incomplete", "incomplete")
    assert last.response.incomplete_details.reason == "content_filter"
    assert last.response.output_text == "Fine so far. A "
    assert last.response.model_extra["antiphon"]["error"]["reasons"] == ["animal.zebra"]
    assert [one.sequence_number for one in events] == list(range(len(events)))
    assert [one.type for one in events[-4:-1]] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]


def test_anthropic() -> None:
    stream_of = gated("anthropic_messages", [*SAID, *CALL], "tool_calls")
    with (
        answering(stream_of) as url,
        Anthropic(api_key="k", base_url=url) as sdk,
        sdk.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        final = stream.get_final_message()

    kinds = {block.type: block for block in final.content}
    assert kinds["text"].text == MASKED
    assert kinds["thinking"].thinking == f"let me think of {token('email', 'a@b.io')}"
    assert kinds["tool_use"].input == CALLED
    assert final.stop_reason == "tool_use"


def test_anthropic_is_cut() -> None:
    with (
        answering(gated("anthropic_messages", BLOCKED)) as url,
        Anthropic(api_key="k", base_url=url) as sdk,
        sdk.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream,
    ):
        events = list(stream)
        final = stream.get_final_message()

    assert (final.content[0].text, final.stop_reason) == ("Fine so far. A ", "refusal")
    told = next(one for one in events if one.type == "message_delta")
    assert (told.model_extra or {})["antiphon"]["error"]["reasons"] == ["animal.zebra"]


def gemini(body: bytes) -> list[Any]:
    with answering(body) as url:
        sdk = genai.Client(api_key="k", http_options=HttpOptions(base_url=url))
        try:
            return list(sdk.models.generate_content_stream(model="m", contents="x"))
        finally:
            sdk.close()


def test_gemini() -> None:
    chunks = gemini(gated("gemini", [*SAID, *CALL], "tool_calls"))

    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or ()]
    assert "".join(part.text or "" for part in parts if not part.thought) == MASKED
    assert "".join(part.text or "" for part in parts if part.thought) == f"let me think of {token('email', 'a@b.io')}"
    (call,) = [part.function_call for part in parts if part.function_call]
    assert (call.name, call.args) == ("send", CALLED)


def test_gemini_is_cut() -> None:
    stream = gated("gemini", BLOCKED)
    chunks = gemini(stream)

    assert "".join(chunk.text or "" for chunk in chunks) == "Fine so far. A "
    assert chunks[-1].candidates[0].finish_reason.name == "SAFETY"
    last = json.loads(stream.rstrip().rsplit(b"data: ", 1)[1])  # its SDK drops what it knows no field for
    assert "animal.zebra" in last["candidates"][0]["finishMessage"]
    assert last["antiphon"]["error"]["reasons"] == ["animal.zebra"]
