"""The operations with one dialect: read, put and passed on byte for byte."""

import json
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import ImagesResponse, ModerationCreateResponse
from openai.types.audio import Transcription, TranscriptionDiarized, TranscriptionVerbose
from operations import asked, compact, event, passed, refusing, sent, survives

from antiphon.core.error import BadRequest, OverLimit, UpstreamBroken, UpstreamError, UpstreamMalformed
from antiphon.core.request import Head
from antiphon.core.usage import Usage
from antiphon.wire.codec import JSON, AnyCodec, Terms
from antiphon.wire.cohere_rerank.codec import CohereRerank
from antiphon.wire.losses import Losses
from antiphon.wire.multipart import boundary_of, read
from antiphon.wire.openai_images.codec import OpenAIImages
from antiphon.wire.openai_moderations.codec import USUAL_MODEL, OpenAIModerations
from antiphon.wire.openai_speech.codec import OpenAISpeech
from antiphon.wire.openai_transcription.codec import OpenAITranscription

MODERATIONS, RERANK, IMAGES = OpenAIModerations(), CohereRerank(), OpenAIImages()
SPEECH, TRANSCRIPTION = OpenAISpeech(), OpenAITranscription()
ALL: tuple[AnyCodec, ...] = (MODERATIONS, RERANK, IMAGES, SPEECH, TRANSCRIPTION)
BODIES: tuple[tuple[AnyCodec, dict[str, Any]], ...] = (
    (MODERATIONS, {"input": ["a", "b"], "model": "m"}),
    (RERANK, {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1}),
    (IMAGES, {"prompt": "a cat", "model": "m", "n": 2, "stream": False}),
    (SPEECH, {"model": "m", "input": "héllo", "voice": "alloy"}),
)
DATA = {"model": "m", "response_format": "json", "temperature": "0"}


def form(data: dict[str, str], name: str = "file") -> tuple[bytes, bytes]:
    """A form and its content type, as the SDK sends them."""
    request = httpx2.Request("POST", "http://x/", data=data, files={name: ("a.mp3", b"\x00\r\n--\xff", "audio/mpeg")})
    return request.read(), request.headers["content-type"].encode()


@pytest.mark.parametrize("cut", [0, 1, 1000])
@pytest.mark.parametrize(("codec", "body"), BODIES, ids=lambda one: getattr(one, "name", ""))
def test_only_the_model_is_changed_on_the_way(codec: AnyCodec, body: dict[str, Any], cut: int) -> None:
    request = asked(codec, body, cut=cut)
    assert (request.head.dialect, request.head.model, request.head.needs) == (codec.name, "m", frozenset())
    put = sent(codec, request, "up")
    assert put.body.whole() == compact({**body, "model": "up"})
    assert (put.losses, put.content_type) == ((), JSON)


@pytest.mark.parametrize(("codec", "body"), BODIES, ids=lambda one: getattr(one, "name", ""))
def test_a_body_with_the_right_model_is_not_touched(codec: AnyCodec, body: dict[str, Any]) -> None:
    request = asked(codec, body)
    assert sent(codec, request, "m").body is request.body


@pytest.mark.parametrize("cut", [0, 5])
def test_a_model_that_the_body_does_not_name_is_put_in(cut: int) -> None:
    request = asked(MODERATIONS, b' \n {"input": "x", "y": 1}', cut=cut)
    assert request.head.model == USUAL_MODEL
    assert sent(MODERATIONS, request, "up").body.whole() == b' \n {"model":"up","input": "x", "y": 1}'


def test_a_model_that_the_path_names_wins() -> None:
    request = asked(SPEECH, {"model": "other", "input": "x"}, model="path")
    assert request.head.model == "path"
    assert json.loads(sent(SPEECH, request, "up").body.whole()) == {"model": "up", "input": "x"}


@pytest.mark.parametrize("cut", [0, 4])
@pytest.mark.parametrize(
    ("codec", "body", "param"),
    [
        (MODERATIONS, {"model": "m"}, "input"),
        (MODERATIONS, {"model": "m", "input": 1}, "input"),
        (MODERATIONS, {"model": 3, "input": "x"}, "model"),
        (RERANK, {"query": "q", "documents": ["a"]}, "model"),
        (RERANK, {"model": "m", "documents": ["a"]}, "query"),
        (RERANK, {"model": "m", "query": "q", "documents": "a"}, "documents"),
        (IMAGES, {"prompt": "a cat"}, "model"),
        (IMAGES, {"model": "m"}, "prompt"),
        (IMAGES, {"model": "m", "prompt": "x", "n": 0}, "n"),
        (IMAGES, {"model": "m", "prompt": "x", "stream": "yes"}, "stream"),
        (SPEECH, {"model": "m", "input": ["x"]}, "input"),
        (SPEECH, {"model": "m", "input": "x", "stream_format": "mp3"}, "stream_format"),
        (SPEECH, {"model": "m" * 300, "input": "x"}, "model"),
    ],
)
def test_what_is_wrong_is_named(codec: AnyCodec, body: dict[str, Any], param: str, cut: int) -> None:
    with pytest.raises(BadRequest) as caught:
        asked(codec, body, cut=cut)
    assert caught.value.param == param
    assert json.loads(codec.error(caught.value))["error"]["param"] == param


def test_a_field_that_the_upstream_refuses_is_left_out_and_told() -> None:
    request = asked(RERANK, {"model": "m", "query": "q", "documents": ["a"], "return_documents": True})
    put = sent(RERANK, request, "up", quirks=refusing("return_documents", "priority"))
    assert json.loads(put.body.whole()) == {"model": "up", "query": "q", "documents": ["a"]}
    assert [(loss.field, loss.effect, loss.adapted) for loss in put.losses] == [("return_documents", "left out", False)]


def test_a_field_that_the_upstream_calls_otherwise_is_renamed() -> None:
    request = asked(RERANK, {"model": "m", "query": "q", "documents": ["a"], "top_n": 3})
    put = sent(RERANK, request, "up", quirks=refusing("top_n"))
    assert json.loads(put.body.whole()) == {"model": "up", "query": "q", "documents": ["a"], "top_k": 3}
    assert [(loss.field, loss.effect, loss.adapted) for loss in put.losses] == [("top_n", "sent as top_k", True)]


RANKED = [{"index": 0, "relevance_score": 0.9}]


@pytest.mark.parametrize(
    ("answer", "usage", "note"),
    [
        ({"results": RANKED, "meta": {"billed_units": {"search_units": 1}}}, None, "search units"),
        ({"results": RANKED, "meta": {"tokens": {"input_tokens": 7.0}}}, Usage(input_tokens=7), ""),
        ({"results": RANKED, "usage": {"total_tokens": 9}}, Usage(input_tokens=9), ""),
        ({"data": RANKED, "usage": {"total_tokens": 9}}, Usage(input_tokens=9), ""),
        ({"results": [], "usage": {"prompt_tokens": 4, "total_tokens": 4}}, Usage(input_tokens=4), ""),
        ({"results": [], "usage": {"total_tokens": -1}}, None, "-1"),
        ({"results": [], "usage": {"total_tokens": 1.5}}, None, "1.5"),
        ({"results": []}, None, ""),
    ],
)
def test_a_ranking_says_what_it_used_in_one_of_many_ways(answer: Any, usage: Usage | None, note: str) -> None:
    facts = RERANK.facts(json.dumps({**answer, "model": "r"}).encode())
    assert (facts.usage, facts.model) == (usage, "r")
    assert note in facts.usage_note
    assert bool(note) == bool(facts.usage_note)


def test_coheres_own_words_on_a_refusal_reach_the_caller() -> None:
    error = UpstreamError("refused")
    RERANK.pass_on(error, b'{"id":"x","message":"invalid documents"}')
    assert error.message == "invalid documents"
    RERANK.pass_on(error, b'{"error":{"message":"as OpenAI says it","code":7}}')
    assert (error.message, error.shown_code) == ("as OpenAI says it", "7")


@pytest.mark.parametrize("cut", [0, 1, 7])
@pytest.mark.parametrize("codec", [TRANSCRIPTION, IMAGES], ids=lambda one: one.name)
def test_only_the_model_of_a_form_is_changed(codec: AnyCodec, cut: int) -> None:
    body, content_type = form({**DATA, "stream": "true", "n": "2", "user": "u"})
    request = asked(codec, body, content_type=content_type, cut=cut)
    head = request.head
    assert (head.model, head.stream, head.user) == ("m", True, "u")
    put = sent(codec, request, "a-longer-name")
    assert put.body.whole() == body.replace(b"\r\nm\r\n", b"\r\na-longer-name\r\n")
    assert boundary_of(put.content_type) == boundary_of(content_type)
    assert read(put.body, put.content_type).text(put.body, "model") == "a-longer-name"


def test_a_field_of_a_form_that_the_upstream_refuses_is_left_out() -> None:
    body, content_type = form(DATA)
    request = asked(TRANSCRIPTION, body, content_type=content_type)
    put = sent(TRANSCRIPTION, request, "up", quirks=refusing("temperature", "nothing"))
    found = read(put.body, put.content_type)
    assert [part.name for part in found.parts] == ["model", "response_format", "file"]
    assert [loss.field for loss in put.losses] == ["temperature"]


def test_a_model_that_a_form_does_not_name_is_put_in() -> None:
    body, content_type = form({"response_format": "text"})
    request = asked(TRANSCRIPTION, body, content_type=content_type, model="path")
    put = sent(TRANSCRIPTION, request, "path")
    assert read(put.body, put.content_type).text(put.body, "model") == "path"
    assert put.body.whole().endswith(body)


@pytest.mark.parametrize(
    ("data", "name", "param"),
    [
        ({}, "file", "model"),
        ({"model": "m"}, "sound", "file"),
        ({"model": "m", "stream": "maybe"}, "file", "stream"),
    ],
)
def test_what_is_wrong_in_a_form_is_named(data: dict[str, str], name: str, param: str) -> None:
    body, content_type = form(data, name)
    with pytest.raises(BadRequest) as caught:
        asked(TRANSCRIPTION, body, content_type=content_type)
    assert caught.value.param == param


def test_a_count_of_a_form_is_checked() -> None:
    body, content_type = form({"model": "m", "n": "ten"}, "image")
    with pytest.raises(BadRequest, match="`n`"):
        asked(IMAGES, body, content_type=content_type)


GPT_IMAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 100,
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 100},
    "total_tokens": 150,
}
TOKENS = {"type": "tokens", "input_tokens": 20, "output_tokens": 5, "total_tokens": 25}


@pytest.mark.parametrize(
    ("codec", "answer", "kind", "usage"),
    [
        (MODERATIONS, {"id": "modr", "model": "o", "results": []}, ModerationCreateResponse, None),
        (IMAGES, {"created": 1, "data": [{"url": "u"}, {"url": "v"}]}, ImagesResponse, Usage(images=2)),
        (
            IMAGES,
            {"created": 1, "data": [{"b64_json": "AAAA"}], "usage": GPT_IMAGE},
            ImagesResponse,
            Usage(input_tokens=50, output_tokens=100, input_image_tokens=40, output_image_tokens=100, images=1),
        ),
        (
            TRANSCRIPTION,
            {"text": "hi", "usage": {**TOKENS, "input_token_details": {"audio_tokens": 18, "text_tokens": 2}}},
            Transcription,
            Usage(input_tokens=20, output_tokens=5, input_audio_tokens=18),
        ),
        (
            TRANSCRIPTION,
            {"text": "hi", "usage": {"type": "duration", "seconds": 2.5}},
            Transcription,
            Usage(audio_ms=2500),
        ),
        (
            TRANSCRIPTION,
            {"text": "hi", "duration": 8.47, "language": "english", "task": "transcribe"},
            TranscriptionVerbose,
            Usage(audio_ms=8470),
        ),
        (
            TRANSCRIPTION,
            {"text": "hi", "duration": 3, "segments": [], "task": "transcribe", "usage": TOKENS},
            TranscriptionDiarized,
            Usage(input_tokens=20, output_tokens=5),
        ),
    ],
)
def test_facts_of_answers_that_the_sdk_reads(codec: AnyCodec, answer: Any, kind: Any, usage: Usage | None) -> None:
    kind.model_validate(answer)
    facts = codec.facts(json.dumps(answer).encode())
    assert (facts.usage, facts.usage_note) == (usage, "")


@pytest.mark.parametrize(
    ("codec", "answer"),
    [
        (IMAGES, {"data": [], "usage": {"input_tokens": 1}}),
        (IMAGES, {"data": [], "usage": {**GPT_IMAGE, "output_tokens": 99}}),
        (IMAGES, {"data": [], "usage": {**GPT_IMAGE, "input_tokens_details": 3}}),
        (TRANSCRIPTION, {"text": "", "usage": {"type": "duration", "seconds": -1}}),
        (TRANSCRIPTION, {"text": "", "usage": {"type": "tokens", "input_tokens": 10**30, "output_tokens": 1}}),
        (TRANSCRIPTION, {"text": "", "usage": "much"}),
        (TRANSCRIPTION, {"text": "", "duration": "long"}),
    ],
)
def test_a_usage_that_can_not_be_believed_is_none_and_says_why(codec: AnyCodec, answer: Any) -> None:
    facts = codec.facts(json.dumps(answer).encode())
    assert facts.usage is None
    assert facts.usage_note


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (MODERATIONS, b'{"id":"x"}'),
        (RERANK, b'{"id":"x"}'),
        (IMAGES, b"[]"),
        (SPEECH, b""),
        (TRANSCRIPTION, b"\xff"),
    ],
)
def test_what_is_no_answer_is_malformed(codec: AnyCodec, body: bytes) -> None:
    with pytest.raises(UpstreamMalformed):
        codec.facts(body)


def test_a_transcript_may_be_plain_text_or_subtitles() -> None:
    for text in ("1\n00:00:00,000 --> 00:00:01,000\nhé\n", "{half a brace", ""):
        assert TRANSCRIPTION.facts(text.encode()).usage is None
    with pytest.raises(UpstreamError, match="error"):
        TRANSCRIPTION.facts(b'{"error":{"message":"no"}}')


def test_content_types_that_answers_may_have() -> None:
    assert [
        SPEECH.takes(kind) for kind in (b"audio/mpeg", b"Audio/PCM", b"application/octet-stream", b"text/html")
    ] == [
        True,
        True,
        True,
        False,
    ]
    kinds = (b"application/json; charset=utf-8", b"text/plain", b"text/vtt", b"text/html", b"audio/mpeg")
    assert [TRANSCRIPTION.takes(kind) for kind in kinds] == [True, True, True, False, False]


@pytest.mark.parametrize("cut", [0, 6])
def test_the_characters_of_speech_are_those_of_its_request(cut: int) -> None:
    request = asked(SPEECH, {"model": "m", "input": "h\u00e9\n\U0001f600"}, cut=cut)
    assert SPEECH.used(request) == Usage(characters=4)


STREAMS: tuple[tuple[AnyCodec, bytes, Usage | None], ...] = (
    (
        SPEECH,
        event(type="speech.audio.delta", audio="AAAA")
        + event(type="speech.audio.done", usage={"input_tokens": 3, "output_tokens": 9, "total_tokens": 12}),
        Usage(input_tokens=3, output_tokens=9),
    ),
    (
        TRANSCRIPTION,
        event(type="transcript.text.delta", delta="h")
        + event(type="transcript.text.done", text="h", usage=TOKENS)
        + b"data: [DONE]\n\n",
        Usage(input_tokens=20, output_tokens=5),
    ),
    (
        IMAGES,
        event(type="image_generation.partial_image", b64_json="AA==", partial_image_index=0)
        + event(type="image_generation.completed", b64_json="AA==", usage=GPT_IMAGE)
        + event(type="image_generation.completed", b64_json="AA==", usage=GPT_IMAGE),
        Usage(input_tokens=100, output_tokens=200, input_image_tokens=80, images=2, output_image_tokens=200),
    ),
)


@pytest.mark.parametrize("cut", [1, 5, 10_000])
@pytest.mark.parametrize(("codec", "stream", "usage"), STREAMS, ids=lambda one: getattr(one, "name", ""))
def test_a_stream_passes_byte_for_byte_and_tells_its_usage(
    codec: AnyCodec, stream: bytes, usage: Usage | None, cut: int
) -> None:
    relay = codec.relay(hides_usage=False)
    assert passed(relay, b": hi\n\n" + stream, cut) == b": hi\n\n" + stream
    assert (relay.usage, relay.content_seen, relay.usage_note) == (usage, True, "")


@pytest.mark.parametrize(("codec", "stream", "usage"), STREAMS, ids=lambda one: getattr(one, "name", ""))
def test_a_stream_that_breaks_off_is_broken(codec: AnyCodec, stream: bytes, usage: Usage | None) -> None:
    del usage
    first = stream[: stream.index(b"\n\n") + 2]
    with pytest.raises(UpstreamBroken):
        passed(codec.relay(hides_usage=False), first, 10_000)
    with pytest.raises(UpstreamBroken):
        passed(codec.relay(hides_usage=False), first + b"data: {", 10_000)


@pytest.mark.parametrize("codec", [SPEECH, TRANSCRIPTION, IMAGES], ids=lambda one: one.name)
def test_an_error_amid_a_stream_is_a_failure_and_not_passed_on(codec: AnyCodec) -> None:
    relay = codec.relay(hides_usage=False)
    assert relay.feed(event(type="error", error={"message": "no"}) + event(type="x")) == b""
    assert relay.failure is not None
    with pytest.raises(UpstreamError, match="no"):
        relay.end()


@pytest.mark.parametrize("codec", ALL, ids=lambda one: one.name)
def test_what_is_never_asked_of_a_lone_dialect_does_not_pretend(codec: AnyCodec) -> None:
    head = Head(dialect=codec.name, endpoint="/", model="m")
    losses = Losses()
    for work in (
        lambda: codec.encode(None, Terms(model="m"), losses),
        lambda: codec.decode_answer(b"{}"),
        lambda: codec.encode_answer(None, head, losses),
        codec.decoder,
        lambda: codec.encoder(head, losses),
        lambda: codec.last_resort("text", "id", 1, stream=False),
    ):
        with pytest.raises(NotImplementedError, match=type(codec).__name__):
            work()


@pytest.mark.parametrize("codec", ALL, ids=lambda one: one.name)
def test_errors_are_told_as_openai_does(codec: AnyCodec) -> None:
    said = msgspec.json.decode(codec.error(OverLimit("slow down")))
    assert said["error"]["type"] == "rate_limit_error"
    assert codec.error_event(OverLimit("slow down")) == b"data: %b\n\n" % codec.error(OverLimit("slow down"))


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["model", "input", "query", "documents", "prompt", "n", "data", "results", "usage", "meta", "text"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    for codec in ALL:
        survives(codec, body)
    survives(TRANSCRIPTION, b"--b" + body, b"multipart/form-data; boundary=b")


def test_a_form_in_many_segments_is_not_joined() -> None:
    body, content_type = form(DATA)
    request = asked(TRANSCRIPTION, body, content_type=content_type, cut=10)
    segments = request.body.segments
    sent(TRANSCRIPTION, request, "up")
    assert request.body.segments is segments
