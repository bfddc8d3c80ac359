import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from bodies import chats, last, segments, written
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from antiphon.core.body import Body, Edit
from antiphon.core.error import BadRequest
from antiphon.core.request import Head, Spots
from antiphon.wire.bounds import MAX_COUNT, MAX_NAME
from antiphon.wire.openai_chat import head as reading
from antiphon.wire.openai_chat.head import messages_spot, read, read_long
from antiphon.wire.places import fields_of

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
READERS: dict[str, Callable[[Body], tuple[Head, Spots]]] = {
    "at once": lambda body: read(body, "/v1/chat/completions"),
    "in slices": lambda body: last(read_long(body, "/v1/chat/completions")),
}
either = pytest.mark.parametrize("reader", READERS.values(), ids=READERS)


def body_of(**fields: Any) -> Body:
    return Body((json.dumps({"model": "m", "messages": [], **fields}).encode(),))


@often
@given(chats(), st.data())
def test_both_readers_agree_on_any_body(case: tuple[dict[str, Any], bytes], data: st.DataObject) -> None:
    _, text = case

    head, spots = READERS["at once"](Body((text,)))
    long_head, long_spots = READERS["in slices"](Body(data.draw(segments(text))))

    assert long_head == head
    assert json.loads(text[slice(*long_spots.model)]) == json.loads(text[slice(*spots.model)])
    assert (long_spots.stream_options is None) == (spots.stream_options is None)


TEXTS = st.sampled_from(["", "x", "a: b", ':"', "\\", '\\":', "\n", "é", '"a":1', "\\\\"]) | st.text(max_size=8)
LIMITS = st.sampled_from([0, 1, 9, MAX_COUNT, MAX_COUNT + 1, 1.0, True, None, "9"])


@often
@given(
    st.lists(st.fixed_dictionaries({"role": TEXTS, "content": TEXTS}, optional={"name": TEXTS}), max_size=3),
    st.fixed_dictionaries(
        {"model": TEXTS},
        optional={
            "stream": st.sampled_from([True, False, None, 1]),
            "temperature": st.sampled_from([0, 0.5, "hot", None]),
            "max_tokens": LIMITS,
            "max_completion_tokens": LIMITS,
            "seed": st.integers(),
            "user": TEXTS | st.just("u" * (MAX_NAME + 1)),
            "top_p": st.just(1),
            "n": st.just(2),
        },
    ),
    st.booleans(),
    st.sampled_from(["", ',"model":"x"', ',"seed":1', ', "seed" :1,"seed": 2', ',"x":{"a":1,"a":2}']),
    st.sampled_from([None, 1]),
)
def test_a_plain_body_is_read_quickly_as_it_would_be_slowly(
    messages: list[dict[str, str]], fields: dict[str, Any], escaped: bool, more: str, indent: int | None
) -> None:
    written = json.dumps({**fields, "messages": messages}, ensure_ascii=escaped, indent=indent)
    text = (written.rstrip("}\n") + more + "}").encode(errors="surrogatepass")

    quick = reading._read_plain(text, "/")

    if quick is not None:
        assert quick == reading._read(text, Body((text,)), "/")


@often
@given(chats())
def test_the_head_says_what_the_fields_say(case: tuple[dict[str, Any], bytes]) -> None:
    fields, text = case

    head, _ = READERS["at once"](Body((text,)))

    limit = fields.get("max_completion_tokens") or fields.get("max_tokens")
    parts = [
        part["type"]
        for message in fields["messages"]
        for part in (message["content"] if isinstance(message["content"], list) else [])
    ]
    assert (head.dialect, head.endpoint, head.model) == ("openai_chat", "/v1/chat/completions", fields["model"])
    assert head.stream == bool(fields.get("stream"))
    assert head.wants_usage == bool((fields.get("stream_options") or {}).get("include_usage"))
    assert (head.output_tokens, head.answers) == (limit, fields.get("n") or 1)
    assert head.user == (fields.get("user") or "")
    assert head.needs == {
        need
        for need, needed in {
            "tools": fields.get("tools") or fields.get("functions"),
            "structured_output": (fields.get("response_format") or {"type": "text"})["type"] != "text",
            "reasoning": fields.get("reasoning_effort"),
            "logprobs": fields.get("logprobs"),
            "multiple_answers": (fields.get("n") or 1) > 1,
            "images": "image_url" in parts,
            "audio": "input_audio" in parts,
            "files": "file" in parts,
        }.items()
        if needed
    }


@often
@given(chats(), st.data())
def test_an_edit_at_the_models_spot_replaces_the_top_level_model_alone(
    case: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    fields, text = case
    for reader, body in (
        (READERS["at once"], Body((text,))),
        (READERS["in slices"], Body(data.draw(segments(text)))),
    ):
        _, spots = reader(body)

        edited = body.edited((Edit(*spots.model, b'"other"'),)).whole()

        assert json.loads(edited) == {**fields, "model": "other"}
        start, end = spots.model
        assert edited == text[:start] + b'"other"' + text[end:]


MODEL_TWICE = [
    rb'{"model":"a","messages":[{"model":"b"}]}',
    rb'{"messages":[{"model":"b"}],"model":"a"}',
    rb'{"messages":[{"role":"user","content":"\"model\":\"b\""}],"model":"a"}',
    rb'{"messages":["model"],"model":"a","x":"model"}',
    rb'{"mod\u0065l":"a","messages":[{"model":"b"}]}',
    rb'{"messages":[],"mod\u0065l":"a","tools":[{"model":"b"}]}',
    rb'{"messages":[],"x":{"model":"b"},"mod\u0065l":"a"}',
    rb'{"messages":[],"model" : "a" ,"tools":[{"function":{"parameters":{"properties":{"model":{"type":"x"}}}}}]}',
    rb'{"x":{"model":"b"},"model":"a","messages":[],"y":{"model":"c"}}',
    rb'{"x":[{"model":"b"}],"messages":[],"model":"a"}',
    rb'{"x":"{\"model\":\"b\"}","messages":[],"model":"a"}',
    rb'{"x":"\\","model":"a","messages":[]}',
    rb'{"messages":[],"model":"a","x":["\\\"model\":"]}',
    rb'{"messages":[],"model":"a","models":["b"],"x_model":"c"}',
    rb'{"messages":[],"model":"a","metadata":{"a":1,"model":"b"}}',
    b'\r\n\t {\n"model"\n:\n"a"\n,\n"messages"\n:\n[\n]\n}\n ',
]


@either
@pytest.mark.parametrize("text", MODEL_TWICE)
def test_other_models_in_a_body_stay_as_they_are(reader: Callable[[Body], tuple[Head, Spots]], text: bytes) -> None:
    head, spots = reader(Body((text,)))

    edited = Body((text,)).edited((Edit(*spots.model, b'"OTHER"'),)).whole()

    assert head.model == "a"
    assert json.loads(edited) == {**json.loads(text), "model": "OTHER"}
    assert edited.count(b"OTHER") == 1


@either
@pytest.mark.parametrize(
    ("text", "param"),
    [
        (b'{"model":"a","messages":[],"model":"b"}', "model"),
        (rb'{"model":"a","messages":[],"mod\u0065l":"b"}', "model"),
        (b'{"model":"a","messages":[],"messages":[]}', "messages"),
        (b'{"model":"a","messages":[],"x":1,"x":1}', "x"),
        (b'{"model":"a","messages":[],"":1,"":1}', ""),
        (
            b'{"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
            "include_usage",
        ),
        (b'{"model":"a","messages":[],"response_format":{"type":"text","type":"json_object"}}', "type"),
        (b'{"model":"a","messages":[],"' + b"k" * 200 + b'":1,"' + b"k" * 200 + b'":1}', "k" * 64),
    ],
)
def test_a_key_that_comes_twice_is_refused(
    reader: Callable[[Body], tuple[Head, Spots]], text: bytes, param: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        reader(Body((text,)))

    assert caught.value.param == param
    assert caught.value.said_status == 400


@either
@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 4}, "model"),
        ({"model": ["a"]}, "model"),
        ({"model": "m" * (MAX_NAME + 1)}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": {}}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"stream": True, "stream_options": "usage"}, "stream_options"),
        ({"stream_options": {}}, "stream_options"),
        ({"stream": False, "stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": None, "stream_options": {}}, "stream_options"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": "10"}, "max_tokens"),
        ({"max_tokens": MAX_COUNT + 1}, "max_tokens"),
        ({"max_tokens": 10**300}, "max_tokens"),
        ({"max_completion_tokens": 0, "max_tokens": 5}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": [1]}, "n"),
        ({"user": 7}, "user"),
        ({"user": {"name": "x" * 5000}}, "user"),
    ],
)
def test_a_mistake_is_named(reader: Callable[[Body], tuple[Head, Spots]], wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        reader(body_of(**wrong))

    assert caught.value.param == param
    assert f"`{param}`" in caught.value.message
    assert len(caught.value.message) < 200


@either
@pytest.mark.parametrize("missing", ["model", "messages"])
def test_a_field_that_must_be_there_is_named(reader: Callable[[Body], tuple[Head, Spots]], missing: str) -> None:
    fields = {"model": "m", "messages": []}
    del fields[missing]

    with pytest.raises(BadRequest) as caught:
        reader(Body((json.dumps(fields).encode(),)))

    assert caught.value.param == missing


@either
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b'"model"',
        b"null",
        b'{"model":"a","messages":[]',
        b'{"model":"a","messages":[]}}',
        b'{"model":"a","messages":[]},',
        b':{"model":"a","messages":[]}',
        b',{"model":"a","messages":[]}',
        b'{"model":"a","messages":[],}',
        b'{,"model":"a","messages":[]}',
        b'{"model":"a" "model":"b","messages":[]}',
        b'{"model":"a":"b","messages":[]}',
        b'{"model":"a",,"messages":[]}',
        b'{model:"a","messages":[]}',
        b'{"model" x :"a","messages":[]}',
        b'{"model":"a","messages":[]} x',
        b'{"model":"a","messages":[]}{"model":"b","messages":[]}',
        b'{["model"]:"a","messages":[]}',
        b'{{}:"a","messages":[]}',
        b'{"model":"a","messages":[}]',
        b'{"model":"a","messages":[]]',
        b'{"model":"a,"messages":[]}',
        b'{"model":nan,"messages":[]}',
        b'{"model":,"messages":[]}',
        b'{"model":"a","messages":[],"n":NaN}',
        b'{"model":"a","messages":[],"stream_options":{]}',
        b'{"model":"a","messages":' + b"[" * 200 + b"]" * 200 + b"}",
        b"\xef\xbb\xbf" + b'{"model":"a","messages":[]}',
        rb'{"model":"\ud800","messages":[]}',
        rb'{"model":"a","\ud800":1,"\ud800":2,"messages":[]}',
        b'{"model":"\xff","messages":[]}',
    ],
)
def test_what_is_no_json_object_is_refused(reader: Callable[[Body], tuple[Head, Spots]], text: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        reader(Body((text,)))

    caught.value.message.encode()
    (caught.value.param or "").encode()


@either
@pytest.mark.parametrize(
    ("options", "wants"),
    [
        ({}, False),
        ({"stream_options": None}, False),
        ({"stream_options": {}}, False),
        ({"stream_options": {"include_usage": None}}, False),
        ({"stream_options": {"include_usage": False}}, False),
        ({"stream_options": {"include_usage": True}}, True),
        ({"stream_options": {"include_usage": True, "include_obfuscation": False}}, True),
    ],
)
def test_a_caller_wants_usage_when_its_options_say_so(
    reader: Callable[[Body], tuple[Head, Spots]], options: dict[str, Any], wants: bool
) -> None:
    body = body_of(stream=True, **options)

    head, spots = reader(body)

    assert (head.stream, head.wants_usage) == (True, wants)
    said = None if spots.stream_options is None else json.loads(body.slice(*spots.stream_options))
    assert said == options.get("stream_options")


@either
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 7, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": None}, 5),
        ({"max_tokens": None}, None),
        ({"max_tokens": MAX_COUNT}, MAX_COUNT),
    ],
)
def test_the_newer_limit_counts(
    reader: Callable[[Body], tuple[Head, Spots]], limits: dict[str, Any], expected: int | None
) -> None:
    assert reader(body_of(**limits))[0].output_tokens == expected


@either
def test_a_long_users_name_is_kept_short(reader: Callable[[Body], tuple[Head, Spots]]) -> None:
    assert reader(body_of(user="u" * 1000))[0].user == "u" * MAX_NAME


@either
@pytest.mark.parametrize(
    ("content", "need"),
    [
        ('[{"type":"image_url","image_url":{"url":"https://x"}}]', "images"),
        (r'[{"type":"im\u0061ge_url"}]', "images"),
        (r'[{"type":"\u0069\u006d\u0061\u0067\u0065\u005F\u0075\u0072\u006C"}]', "images"),
        (r'[{"type":"input\u005faudio"}]', "audio"),
        ('[{"type":"file"}]', "files"),
        (r'[{"type" : "\u0066ile"}]', "files"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_media_are_seen_however_they_are_spelt_and_cut(
    reader: Callable[[Body], tuple[Head, Spots]], content: str, need: str, size: int
) -> None:
    text = f'{{"model":"m","messages":[{{"role":"user","content":{content}}}]}}'.encode()

    head, _ = reader(Body(tuple(text[at : at + size] for at in range(0, len(text), size))))

    assert head.needs == {need}


@either
@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"parameters": {"properties": {"file": {}, "image_url": {}}}}}]},
        {"messages": [{"role": "user", "content": 'what is an image_url, a file, an "input_audio"?'}], "tools": [1]},
        {"metadata": {"type": "file"}, "functions": [{"name": "file"}]},
    ],
)
def test_words_elsewhere_are_no_media(reader: Callable[[Body], tuple[Head, Spots]], fields: dict[str, Any]) -> None:
    assert reader(body_of(**fields))[0].needs == {"tools"}


@either
@pytest.mark.parametrize(
    "messages",
    [
        [None, 1, "x", [], {}],
        [{"content": {"type": "file"}}],
        [{"content": [None, 1, {"type": 1}, {"type": None}, {"type": ["file_"]}, {}]}],
    ],
)
def test_messages_of_any_shape_are_left_to_the_upstream(
    reader: Callable[[Body], tuple[Head, Spots]], messages: list[Any]
) -> None:
    body = body_of(messages=messages)
    if reader is READERS["at once"]:
        assert reader(body)[0].needs == frozenset()
    else:
        assert reader(body)[0].needs <= {"files"}, "a mark that is no part may be taken for one, never the reverse"


@often
@given(chats(), st.data())
@example((None, b'{"messages" : [ \n ] ,"model":"a"}'), None)
def test_a_message_can_be_put_first(case: tuple[dict[str, Any], bytes], data: st.DataObject | None) -> None:
    _, text = case
    fields = json.loads(text)
    body = Body((text,)) if data is None else Body(data.draw(segments(text)))
    spots = READERS["in slices"](body)[1] if data is None or data.draw(st.booleans()) else READERS["at once"](body)[1]

    place, empty = messages_spot(body, fields_of(body, spots)["messages"])

    first = b'{"role":"system"}'
    edited = body.edited((Edit(place, place, first if empty else first + b","),)).whole()
    assert json.loads(edited) == {**fields, "messages": [{"role": "system"}, *fields["messages"]]}


def test_reading_a_long_body_lets_others_run_between_slices() -> None:
    text = written({"model": "m", "messages": [{"role": "user", "content": "hi"}] * 3000}, random.Random(1))
    body = Body(tuple(text[at : at + 4096] for at in range(0, len(text), 4096)))

    pauses = sum(found is None for found in read_long(body, "/"))

    tokens = len(re.findall(rb'["{}\[\]]', text))
    assert pauses >= tokens // 2 // 2000 + len(body.segments)
