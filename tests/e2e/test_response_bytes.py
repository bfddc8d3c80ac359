"""Same dialect through: the caller gets the upstream's bytes, less what only we asked for."""

import pytest

from rig.gateway import Answer, Gateway
from rig.upstream import Upstream, streamed, whole

pytestmark = pytest.mark.processes

ASK = b'{"model":"gpt-test","messages":[]}'
STREAM = b'{"model":"gpt-test","messages":[],"stream":true}'
STREAM_USAGE = b'{"model":"gpt-test","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
USAGE = b'{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18}'

WHOLE: dict[str, bytes] = {
    "plain": b'{"id":"c","model":"up-1","choices":[],"usage":%b}' % USAGE,
    "odd": b' {"zzz" : 1.0 ,\r\n"choices":[{"index":0,"message":{"content":"\\u00e9\\/ \xc3\xa9"}}],"usage":null}\n\n',
    "numbers": b'{"choices":[],"a":1e5,"b":1.0,"c":123456789012345678901234567890,"d":-0.0}',
    "keys twice": b'{"choices":[],"x":1,"x":2}',
    "large": b'{"choices":[{"index":0,"message":{"content":"%b"}}]}' % (b"long " * 100_000),
}


def delta(text: bytes, more: bytes = b"") -> bytes:
    return b'{"id":"c","model":"up-1","choices":[{"index":0,"delta":{"content":"%b"}}]%b}' % (text, more)


FINISH = b'{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
DONE = b"data: [DONE]\n\n"

STREAMS: dict[str, bytes] = {
    "plain": b"data: %b\n\ndata: %b\n\n" % (delta(b"a"), FINISH) + DONE,
    "comments": b": ping\n\n: hi\ndata: %b\n\n:\n\ndata: %b\n\n" % (delta(b"a"), FINISH) + DONE,
    "carriage returns": b"data: %b\r\n\r\ndata: %b\r\n\r\ndata: [DONE]\r\n\r\n" % (delta(b"a"), FINISH),
    "bare carriage returns": b"data: %b\r\rdata: %b\r\rdata: [DONE]\r\r" % (delta(b"a"), FINISH),
    "mixed line ends": b"data: %b\n\r\ndata: %b\r\n\ndata: [DONE]\n\n" % (delta(b"a"), FINISH),
    "event, id, retry": b"event: chunk\nid: 7\nretry: 10\ndata:%b\n\ndata:%b\n\n" % (delta(b"a"), FINISH) + DONE,
    "data in two lines": b'data: {"choices":\ndata: []}\n\ndata: %b\n\n' % FINISH + DONE,
    "blank lines": b"\n\ndata: %b\n\n\n\ndata: %b\n\n" % (delta(b"a"), FINISH) + DONE,
    "escapes": b"data: %b\n\ndata: %b\n\n" % (delta(rb"\u00e9\n\ndata: x\"usage\":null"), FINISH) + DONE,
    "utf-8": b"data: %s\n\n" % delta("é😀".encode()) + b"data: %b\n\n" % FINISH + DONE,
    "unknown fields": b'data: {"choices":[],"x":{"y":[1.0]},"obfuscation":"aa"}\n\ndata: %b\n\n' % FINISH + DONE,
    "no [DONE]": b"data: %b\n\ndata: %b\n\n" % (delta(b"a"), FINISH),
    "no last blank line": b"data: %b\n\ndata: %b\n" % (delta(b"a"), FINISH),
}


def ask(relayed: tuple[Gateway, Upstream], body: bytes) -> Answer:
    answer = relayed[0].chat(body)
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_answer_passes_byte_for_byte(relayed: tuple[Gateway, Upstream], body: bytes) -> None:
    relayed[1].script = whole(body, kind=b"application/json; charset=utf-8", more=b"x-request-id: req-9\r\n")

    answer = ask(relayed, ASK)

    assert answer.body == body
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers["x-request-id"] == "req-9"
    assert answer.headers["x-antiphon-deployment"] == "gpt-test"


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_passes_byte_for_byte(relayed: tuple[Gateway, Upstream], stream: bytes) -> None:
    relayed[1].script = streamed(stream)

    answer = ask(relayed, STREAM)

    assert answer.body == stream
    assert answer.headers["content-type"] == "text/event-stream"
    assert relayed[0].receipt(answer)["outcome"] == "ok"


@pytest.mark.parametrize("name", ["plain", "comments", "carriage returns", "bare carriage returns", "mixed line ends"])
def test_a_stream_that_is_cut_anywhere_passes_byte_for_byte(relayed: tuple[Gateway, Upstream], name: str) -> None:
    stream = STREAMS[name]
    for place in range(1, len(stream)):
        relayed[1].script = streamed(stream[:place], stream[place:])
        assert ask(relayed, STREAM).body == stream, f"cut at {place}"
    relayed[1].script = streamed(*(stream[place : place + 1] for place in range(len(stream))))
    assert ask(relayed, STREAM).body == stream, "byte by byte"


HIDDEN: dict[str, tuple[bytes, bytes]] = {
    "last event": (
        b"data: %b\n\ndata: %b\n\n" % (delta(b"a"), FINISH) + b'data: {"id":"c","choices":[],"usage":%b}\n\n' % USAGE,
        b"data: %b\n\ndata: %b\n\n" % (delta(b"a"), FINISH),
    ),
    "null in each event": (
        b"data: %b\n\n" % delta(b"a", b',"usage":null')
        + b"data: %b\n\n" % delta(b"b", b', "usage" : null')
        + b"data: %b\n\n" % FINISH
        + b'data: {"choices":[],"usage":%b}\n\n' % USAGE,
        b"data: %b\n\ndata: %b\n\ndata: %b\n\n" % (delta(b"a"), delta(b"b"), FINISH),
    ),
    "null first": (
        b'data: {"usage":null,"choices":[{"delta":{"content":"a"}}]}\n\ndata: %b\n\n' % FINISH
        + b'data: {"choices":[],"usage":%b}\n\n' % USAGE,
        b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: %b\n\n' % FINISH,
    ),
    "a usage within": (
        b'data: {"choices":[{"delta":{"content":"a"},"usage":null}],"usage":null}\n\ndata: %b\n\n' % FINISH
        + b'data: {"choices":[],"usage":%b}\n\n' % USAGE,
        b'data: {"choices":[{"delta":{"content":"a"},"usage":null}]}\n\ndata: %b\n\n' % FINISH,
    ),
    "with the last choice": (
        b"data: %b\n\n" % delta(b"a") + b'data: {"choices":[{"finish_reason":"stop"}],"usage":%b}\n\n' % USAGE,
        b"data: %b\n\n" % delta(b"a") + b'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
    ),
    "null beside no choice": (
        b'data: {"choices":[],"prompt_filter_results":[{"x":1}],"usage":null}\n\ndata: %b\n\n' % FINISH
        + b'data: {"choices":[],"usage":%b}\n\n' % USAGE,
        b'data: {"choices":[],"prompt_filter_results":[{"x":1}]}\n\ndata: %b\n\n' % FINISH,
    ),
}


@pytest.mark.parametrize(("sent", "left"), HIDDEN.values(), ids=HIDDEN.keys())
def test_usage_that_only_we_asked_for_is_hidden_and_booked(
    relayed: tuple[Gateway, Upstream], sent: bytes, left: bytes
) -> None:
    relayed[1].script = streamed(sent + DONE)

    answer = ask(relayed, STREAM)

    assert answer.body == left + DONE
    receipt = relayed[0].receipt(answer)
    assert receipt["usage"] == {"input_tokens": 11, "output_tokens": 7}
    assert receipt["cost_nano_usd"] == 11 * 1000 + 7 * 2000


@pytest.mark.parametrize("sent", [sent for sent, _ in HIDDEN.values()], ids=HIDDEN.keys())
def test_usage_that_the_caller_asked_for_is_kept(relayed: tuple[Gateway, Upstream], sent: bytes) -> None:
    relayed[1].script = streamed(sent + DONE)

    answer = ask(relayed, STREAM_USAGE)

    assert answer.body == sent + DONE
    assert relayed[0].receipt(answer)["usage"] == {"input_tokens": 11, "output_tokens": 7}


def test_hidden_usage_leaves_no_trace_wherever_the_stream_is_cut(relayed: tuple[Gateway, Upstream]) -> None:
    sent, left = HIDDEN["null in each event"]
    for place in range(1, len(sent), 3):
        relayed[1].script = streamed(sent[:place], sent[place:] + DONE)
        assert ask(relayed, STREAM).body == left + DONE, f"cut at {place}"


def test_a_receipt_names_what_the_upstream_says_it_is(relayed: tuple[Gateway, Upstream]) -> None:
    first = b'data: {"choices":[],"model":"","prompt_filter_results":[]}\n\n'
    then = b'data: {"choices":[{"finish_reason":"stop"}],"model":"up-1-0125","system_fingerprint":"fp_9"}\n\n'
    relayed[1].script = streamed(first, then + DONE)

    receipt = relayed[0].receipt(ask(relayed, STREAM))

    assert (receipt["served"], receipt["served_model"], receipt["fingerprint"]) == ("gpt-test", "up-1-0125", "fp_9")
