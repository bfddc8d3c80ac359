import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, GuardFailed
from antiphon.core.request import Dialect, Lineage, Request
from antiphon.guards.port import Edit, Text
from antiphon.guards.texts import answer_texts, body_texts, edited_request, texts_of
from antiphon.wire.bounds import LONG_BYTES
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

IMAGE = "data:image/png;base64," + "iVBORw0KGgo" * 20
SOUND = "UklGRiQAAABXQVZFZm10" * 8


def request_of(dialect: Dialect, body: bytes, **asked: Any) -> Request:
    segments = Body((body,))
    head, spots = CODECS[dialect].read(segments, Asked(endpoint="/x", **asked))
    return Request(
        head=head, body=segments, spots=spots, digest="d" * 64, lineage=Lineage(session="s"), lines=b"x: y\r\n"
    )


def said(dialect: Dialect, body: object, **asked: Any) -> list[tuple[str, str, str]]:
    request = request_of(dialect, json.dumps(body).encode(), **asked)
    return [(one.where, one.channel, one.text) for one in texts_of(request).items]


def call(arguments: str) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}


def test_an_openai_chat() -> None:
    tool = {
        "name": "send",
        "description": "Sends",
        "parameters": {"properties": {"to": {"type": "string", "enum": ["a"]}}},
    }
    body = {
        "model": "m",
        "messages": [
            {"role": "developer", "content": "Be kind"},
            {
                "role": "user",
                "name": "Ann B",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": IMAGE, "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://x.y/ann@mail.org"}},
                    {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
                    {"type": "file", "file": {"file_data": IMAGE, "filename": "ann.pdf"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "Hm",
                "tool_calls": [call('{"to": "a\\u0040b"}')],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sent"},
        ],
        "tools": [{"type": "function", "function": tool}],
        "stop": ["END"],
        "user": "ann@mail.org",
        "metadata": {"who": "ann"},
        "temperature": 0.5,
    }

    assert said("openai_chat", body) == [
        ("messages[0].content", "system", "Be kind"),
        ("messages[1].name", "user", "Ann B"),
        ("messages[1].content[0].text", "user", "Look"),
        ("messages[1].content[2].image_url.url", "user", "https://x.y/ann@mail.org"),
        ("messages[1].content[4].file.filename", "user", "ann.pdf"),
        ("messages[2].reasoning_content", "reasoning", "Hm"),
        ("messages[2].tool_calls[0].function.arguments.to", "arguments", "to"),
        ("messages[2].tool_calls[0].function.arguments.to", "arguments", "a@b"),
        ("messages[3].content", "tool", "sent"),
        ("tools[0].function.description", "definition", "Sends"),
        ("tools[0].function.parameters.properties.to.enum[0]", "definition", "a"),
        ("stop[0]", "field", "END"),
        ("user", "field", "ann@mail.org"),
        ("metadata.who", "field", "who"),
        ("metadata.who", "field", "ann"),
    ]


def test_openai_responses() -> None:
    body = {
        "model": "m",
        "instructions": "Be kind",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": IMAGE}],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm"}],
                "encrypted_content": "gA=",
            },
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"n": 4111111111111111}'},
            {"type": "function_call_output", "call_id": "c", "output": "done"},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "antiphon:ab12=="},
        ],
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {"description": "D"}}},
    }

    assert said("openai_responses", body) == [
        ("instructions", "system", "Be kind"),
        ("input[0].content[0].text", "user", "Hi"),
        ("input[1].summary[0].text", "reasoning", "Hm"),
        ("input[2].arguments.n", "arguments", "n"),
        ("input[2].arguments.n", "arguments", "4111111111111111"),
        ("input[3].output", "tool", "done"),
        ("text.format.schema.description", "definition", "D"),
    ]
    assert said("openai_responses", {"model": "m", "input": "Hi"}) == [("input", "user", "Hi")]


def test_anthropic_messages() -> None:
    body = {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a" * 80}},
                    {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": SOUND}},
                    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "sent"}]},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "Er+/=="},
                    {"type": "redacted_thinking", "data": "Er+/=="},
                    {"type": "tool_use", "id": "t", "name": "f", "input": {"a@b": ["x", {"type": "y"}]}},
                ],
            },
        ],
        "tools": [{"name": "f", "description": "F", "input_schema": {"type": "object"}}],
        "metadata": {"user_id": "u-1"},
    }

    assert said("anthropic_messages", body) == [
        ("system[0].text", "system", "Be kind"),
        ("messages[0].content[0].source.data", "tool", "a" * 80),
        ("messages[0].content[2].content[0].text", "tool", "sent"),
        ("messages[1].content[0].thinking", "reasoning", "Hm"),
        ("messages[1].content[2].input.*", "arguments", "a@b"),
        ("messages[1].content[2].input.*[0]", "arguments", "x"),
        ("messages[1].content[2].input.*[1].type", "arguments", "type"),
        ("messages[1].content[2].input.*[1].type", "arguments", "y"),
        ("tools[0].description", "definition", "F"),
        ("metadata.user_id", "field", "user_id"),
        ("metadata.user_id", "field", "u-1"),
    ]


@pytest.mark.parametrize("spelling", ["camel", "snake"])
def test_gemini_in_both_spellings(spelling: str) -> None:
    camel = spelling == "camel"
    call_, result, proof = (
        ("functionCall", "functionResponse", "thoughtSignature")
        if camel
        else ("function_call", "function_response", "thought_signature")
    )
    body = {
        "systemInstruction" if camel else "system_instruction": {"parts": [{"text": "Be kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"inlineData": {"mimeType": "image/png", "data": SOUND}}]},
            {
                "role": "model",
                "parts": [{"text": "Hm", "thought": True}, {call_: {"name": "f", "args": {"k": "v"}}, proof: "Aa="}],
            },
            {"role": "user", "parts": [{result: {"name": "f", "response": {"r": "sent"}}}]},
        ],
        "generationConfig": {"stopSequences": ["END"], "responseSchema": {"description": "D"}},
    }

    assert said("gemini", body, model="m") == [
        (f"{'systemInstruction' if camel else 'system_instruction'}.parts[0].text", "system", "Be kind"),
        ("contents[0].parts[0].text", "user", "Hi"),
        ("contents[1].parts[0].text", "reasoning", "Hm"),
        (f"contents[1].parts[1].{call_}.args.k", "arguments", "k"),
        (f"contents[1].parts[1].{call_}.args.k", "arguments", "v"),
        (f"contents[2].parts[0].{result}.response.r", "tool", "r"),
        (f"contents[2].parts[0].{result}.response.r", "tool", "sent"),
        ("generationConfig.stopSequences[0]", "definition", "END"),
        ("generationConfig.responseSchema.description", "definition", "D"),
    ]


@pytest.mark.parametrize(
    ("dialect", "body", "expected"),
    [
        ("openai_completions", {"model": "m", "prompt": ["a", "b"], "suffix": "c"}, ["a", "b", "c"]),
        ("openai_embeddings", {"model": "m", "input": ["a", "b"], "encoding_format": "float"}, ["a", "b"]),
        ("openai_embeddings", {"model": "m", "input": [list(range(40))]}, []),
        ("cohere_embeddings", {"model": "m", "texts": ["a"], "input_type": "search_query"}, ["a"]),
        ("cohere_rerank", {"model": "m", "query": "q", "documents": ["a", {"text": "b"}]}, ["q", "a", "b"]),
        ("openai_moderations", {"model": "m", "input": [{"type": "text", "text": "a"}]}, ["a"]),
        ("openai_images", {"model": "m", "prompt": "p", "size": "1x1"}, ["p"]),
        ("openai_speech", {"model": "m", "input": "i", "voice": "v", "instructions": "s"}, ["i", "s"]),
    ],
)
def test_other_operations(dialect: Dialect, body: dict[str, Any], expected: list[str]) -> None:
    assert [text for _, _, text in said(dialect, body)] == expected


def test_gemini_embeddings() -> None:
    body = {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "title": "t"}]}

    request = Request(
        head=CODECS["gemini_embeddings"].read(
            Body((json.dumps(body).encode(),)), Asked(endpoint="/:batchEmbedContents", model="m")
        )[0],
        body=Body((json.dumps(body).encode(),)),
        spots=None,  # type: ignore[arg-type]
        digest="",
    )

    assert [one.text for one in texts_of(request).items] == ["a", "t"]


FORM = (
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n'
    b'--b\r\ncontent-disposition: form-data; name="prompt"\r\n\r\nAsk ann@mail.org\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\x00\xff@\r\n'
    b'--b\r\ncontent-disposition: form-data; name="language"\r\n\r\nen\r\n--b--\r\n'
)


def test_a_forms_fields_and_their_edits() -> None:
    request = request_of("openai_transcription", FORM, headers={b"content-type": b"multipart/form-data; boundary=b"})
    texts = texts_of(request)

    made = edited_request(request, [(0, [Edit(4, 16, "[[E]]")])], texts)

    assert [(one.where, one.channel, one.text) for one in texts.items] == [
        ("prompt", "user", "Ask ann@mail.org"),
        ("language", "field", "en"),
    ]
    assert made.body.whole() == FORM.replace(b"ann@mail.org", b"[[E]]")
    assert made.body.slice(*made.spots.model) == b"m"


# --- what hides a text


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[{"role":"user","content":"x","content":"y"}]}',
        b'{"model":"m","model":"n","messages":[]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[],"x":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{"arguments":"{\\"a\\":\\"\\\\u0040\\",\\"a\\":1}"}}]}]}',
    ],
    ids=["doubled", "doubled at the top", "half a pair", "not UTF-8", "deep", "doubled in arguments"],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        body_texts(body)


def test_words_of_the_protocol_that_are_none_are_texts() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x", "id": "ann@mail.org", "name": "ann@mail.org"}]}

    assert [one.text for one in body_texts(json.dumps(body).encode()).items] == ["x", "ann@mail.org", "ann@mail.org"]


@pytest.mark.parametrize(
    "url", ["data:text/plain,ann@mail.org", "data:;base64,ann@mail.org is who", "https://a.b/?q=ann@mail.org", SOUND]
)
def test_an_address_that_is_no_medium_is_a_text(url: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}

    assert [one.text for one in body_texts(json.dumps(body).encode()).items] == [url]


def test_base64_in_what_somebody_says_is_a_text() -> None:
    body = {"messages": [{"role": "user", "content": IMAGE}], "prompt": SOUND}

    assert len(body_texts(json.dumps(body).encode()).items) == 2


def test_keys_that_no_dialect_has_are_texts_and_no_path_shows_them() -> None:
    body = {"ann@mail.org": {"b@mail.org": 1}, "messages": [], "metadata": {"4111 1111 1111 1111": "x"}}

    items = body_texts(json.dumps(body).encode()).items

    assert [(one.text, one.within) for one in items] == [
        ("ann@mail.org", "key"),
        ("b@mail.org", "key"),
        ("4111 1111 1111 1111", "key"),
        ("x", ""),
    ]
    assert not any("@" in one.where or "4111" in one.where for one in items)


# --- edits


def test_only_what_is_edited_changes() -> None:
    body = (
        b'{ "temperature": 1.0, "n":1e0 , "big":123456789012345678901234567890,"f":0.10000000000000000555,\n'
        b'"model":"m","messages":[{"role":"user","content":"ask ann"},{"role":"user","content":"\\u00e9\\/"}] }'
    )
    texts = body_texts(body)

    made = texts.edited([(0, [Edit(4, 7, 'the "boss"')])]).whole()

    assert json.loads(made)["messages"][0]["content"] == 'ask the "boss"'
    for kept in (b"1.0", b"1e0", b"123456789012345678901234567890", b"0.10000000000000000555", b'"\\u00e9\\/"'):
        assert kept in made
    assert texts.edited([]).whole() == body


def test_a_request_keeps_its_digest_lineage_and_lines() -> None:
    body = {"messages": [{"role": "user", "content": "ask ann"}], "user": "ann", "model": "m", "stream": True}
    request = request_of("openai_chat", json.dumps(body).encode())

    made = edited_request(request, [(0, [Edit(4, 7, "x" * 60)]), (1, [Edit(0, 3, "y")])])

    assert (made.digest, made.lineage, made.lines, made.head) == (
        request.digest,
        request.lineage,
        request.lines,
        request.head,
    )
    assert made.body.slice(*made.spots.model) == b'"m"'
    assert json.loads(made.body.whole())["user"] == "y"
    assert edited_request(request, []) is request


def test_a_long_request_is_read_again_in_slices() -> None:
    body = {"messages": [{"role": "user", "content": "ann " * LONG_BYTES}], "model": "m"}
    request = request_of("openai_chat", json.dumps(body).encode())

    made = edited_request(request, [(0, [Edit(0, 3, "bob")])])

    assert made.body.slice(*made.spots.model).strip() == b'"m"'
    assert made.spots.fields is not None
    assert json.loads(made.body.whole())["messages"][0]["content"].startswith("bob ann")


def test_arguments_stay_json_and_numbers_become_texts() -> None:
    body = {"messages": [{"role": "assistant", "tool_calls": [call('{"card": 4111111111111111, "a": 1, "k@x": "v"}')]}]}
    texts = body_texts(json.dumps(body).encode())
    edits = [
        (at, [Edit(0, len(one.text), f'"{at}"')]) for at, one in enumerate(texts.items) if one.text not in ("a", "card")
    ]

    made = json.loads(texts.edited(edits).whole())

    arguments = made["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"card": '"1"', "a": 1, '"3"': '"4"'}


def test_keys_that_come_to_be_the_same_are_told_apart() -> None:
    texts = body_texts(b'{"metadata":{"a@x":1,"b@x":2,"c":3}}')
    edits = [(at, [Edit(0, len(one.text), "c")]) for at, one in enumerate(texts.items) if "@" in one.text]

    assert json.loads(texts.edited(edits).whole()) == {"metadata": {"c_2": 1, "c_3": 2, "c": 3}}


MARK = '<é"mark>'
NAMES = st.sampled_from(
    [
        *(
            "messages",
            "metadata",
            "tools",
            "input",
            "x y",
            "arguments",
            "content",
            "logprobs",
            "type",
            "role",
            "thought",
        ),
        *("functionCall", "args", "data", "url", "id", "body", "response", "output", "text", "words"),
    ]
)
LEAVES = st.one_of(
    st.text(max_size=12),
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(body=st.dictionaries(NAMES, TREES, max_size=5), ascii_=st.booleans(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_edits_change_those_texts_and_nothing_else(body: dict[str, Any], ascii_: bool, data: st.DataObject) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")
    try:
        texts = body_texts(raw)
    except BadRequest:
        return
    plain = [at for at, one in enumerate(texts.items) if one.within == "" and -1 not in one.steps]
    chosen = data.draw(st.sets(st.sampled_from(plain))) if plain else set()

    made = texts.edited([(at, [Edit(0, 0, MARK)]) for at in sorted(chosen)])

    expected = json.loads(raw)
    for at in chosen:
        put(expected, texts.items[at], MARK + texts.items[at].text)
    assert json.loads(made.whole()) == expected
    assert sum(MARK in one.text for one in body_texts(made.whole()).items) == len(chosen)


def put(value: Any, item: Text, text: str) -> None:
    for step in item.steps[:-1]:
        value = value[step]
    value[item.steps[-1]] = text


# --- answers


def test_a_whole_chat_answer_and_its_logprobs() -> None:
    answer = {
        "id": "x",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "ask ann",
                    "refusal": None,
                    "tool_calls": [call('{"t": "ann"}')],
                },
                "logprobs": {"content": [{"token": "ann", "bytes": [97]}]},
                "finish_reason": "stop",
            },
            {"index": 1, "message": {"role": "assistant", "content": "fine"}, "logprobs": {"content": []}},
        ],
        "usage": {"total_tokens": 3},
    }
    texts = answer_texts(json.dumps(answer).encode(), "openai_chat", "chat")

    made = json.loads(texts.edited([(0, [Edit(4, 7, "X")])]).whole())

    assert [one.text for one in texts.items if one.text != "t"][:3] == ["ask ann", "ann", "ann"]
    assert made["choices"][0]["message"]["content"] == "ask X"
    assert made["choices"][0]["logprobs"] is None
    assert made["choices"][1] == answer["choices"][1]


def test_what_a_tool_is_called_with_loses_nothing_for_its_name() -> None:
    use = {"type": "tool_use", "id": "t", "name": "f", "input": {"to": "ask ann", "words": ["a"], "logprobs": {"b": 1}}}
    texts = answer_texts(json.dumps({"type": "message", "content": [use]}).encode(), "anthropic_messages", "chat")
    edits = [(at, [Edit(4, 7, "X")]) for at, one in enumerate(texts.items) if one.text == "ask ann"]

    made = json.loads(texts.edited(edits).whole())["content"][0]["input"]

    assert made == {"to": "ask X", "words": ["a"], "logprobs": {"b": 1}}


def test_tokens_are_put_back_in_every_text() -> None:
    answer = {
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "to [[E_1]]"}]}]
    }
    answer["output"].append({"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"to": "[[E_1]]"}'})
    texts = answer_texts(json.dumps(answer).encode(), "openai_responses", "chat")

    made = json.loads(texts.edited([], {"[[E_1]]": 'a"b'}).whole())

    assert made["output"][0]["content"][0]["text"] == 'to a"b'
    assert json.loads(made["output"][1]["arguments"]) == {"to": 'a"b'}


def test_vectors_images_and_sound_are_no_texts() -> None:
    vectors = {"object": "list", "data": [{"embedding": [0.1] * 64}, {"embedding": SOUND}], "model": "m"}
    images = {"created": 1, "data": [{"b64_json": SOUND, "revised_prompt": "a dog"}]}

    assert not answer_texts(json.dumps(vectors).encode(), "openai_embeddings", "embeddings").items
    assert [one.text for one in answer_texts(json.dumps(images).encode(), "openai_images", "images").items] == ["a dog"]
    assert not answer_texts(b"\xff\xfb\x90", "openai_speech", "speech").items


def test_transcripts_of_any_form() -> None:
    subtitles = answer_texts(b"1\n00:00 --> 00:01\nask ann\n", "openai_transcription", "transcription")
    words = {
        "text": "ask ann",
        "words": [{"word": "ask"}, {"word": "ann"}],
        "segments": [{"text": "ask ann", "tokens": [1]}],
    }
    whole = answer_texts(json.dumps(words).encode(), "openai_transcription", "transcription")
    edits = [(at, [Edit(4, 7, "X")]) for at, one in enumerate(whole.items) if one.text == "ask ann"]

    assert subtitles.edited([(0, [Edit(0, 1, "2")])]).whole().startswith(b"2\n")
    assert json.loads(whole.edited(edits).whole()) == {
        "text": "ask X",
        "words": [],
        "segments": [{"text": "ask X", "tokens": []}],
    }


def test_an_answer_that_no_guard_can_look_at_does_not_pass() -> None:
    for body in (b"\xff\xfe", b'{"a":1,"a":2}'):
        with pytest.raises(GuardFailed):
            answer_texts(body, "openai_chat", "chat")


def test_an_answer_of_no_known_dialect_has_all_its_strings() -> None:
    items = answer_texts(b'[{"q":"ann","n":{"z":["b"]}}]', "somebody", "").items

    assert [one.text for one in items] == ["ann", "b"]
