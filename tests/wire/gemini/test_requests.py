"""Requests of callers, and requests to Gemini for callers of other dialects, byte for byte."""

from typing import Any

import msgspec
import pytest

from antiphon.core.body import Body
from antiphon.core.content import (
    Audio,
    Content,
    File,
    Image,
    Limits,
    Message,
    Part,
    Reasoning,
    ResponseFormat,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from antiphon.core.error import BadRequest
from antiphon.core.request import Request, Spots
from antiphon.wire.codec import Asked, Quirks, Terms
from antiphon.wire.gemini.codec import Gemini
from antiphon.wire.gemini.proof import seal
from antiphon.wire.losses import Losses

GEMINI = Gemini()
ASKED = Asked(endpoint="/v1beta/models/gemini-2.5-flash:generateContent", model="gemini-2.5-flash")
NEW, OLD = Terms(model="gemini-3-pro-preview"), Terms(model="gemini-2.5-flash")


def asked(body: bytes) -> Request:
    head, spots = GEMINI.read(Body((body,)), ASKED)
    return Request(head=head, body=Body((body,)), spots=spots, digest="")


def decoded(body: bytes) -> Content:
    return GEMINI.decode(asked(body))


def encoded(content: Content, terms: Terms = NEW) -> tuple[dict[str, Any], list[tuple[str, str, bool]]]:
    losses = Losses()
    body = msgspec.json.decode(GEMINI.encode(content, terms, losses))
    return body, [(loss.field, loss.effect, loss.adapted) for loss in losses.told()]


def from_openai(*messages: Message, **more: Any) -> Content:
    return Content(dialect="openai_chat", messages=messages, **more)


def user(*parts: Part) -> Message:
    return Message(role="user", parts=parts)


def said(text: str, role: str = "user") -> Message:
    return Message(role=role, parts=(Text(text=text),), form="text")


CALL = ToolCall(id="call_1", name="weather", arguments='{"city":"Oslo"}')
RESULT = Message(role="tool", tool_call_id="call_1", parts=(Text(text="12 degrees"),), form="text")


def test_a_callers_request_is_read_in_both_spellings() -> None:
    camel = decoded(
        b'{"systemInstruction":{"role":"user","parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":['
        b'{"text":"What is this?"},{"inlineData":{"mimeType":"image/png","data":"aa_-"}},'
        b'{"fileData":{"fileUri":"gs://b/a.pdf","mimeType":"application/pdf"}}]}],"generationConfig":'
        b'{"topP":0.5,"topK":40.0,"maxOutputTokens":9,"stopSequences":["x"],"candidateCount":2,"thinkingConfig":'
        b'{"thinkingLevel":"LOW","includeThoughts":true}},"toolConfig":{"functionCallingConfig":{"mode":"ANY",'
        b'"allowedFunctionNames":["f"]}}}'
    )
    snake = decoded(
        b'{"system_instruction":{"role":"user","parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":['
        b'{"text":"What is this?"},{"inline_data":{"mime_type":"image/png","data":"aa_-"}},'
        b'{"file_data":{"file_uri":"gs://b/a.pdf","mime_type":"application/pdf"}}]}],"generation_config":'
        b'{"top_p":0.5,"top_k":40.0,"max_output_tokens":9,"stop_sequences":["x"],"candidate_count":2,"thinking_config":'
        b'{"thinking_level":"LOW","include_thoughts":true}},"tool_config":{"function_calling_config":{"mode":"ANY",'
        b'"allowed_function_names":["f"]}}}'
    )

    assert camel == snake
    assert camel == Content(
        dialect="gemini",
        messages=(
            Message(role="system", parts=(Text(text="Be brief."),)),
            user(
                Text(text="What is this?"),
                Image(url="data:image/png;base64,aa/+"),
                File(id="gs://b/a.pdf", media_type="application/pdf"),
            ),
        ),
        tool_choice=ToolChoice(mode="named", name="f"),
        sampling=Sampling(top_p=0.5, top_k=40, stop=("x",), n=2, reasoning_effort="low", reasoning_shown=True),
        limits=Limits(output_tokens=9),
    )


def test_calls_without_ids_find_their_results_by_order_and_name() -> None:
    content = decoded(
        b'{"contents":[{"role":"model","parts":[{"functionCall":{"name":"a","args":{"x":1}}},{"functionCall":{"name":"b"}},'
        b'{"functionCall":{"name":"a"}}]},{"role":"user","parts":[{"functionResponse":{"name":"a","response":'
        b'{"result":"one"}}},{"functionResponse":{"name":"b","response":{"error":"no"}}},{"functionResponse":{"name":"a",'
        b'"response":{"k":[1]}}},{"text":"go on"}]}]}'
    )
    calls = [part for part in content.messages[0].parts if isinstance(part, ToolCall)]
    results = content.messages[1:4]

    assert [call.arguments for call in calls] == ['{"x":1}', "{}", "{}"]
    assert len({call.id for call in calls}) == 3
    assert [result.tool_call_id for result in results] == [call.id for call in calls]
    assert [(result.parts, result.failed) for result in results] == [
        ((Text(text="one"),), False),
        ((Text(text="no"),), True),
        ((Text(text='{"k":[1]}'),), False),
    ]
    assert content.messages[4] == user(Text(text="go on"))


def test_tools_of_all_kinds_have_their_words() -> None:
    content = decoded(
        b'{"contents":[],"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT",'
        b'"properties":{"a":{"type":"STRING","nullable":true}},"required":["a"]}}]},{"googleSearch":{}},'
        b'{"google_search_retrieval":{}},{"codeExecution":{}},{"computerUse":{"environment":"ENVIRONMENT_BROWSER"}},'
        b'{"urlContext":{}}]}'
    )

    assert content.tools == (
        Tool(
            name="f",
            description="d",
            parameters={
                "type": "object",
                "properties": {"a": {"type": ["string", "null"]}},
                "required": ["a"],
            },
            extra={"parameters": None},
        ),
        Tool(name="", kind="web_search"),
        Tool(name="", kind="web_search", extra={"googleSearchRetrieval": None}),
        Tool(name="", kind="code_execution"),
        Tool(name="", kind="computer", extra={"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}),
        Tool(name="", kind="urlContext", extra={"urlContext": None}),
    )


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"contents":{}}', "contents"),
        (b'{"contents":[1]}', "contents[0]"),
        (b'{"contents":[{"parts":{}}]}', "contents[0].parts"),
        (b'{"contents":[{"parts":[{"text":1}]}]}', "contents[0].parts[0].text"),
        (b'{"contents":[{"parts":[{"inlineData":{"data":"a"}}]}]}', "contents[0].parts[0].inlineData.mimeType"),
        (b'{"contents":[{"parts":[{"functionCall":{"args":{}}}]}]}', "contents[0].parts[0].functionCall.name"),
        (b'{"contents":[{"parts":[{"functionCall":[]}]}]}', "contents[0].parts[0].functionCall"),
        (b'{"contents":[],"generationConfig":{"topP":"x"}}', "generationConfig.topP"),
        (b'{"contents":[],"generationConfig":{"stopSequences":[1]}}', "generationConfig.stopSequences[0]"),
        (b'{"contents":[],"generationConfig":{"maxOutputTokens":0}}', "generationConfig.maxOutputTokens"),
        (b'{"contents":[],"systemInstruction":"x"}', "systemInstruction"),
        (b'{"contents":[],"systemInstruction":{},"system_instruction":{}}', "systemInstruction"),
        (b'{"contents":[],"tools":[{"functionDeclarations":[{}]}]}', "tools[0].functionDeclarations[0].name"),
        (b'{"contents":[],"toolConfig":{"functionCallingConfig":{"mode":1}}}', "toolConfig.functionCallingConfig.mode"),
    ],
)
def test_a_wrong_field_is_named(body: bytes, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(body)

    assert caught.value.param == param


def test_a_path_without_a_model_is_refused() -> None:
    with pytest.raises(BadRequest, match="path must name a model"):
        GEMINI.read(Body((b'{"contents":[]}',)), Asked(endpoint="/x"))


BIG = b'{"contents":[{"parts":[{"inlineData":{"data":"%b","mimeType":"image/png"}},{"text":"hi"}]}],' % (b"A" * 400_000)
NEEDS: list[tuple[bytes, set[str]]] = [
    (b'{"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":7}}', set()),
    (BIG + b'"generationConfig":{"maxOutputTokens":7}}', {"images"}),
    (
        b'{"contents":[{"parts":[{"file_data":{"mime_type":"audio/wav"}}]}],"generation_config":{"max_output_tokens":7}}',
        {"audio"},
    ),
    (
        (
            b'{"contents":[{"parts":[{"inlineData":{"mimeType":"application/pdf"}}]}],"tools":[{"functionDeclarations":'
            b'[{"name":"f"}]},{"googleSearch":{}},{"urlContext":{}}],"generationConfig":{"maxOutputTokens":7}}'
        ),
        {"files", "tools", "web_search", "server_tools"},
    ),
    (
        (
            b'{"contents":[],"generationConfig":{"maxOutputTokens":7,"candidateCount":2,"responseMimeType":"application/json",'
            b'"responseLogprobs":true,"responseModalities":["AUDIO"],"thinkingConfig":{"thinkingBudget":-1}}}'
        ),
        {"multiple_answers", "structured_output", "logprobs", "audio_output", "reasoning"},
    ),
    (b'{"contents":[],"generationConfig":{"maxOutputTokens":7,"thinkingConfig":{"thinkingBudget":0}}}', set()),
]


@pytest.mark.parametrize(("body", "needs"), NEEDS)
@pytest.mark.parametrize("cut", [1 << 16, 1 << 20])
def test_the_head_is_the_same_for_short_and_long_reading(body: bytes, needs: set[str], cut: int) -> None:
    segments = tuple(body[at : at + cut] for at in range(0, len(body), cut))
    head, _ = GEMINI.read(Body((body,)), ASKED)
    *between, last = GEMINI.read_long(Body(segments), ASKED)

    assert set(between) <= {None}
    assert last is not None
    assert last[0] == head
    assert head.needs == needs
    assert (head.model, head.output_tokens, head.stream) == ("gemini-2.5-flash", 7, False)


PUTS: list[tuple[bytes, Terms, bytes]] = [
    (b'{ "contents": [] }', Terms(model="m"), b'{ "contents": [] }'),
    (
        b'{ "contents": [] }',
        Terms(model="m", prompt="P", so_far="S"),
        b'{ "systemInstruction":{"parts":[{"text":"P"}]},"contents": [{"role":"model","parts":[{"text":"S"}]}] }',
    ),
    (
        b'{"contents":[{"parts":[{"text":"[]"}]}],"system_instruction":{"parts" : [ {"text":"x"}]}}',
        Terms(model="m", prompt="P", so_far="S"),
        (
            b'{"contents":[{"parts":[{"text":"[]"}]},{"role":"model","parts":[{"text":"S"}]}],'
            b'"system_instruction":{"parts" : [{"text":"P"}, {"text":"x"}]}}'
        ),
    ),
    (
        b'{"systemInstruction":{"parts":[]},"contents":[]}',
        Terms(model="m", prompt="P"),
        b'{"systemInstruction":{"parts":[{"text":"P"}]},"contents":[]}',
    ),
    (
        b'{"systemInstruction":{"role":"user"},"contents":[]}',
        Terms(model="m", prompt="P"),
        b'{"systemInstruction":{"parts":[{"text":"P"}],"role":"user"},"contents":[]}',
    ),
    (
        b'{"systemInstruction":null,"contents":[]}',
        Terms(model="m", prompt="P"),
        b'{"systemInstruction":{"parts":[{"text":"P"}]},"contents":[]}',
    ),
    (
        b'{"labels":{},"contents":[],"service_tier":"flex"}',
        Terms(model="m", quirks=Quirks(who="Vertex", rejects=("labels", "serviceTier"))),
        b'{"contents":[]}',
    ),
]


@pytest.mark.parametrize(("body", "terms", "wanted"), PUTS)
def test_a_request_for_gemini_keeps_its_bytes_but_for_what_is_put_in(body: bytes, terms: Terms, wanted: bytes) -> None:
    assert GEMINI.put(asked(body), terms).body.whole() == wanted


def test_another_providers_proof_does_not_go_to_gemini() -> None:
    proof = seal("c2ln", "anthropic_messages")
    body = msgspec.json.encode(
        {"contents": [{"role": "model", "parts": [{"text": "hm", "thought": True, "thoughtSignature": proof}]}]}
    )
    put = GEMINI.put(asked(body), NEW)

    assert put.body.whole() == b'{"contents":[{"role":"model","parts":[{"text":"hm","thought":true}]}]}'
    assert [loss.why for loss in put.losses] == ["Gemini needs no proof but its own"]
    assert decoded(body).messages[0].parts == (
        Reasoning(text="hm", signature="c2ln", signed_by="anthropic_messages", summary=True),
    )


def test_thoughts_that_came_in_pieces_are_one_with_the_foreign_proof_behind_them() -> None:
    proof = seal("c2ln", "anthropic_messages")
    thoughts = [{"text": "a", "thought": True}, {"text": "b", "thought": True}]
    parts = [*thoughts, {"text": "", "thought": True, "thoughtSignature": proof}, {"text": "hi"}]
    content = decoded(msgspec.json.encode({"contents": [{"role": "model", "parts": parts}]}))

    assert content.messages[0].parts == (
        Reasoning(text="ab", signature="c2ln", signed_by="anthropic_messages", summary=True),
        Text(text="hi"),
    )


def test_a_plain_request_of_another_dialect_has_these_bytes() -> None:
    losses = Losses()
    content = from_openai(
        said("Be brief.", "system"),
        said("Hi"),
        said("Hello!", "assistant"),
        said("Bye"),
        sampling=Sampling(temperature=0.5, stop="x", n=2, logprobs=True, top_logprobs=3),
        limits=Limits(output_tokens=9),
    )

    assert GEMINI.encode(content, Terms(model="gemini-2.5-flash", prompt="First.", so_far="Good"), losses) == (
        b'{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Hello!"}]},'
        b'{"role":"user","parts":[{"text":"Bye"}]},{"role":"model","parts":[{"text":"Good"}]}],'
        b'"systemInstruction":{"parts":[{"text":"First."},{"text":"Be brief."}]},'
        b'"generationConfig":{"temperature":0.5,"candidateCount":2,"maxOutputTokens":9,"stopSequences":["x"],'
        b'"responseLogprobs":true,"logprobs":3}}'
    )
    assert losses.told() == ()


def test_a_round_of_tools_has_results_in_the_users_turn() -> None:
    other = ToolCall(id="call_2", name="time", arguments="")
    content = from_openai(
        said("Weather?"),
        Message(role="assistant", parts=(CALL, other), form="none"),
        RESULT,
        Message(role="tool", tool_call_id="call_2", parts=(Text(text='{"at":12}'),), form="text", failed=True),
        said("And now?"),
        tools=(Tool(name="weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}}),),
        tool_choice=ToolChoice(mode="named", name="weather"),
    )
    body, losses = encoded(content)

    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "call_1", "name": "weather", "args": {"city": "Oslo"}}},
                {"functionCall": {"id": "call_2", "name": "time", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "call_1", "name": "weather", "response": {"result": "12 degrees"}}},
                {"functionResponse": {"id": "call_2", "name": "time", "response": {"error": '{"at":12}'}}},
                {"text": "And now?"},
            ],
        },
    ]
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]["type"] == "object"
    assert body["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]},
    }
    assert losses == []


@pytest.mark.parametrize(
    ("model", "proof"), [("gemini-3-pro", "skip_thought_signature_validator"), ("gemini-2.5-pro", None)]
)
def test_a_call_of_the_current_turn_without_a_proof_gets_the_mark_that_skips_the_check(
    model: str, proof: str | None
) -> None:
    second = ToolCall(id="call_2", name="time", arguments="{}")
    content = from_openai(
        said("a"),
        Message(role="assistant", parts=(CALL,)),
        RESULT,
        said("b"),
        Message(role="assistant", parts=(CALL, second)),
        RESULT,
    )
    body, losses = encoded(content, Terms(model=model))
    old, new = body["contents"][1], body["contents"][-2]

    assert "thoughtSignature" not in old["parts"][0]
    assert new["parts"][0].get("thoughtSignature") == proof
    assert "thoughtSignature" not in new["parts"][1]
    assert bool(losses) == (proof is not None)


def test_own_proofs_go_back_on_their_parts_and_others_are_told_as_lost() -> None:
    content = from_openai(
        said("a"),
        Message(
            role="assistant",
            parts=(
                Reasoning(text="mine", signature="c2ln", signed_by="gemini"),
                Reasoning(text="theirs", signature="c2ln", signed_by="anthropic_messages"),
                Reasoning(text="bare"),
                ToolCall(id="c", name="f", arguments="{}", signature="Z2Vt", signed_by="gemini"),
            ),
        ),
    )
    body, losses = encoded(content)

    assert body["contents"][1]["parts"] == [
        {"text": "mine", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "c", "name": "f", "args": {}}, "thoughtSignature": "Z2Vt"},
    ]
    assert losses == [
        ("messages[1].content[1]", "left out", True),
        ("messages[1].content[2]", "left out", True),
    ]


MEDIA: list[tuple[Part, dict[str, Any] | None, list[tuple[str, str, bool]]]] = [
    (Image(url="data:image/png;base64,QQ=="), {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}, []),
    (
        Image(url="https://a.example/b.webp?x=1", detail="high"),
        {"fileData": {"fileUri": "https://a.example/b.webp?x=1", "mimeType": "image/webp"}},
        [
            ("messages[0].content[0].image_url.detail", "left out", False),
            ("messages[0].content[0]", "sent as fileData of image/webp", True),
        ],
    ),
    (Audio(data="QQ==", format="wav"), {"inlineData": {"mimeType": "audio/wav", "data": "QQ=="}}, []),
    (
        File(data="data:application/pdf;base64,QQ==", name="a.pdf"),
        {"inlineData": {"mimeType": "application/pdf", "data": "QQ=="}},
        [("messages[0].content[0].file.filename", "left out", False)],
    ),
    (
        File(id="gs://b/c.mp4", media_type="video/mp4"),
        {"fileData": {"fileUri": "gs://b/c.mp4", "mimeType": "video/mp4"}},
        [],
    ),
    (File(text="plain"), {"text": "plain"}, [("messages[0].content[0].file", "sent as text", True)]),
]


def test_a_file_that_another_provider_keeps_is_refused() -> None:
    with pytest.raises(BadRequest, match="another provider keeps") as refused:
        encoded(from_openai(user(File(id="file-1"), Text(text="?"))))

    assert refused.value.param == "messages[0].content[0]"


@pytest.mark.parametrize(("part", "wanted", "lost"), MEDIA)
def test_media_of_another_dialect_have_their_place(
    part: Part, wanted: dict[str, Any] | None, lost: list[tuple[str, str, bool]]
) -> None:
    body, losses = encoded(from_openai(user(part, Text(text="?"))))

    assert body["contents"][0]["parts"] == [said for said in (wanted, {"text": "?"}) if said is not None]
    assert losses == lost


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        (
            "gemini-3-pro",
            [
                {
                    "functionResponse": {
                        "id": "call_1",
                        "name": "weather",
                        "response": {"result": "see"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "QQ=="}}],
                    }
                }
            ],
        ),
        (
            "gemini-2.5-pro",
            [
                {"functionResponse": {"id": "call_1", "name": "weather", "response": {"result": "see"}}},
                {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
            ],
        ),
    ],
)
def test_an_image_in_a_result_stands_in_it_or_beside_it(model: str, parts: list[dict[str, Any]]) -> None:
    result = Message(
        role="tool", tool_call_id="call_1", parts=(Text(text="see"), Image(url="data:image/png;base64,QQ=="))
    )
    body, _ = encoded(from_openai(said("a"), Message(role="assistant", parts=(CALL,)), result), Terms(model=model))

    assert body["contents"][-1]["parts"] == parts


def test_a_result_of_no_known_call_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encoded(from_openai(said("a"), RESULT))

    assert caught.value.param == "messages[1].tool_call_id"


def test_system_messages_go_together() -> None:
    body, losses = encoded(from_openai(said("one", "system"), said("a"), said("two", "developer")))

    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "a"}]}],
        "systemInstruction": {"parts": [{"text": "one"}, {"text": "two"}]},
    }
    assert losses == [("messages[2].role", "moved there", True)]


def test_a_request_of_system_messages_alone_is_the_users() -> None:
    body, losses = encoded(from_openai(said("one", "system")))

    assert body == {"contents": [{"role": "user", "parts": [{"text": "one"}]}]}
    assert losses == [("messages[0].role", "sent as the user's", True)]


def test_turns_of_one_role_become_one() -> None:
    body, losses = encoded(from_openai(said("a"), said("b"), said("c", "assistant"), said("d", "assistant")))

    assert [[part["text"] for part in turn["parts"]] for turn in body["contents"]] == [["a", "b"], ["c", "d"]]
    assert losses == []


THINKING: list[tuple[Sampling, str, dict[str, Any] | None, str | None]] = [
    (Sampling(reasoning_effort="low"), "gemini-3-pro", {"thinkingLevel": "LOW", "includeThoughts": True}, None),
    (Sampling(reasoning_effort="none"), "gemini-3-flash", {"thinkingLevel": "MINIMAL"}, "sent as minimal"),
    (
        Sampling(reasoning_effort="max"),
        "gemini-3-pro",
        {"thinkingLevel": "HIGH", "includeThoughts": True},
        "sent as high",
    ),
    (
        Sampling(reasoning_effort="low"),
        "gemini-2.5-pro",
        {"thinkingBudget": 2048, "includeThoughts": True},
        "sent as thinkingBudget 2048",
    ),
    (Sampling(reasoning_tokens=-1, reasoning_shown=True), "m", {"thinkingBudget": -1, "includeThoughts": True}, None),
    (Sampling(), "gemini-3-pro", None, None),
]


@pytest.mark.parametrize(("sampling", "model", "wanted", "effect"), THINKING)
def test_effort_is_said_in_the_models_own_words(
    sampling: Sampling, model: str, wanted: dict[str, Any] | None, effect: str | None
) -> None:
    body, losses = encoded(from_openai(said("a"), sampling=sampling), Terms(model=model))

    assert body.get("generationConfig", {}).get("thinkingConfig") == wanted
    assert losses == ([] if effect is None else [("reasoning_effort", effect, True)])


def test_a_form_of_the_answer_is_sent_as_json_schema() -> None:
    shape = ResponseFormat(kind="json_schema", name="city", schema={"type": "object"}, strict=True)
    body, losses = encoded(from_openai(said("a"), response_format=shape))

    assert body["generationConfig"] == {
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "title": "city"},
    }
    assert losses == [("response_format.json_schema.name", "sent as the schema's title", True)]


def test_what_gemini_lacks_is_told() -> None:
    content = from_openai(
        Message(role="user", parts=(Text(text="a", extra={"x": 1}),), name="bob"),
        tools=(
            Tool(name="f", strict=True),
            Tool(name="", kind="web_search", extra={"user_location": {"country": "NO"}}),
            Tool(name="", kind="mcp"),
        ),
        parallel_tool_calls=False,
        sampling=Sampling(logit_bias={"1": 1.0}, verbosity="low"),
        metadata={"a": "b"},
        user="u",
        service_tier="scale",
        cache_key="k",
        extra={"store": True, "gone": None},
    )
    body, losses = encoded(content)

    assert body == {
        "contents": [{"role": "user", "parts": [{"text": "a"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}},
    }
    assert {field for field, _, _ in losses} == {
        "messages[0].name",
        "messages[0].content[0].x",
        "tools[].strict",
        "tools[1].type",
        "tools[1].user_location",
        "tools[2]",
        "parallel_tool_calls",
        "logit_bias",
        "verbosity",
        "metadata",
        "user",
        "service_tier",
        "prompt_cache_key",
        "store",
    }


@pytest.mark.parametrize(
    "body",
    [
        b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}',
        b'{"generateContentRequest":{"model":"models/m","contents":[{"role":"user","parts":[{"text":"hi"}]}]}}',
        b'{"generate_content_request":{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}}',
    ],
)
def test_counting_reads_contents_and_whole_requests(body: bytes) -> None:
    content = GEMINI.read_count(Body((body,)), ASKED)

    assert content == Content(dialect="gemini", messages=(user(Text(text="hi")),))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "contents"),
        (b'{"generateContentRequest":1}', "generateContentRequest"),
        (b'{"generateContentRequest":{"contents":1}}', "generateContentRequest.contents"),
    ],
)
def test_counting_names_a_wrong_field(body: bytes, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        GEMINI.read_count(Body((body,)), ASKED)

    assert caught.value.param == param


def test_nothing_of_a_request_is_edited_by_spots() -> None:
    assert asked(b'{"contents":[]}').spots == Spots(model=(0, 0))


def test_very_many_results_in_reverse_take_no_longer_each() -> None:
    many = range(20_000)
    calls = [{"functionCall": {"name": f"f{place}", "args": {}}} for place in many]
    results = [{"functionResponse": {"name": f"f{place}", "response": {}}} for place in reversed(many)]
    turns = [{"role": "model", "parts": calls}, {"role": "user", "parts": results}]
    content = decoded(msgspec.json.encode({"contents": turns}))
    first, *rest = content.messages
    made = [part.id for part in first.parts if isinstance(part, ToolCall)]
    assert [message.tool_call_id for message in rest] == made[::-1]


def test_a_results_own_name_goes_back_whatever_its_call_is_named() -> None:
    turns = [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "id": "1", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "g", "id": "1", "response": {"a": 1}}}]},
    ]
    again, _ = encoded(decoded(msgspec.json.encode({"contents": turns})))
    assert again["contents"][1]["parts"][0]["functionResponse"]["name"] == "g"
