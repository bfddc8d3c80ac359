import json

from openai.types.chat import ChatCompletion, ChatCompletionChunk

from antiphon.wire.openai_chat.last_resort import MODEL, encode
from antiphon.wire.openai_chat.relay import ChunkRelay as Relay

TEXT = 'Call "us".\n'


def test_a_whole_answer_is_written_in_these_bytes() -> None:
    assert encode(TEXT, "r-1", 7, stream=False) == (
        b'{"id":"chatcmpl-r-1","object":"chat.completion","created":7,"model":"antiphon/last-resort",'
        b'"choices":[{"index":0,"message":{"role":"assistant","content":"Call \\"us\\".\\n"},"finish_reason":"stop"}]}'
    )


def test_a_stream_is_written_in_these_bytes() -> None:
    head = b'data: {"id":"chatcmpl-r-1","object":"chat.completion.chunk","created":7,"model":"antiphon/last-resort",'
    assert encode(TEXT, "r-1", 7, stream=True) == (
        head
        + b'"choices":[{"index":0,"delta":{"role":"assistant","content":"Call \\"us\\".\\n"},"finish_reason":null}]}'
        b"\n\n" + head + b'"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )


def test_a_client_reads_the_text_and_who_wrote_it() -> None:
    answer = ChatCompletion.model_validate_json(encode(TEXT, "r-1", 7, stream=False))

    assert (answer.model, answer.choices[0].message.content, answer.usage) == (MODEL, TEXT, None)


def test_a_client_reads_a_stream_to_its_end() -> None:
    stream = encode(TEXT, "r-1", 7, stream=True)
    *events, done = stream.decode().removesuffix("\n\n").split("\n\n")

    chunks = [ChatCompletionChunk.model_validate(json.loads(event.removeprefix("data: "))) for event in events]
    relay = Relay(hide_usage=False)

    assert done == "data: [DONE]"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert (relay.feed(stream), relay.done, relay.finished) == (stream, True, True)
