import json
from typing import Any

import pytest
from bodies import chats, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.core.request import Request
from antiphon.wire.openai_chat.edits import Continuing, edits
from antiphon.wire.places import named

often = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
SYSTEM = {"role": "system", "content": 'Be "brief".\n'}


def edited(asked: Request, **wanted: Any) -> bytes:
    return asked.body.edited(edits(asked, **{"model": "up", "ask_usage": False, "prompt": None, **wanted})).whole()


@often
@given(chats(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["up", "same", 'a"b\\é\n']), st.data())
def test_after_the_edits_a_body_says_what_it_said_but_for_them(
    case: tuple[dict[str, Any], bytes], long: bool, ask: bool, prompt: bool, model: str, data: st.DataObject
) -> None:
    fields, text = case
    asked = request(text, long=long)
    model = fields["model"] if model == "same" else model
    drop = data.draw(st.sets(st.sampled_from(sorted(fields.keys() - {"model", "messages", "stream_options"}) or [""])))
    drop &= fields.keys()
    limit = "max_completion_tokens"
    rename = {limit: "limit"} if limit in fields and limit not in drop else {}

    result = edited(
        asked, model=model, ask_usage=ask, prompt=SYSTEM["content"] if prompt else None, drop=drop, rename=rename
    )

    expected = {rename.get(name, name): value for name, value in fields.items() if name not in drop}
    expected["model"] = model
    if ask:
        expected["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    if prompt:
        expected["messages"] = [SYSTEM, *fields["messages"]]
    assert json.loads(result, object_pairs_hook=once) == expected


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    assert len(fields) == len(pairs), "a key came twice"
    return fields


@often
@given(chats(), st.booleans())
def test_bytes_outside_the_edits_stay(case: tuple[dict[str, Any], bytes], long: bool) -> None:
    _, text = case
    asked = request(text, long=long)
    made = edits(asked, model="up", ask_usage=True, prompt="hi")
    result = edited(asked, ask_usage=True, prompt="hi")

    at = 0
    for edit in made:
        kept = text[at : edit.start]
        assert result.startswith(kept + edit.text)
        result = result[len(kept) + len(edit.text) :]
        at = edit.end
    assert result == text[at:]


@often
@given(chats(), st.booleans())
def test_a_body_that_is_right_already_is_not_touched(case: tuple[dict[str, Any], bytes], long: bool) -> None:
    fields, text = case

    asked = request(text, long=long)

    assert edits(asked, model=fields["model"], ask_usage=False, prompt=None) == ()


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b'{"model":"m","messages":[]}', b'{"model":"up","messages":[]}'),
        (b'{ "model" : "m" , "messages" : [] }', b'{ "model" : "up" , "messages" : [] }'),
        (b'{"messages":[],"model":"m"}', b'{"messages":[],"model":"up"}'),
        (b'{"messages":[{"model":"m"}],"model":"m","x":"m"}', b'{"messages":[{"model":"m"}],"model":"up","x":"m"}'),
    ],
)
def test_a_models_name_is_the_smallest_edit(text: bytes, result: bytes) -> None:
    assert edited(request(text)) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            b'{"model":"m","stream":true,"messages":[]}',
            b'{"model":"up","stream_options":{"include_usage":true},"stream":true,"messages":[]}',
        ),
        (
            b'{"model":"m","stream":true,"stream_options":null,"messages":[]}',
            b'{"model":"up","stream":true,"stream_options":{"include_usage":true},"messages":[]}',
        ),
        (
            b'{"model":"m","stream":true,"stream_options":{"include_usage":false,"x":1},"messages":[]}',
            b'{"model":"up","stream":true,"stream_options":{"include_usage":true,"x":1},"messages":[]}',
        ),
    ],
)
def test_the_usage_of_a_stream_is_asked_for(text: bytes, result: bytes) -> None:
    assert edited(request(text), ask_usage=True) == result


@pytest.mark.parametrize(
    ("drop", "result"),
    [
        ({"a"}, b'{"b":2, "model":"up","c":3,"messages":[] ,"d":4}'),
        ({"a", "b"}, b'{"model":"up","c":3,"messages":[] ,"d":4}'),
        ({"b", "c"}, b'{"a" :1, "model":"up","messages":[] ,"d":4}'),
        ({"c"}, b'{"a" :1,"b":2, "model":"up","messages":[] ,"d":4}'),
        ({"d"}, b'{"a" :1,"b":2, "model":"up","c":3,"messages":[] }'),
        ({"a", "b", "c", "d"}, b'{"model":"up","messages":[] }'),
    ],
)
@pytest.mark.parametrize("long", [False, True])
def test_fields_are_left_out_with_their_commas(drop: set[str], result: bytes, long: bool) -> None:
    asked = request(b'{"a" :1,"b":2, "model":"m","c":3,"messages":[] ,"d":4}', long=long)

    assert json.loads(edited(asked, drop=drop)) == json.loads(result)
    if not long:
        assert edited(asked, drop=drop) == result


def test_a_field_gets_another_name_where_it_stands() -> None:
    asked = request(b'{"model":"m","max_completion_tokens" : 5,"messages":[]}')

    result = edited(asked, rename={"max_completion_tokens": "max_tokens"})

    assert result == b'{"model":"up","max_tokens": 5,"messages":[]}'


@often
@given(chats(), st.booleans())
def test_names_are_found_when_they_are_there(case: tuple[dict[str, Any], bytes], long: bool) -> None:
    fields, text = case

    asked = request(text, long=long)

    for name in ("max_completion_tokens", "logprobs", "metadata"):
        assert (name in named(asked, (name,))) == (name in fields)


def test_a_body_in_which_no_name_occurs_is_not_scanned() -> None:
    assert named(request(b'{"model":"m","messages":[]}'), ("logprobs",)) == {}


def test_a_name_is_found_in_another_spelling() -> None:
    asked = request(rb'{"model":"m","messages":[],"log\u0070robs":true}')

    assert "logprobs" in named(asked, ("logprobs",))


# --- going on with an answer

HI = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'
START = {"role": "assistant", "content": 'Hel"\n'}
FLAGS = {"continue_final_message": True, "add_generation_prompt": False}
WAYS: tuple[Continuing, ...] = ("assistant", "prefix", "flags")


@pytest.mark.parametrize(
    ("continuing", "result"),
    [
        (
            "assistant",
            b'{"model":"up","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Hel"}]}',
        ),
        (
            "prefix",
            (
                b'{"model":"up","messages":[{"role":"user","content":"hi"},'
                b'{"role":"assistant","content":"Hel","prefix":true}]}'
            ),
        ),
        (
            "flags",
            (
                b'{"continue_final_message":true,"add_generation_prompt":false,"model":"up",'
                b'"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Hel"}]}'
            ),
        ),
    ],
)
@pytest.mark.parametrize("long", [False, True])
def test_an_answer_is_gone_on_with_in_each_way(continuing: Continuing, result: bytes, long: bool) -> None:
    assert edited(request(HI, long=long), so_far="Hel", continuing=continuing) == result


@pytest.mark.parametrize(
    ("messages", "prompt", "result"),
    [
        (b"[]", None, b'[{"role":"assistant","content":"Hel"}]'),
        (b"[ \n ]", None, b'[ \n {"role":"assistant","content":"Hel"}]'),
        (b"[]", "Be brief.", b'[{"role":"system","content":"Be brief."},{"role":"assistant","content":"Hel"}]'),
        (b"[ ]", "Be brief.", b'[{"role":"system","content":"Be brief."} ,{"role":"assistant","content":"Hel"}]'),
        (
            b'[ {"role":"user","content":"]"} ]',
            "Be brief.",
            (
                b'[{"role":"system","content":"Be brief."}, {"role":"user","content":"]"} '
                b',{"role":"assistant","content":"Hel"}]'
            ),
        ),
    ],
)
def test_the_start_of_an_answer_is_the_last_message_whatever_there_was(
    messages: bytes, prompt: str | None, result: bytes
) -> None:
    asked = request(b'{"model":"m","messages":%b}' % messages)

    assert edited(asked, so_far="Hel", prompt=prompt) == b'{"model":"up","messages":%b}' % result


@pytest.mark.parametrize(
    ("drop", "rename", "result"),
    [
        ({"a"}, {}, b'"model":"up","messages":[@],"b":2}'),
        ({"a", "b"}, {}, b'"model":"up","messages":[@]}'),
        ({"b"}, {"a": "c"}, b'"c":1,"model":"up","messages":[@]}'),
    ],
)
def test_flags_go_before_the_first_field_although_it_is_left_out_or_renamed(
    drop: set[str], rename: dict[str, str], result: bytes
) -> None:
    asked = request(b'{"a":1,"model":"m","messages":[],"b":2}')

    made = edited(asked, so_far="Hel", continuing="flags", drop=drop, rename=rename)

    flags = b'{"continue_final_message":true,"add_generation_prompt":false,'
    assert made == flags + result.replace(b"@", b'{"role":"assistant","content":"Hel"}')


def test_flags_of_the_callers_own_give_way() -> None:
    asked = request(b'{"add_generation_prompt":true,"model":"m","messages":[],"continue_final_message":false}')

    made = json.loads(edited(asked, so_far="Hel", continuing="flags"), object_pairs_hook=once)

    assert {name: made[name] for name in FLAGS} == FLAGS


@often
@given(chats(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from(WAYS), st.data())
def test_a_body_that_goes_on_with_an_answer_says_all_that_it_said(
    case: tuple[dict[str, Any], bytes], long: bool, ask: bool, prompt: bool, continuing: Continuing, data: st.DataObject
) -> None:
    fields, text = case
    asked = request(text, long=long)
    drop = data.draw(st.sets(st.sampled_from(sorted(fields.keys() - {"model", "messages", "stream_options"}) or [""])))
    drop &= fields.keys()

    result = edited(
        asked,
        ask_usage=ask,
        prompt=SYSTEM["content"] if prompt else None,
        drop=drop,
        so_far=START["content"],
        continuing=continuing,
    )

    expected = {name: value for name, value in fields.items() if name not in drop} | {"model": "up"}
    if ask:
        expected["stream_options"] = {**(fields.get("stream_options") or {}), "include_usage": True}
    last = {**START, "prefix": True} if continuing == "prefix" else START
    expected["messages"] = [*([SYSTEM] if prompt else []), *fields["messages"], last]
    expected |= FLAGS if continuing == "flags" else {}
    assert json.loads(result, object_pairs_hook=once) == expected
