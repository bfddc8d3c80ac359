"""OpenAI's Chat Completions as a dialect of the lab."""

from collections.abc import Iterator
from types import MappingProxyType

from antiphon.core.error import AntiphonError
from antiphon.providers.lab.answer import Answer
from antiphon.providers.lab.decode import decode
from antiphon.providers.lab.dialect import JSON_LINE, Dialect, Event, Incoming, Json, Manners, Said, Writer
from antiphon.providers.lab.encode import DONE, Form, completion, events, problem, refusal, sse, usage

WRONG_USAGE: Json = {
    "prompt_tokens": -7,
    "completion_tokens": 9_999_999_999_999,
    "total_tokens": 0,
    "prompt_tokens_details": {"cached_tokens": 1_000_000_000_000},
    "completion_tokens_details": {"reasoning_tokens": -1},
}
BROKEN_JSON = b'{"id":"chatcmpl-lab","object":"chat.completion","choices":[{"index":0,"mess'
OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"lab fault: overloaded"}}'
"""Overload as Anthropic says it, with a status and an error shape of its own."""
NOT_TEXT = (b"this line names no field\n\n", b"data: \xff\xfe\n\n")


def said(status: int, message: str, kind: str, code: str | None) -> Said:
    return Said(status=status, body=refusal(f"lab fault: {message}", kind, code))


def say(error: AntiphonError) -> Said:
    return Said(status=error.said_status, body=problem(error))


FAULTS = MappingProxyType(
    {
        "rate_limited": said(429, "rate limit reached", "requests", "rate_limit_exceeded"),
        "unauthorized": said(401, "incorrect API key provided", "invalid_request_error", "invalid_api_key"),
        "payment_required": said(402, "insufficient balance", "unknown_error", "invalid_request_error"),
        "hidden_quota": said(400, "you exceeded your quota", "insufficient_quota", "insufficient_quota"),
        "error_500": said(500, "the server had an error", "server_error", None),
        "error_503": said(503, "the engine is overloaded", "server_error", "overloaded"),
        "error_529": Said(status=529, body=OVERLOADED),
    }
)


def _huge(kind: bytes, field: bytes) -> bytes:
    head = b'{"id":"chatcmpl-lab","object":"%b","created":0,"model":"lab","choices":[{"index":0,' % kind
    return b'%b"finish_reason":"stop","%b":{"role":"assistant","content":"' % (head, field)


def _broken_stream() -> tuple[bytes, ...]:
    delta = {"index": 0, "delta": {"role": "assistant", "content": "[lab fault] "}, "finish_reason": None}
    head: Json = {"id": "chatcmpl-lab", "object": "chat.completion.chunk", "created": 0, "model": "lab"}
    return (
        sse(head | {"choices": [delta]}),
        b'data: {"id":"chatcmpl-lab","choices":[{"delta":{"content":"bro\n\n',
        *NOT_TEXT,
    )


MANNERS = Manners(
    problem=say,
    faults=FAULTS,
    broken_json=BROKEN_JSON,
    broken_stream=_broken_stream(),
    huge=(_huge(b"chat.completion", b"message"), b'"}}]}'),
    huge_stream=(b"data: " + _huge(b"chat.completion.chunk", b"delta"), b'"}}]}\n\n' + DONE),
)


class ChatWriter(Writer):
    """A completion, or its chunks."""

    wrong_usage = WRONG_USAGE
    whole_lines = JSON_LINE
    done = DONE

    @property
    def form(self) -> Form:
        chat = self.asked.chat
        asked = chat.stream_options is not None and bool(chat.stream_options.include_usage)
        return Form(usage=asked, logprobs=bool(chat.logprobs), top_logprobs=chat.top_logprobs or 0)

    def usage(self, answer: Answer) -> Json:
        return usage(answer.used)

    def whole(self, answer: Answer, used: Json | None) -> bytes:
        return completion(answer, self.form, used)

    def events(self, answer: Answer, used: Json | None) -> Iterator[Event]:
        return events(answer, self.form, used)


class ChatDialect(Dialect):
    name = "openai_chat"
    manners = MANNERS

    def read(self, incoming: Incoming) -> Writer:
        """On Azure's older paths the path names the model, and the body need not."""
        body = incoming.body
        if incoming.model:
            body = named(body, incoming.model)
        return ChatWriter(decode(body))


def named(body: bytes, model: str) -> bytes:
    """A body with the model that its path names; one that isn't an object stays as it is."""
    start = body.lstrip()
    if not start.startswith(b"{"):
        return body
    rest = start[1:].lstrip()
    comma = b"" if rest.startswith(b"}") else b","
    return b'{"model":"%b"%b%b' % (model.encode(), comma, rest)
