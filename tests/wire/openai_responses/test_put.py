"""A caller's own bytes, made fit for an upstream of the same dialect."""

import json
from typing import Any

import pytest

from antiphon.core.body import Body
from antiphon.core.request import Request
from antiphon.wire.codec import Asked, Quirks, Terms
from antiphon.wire.openai_responses.head import read
from antiphon.wire.openai_responses.put import put


def asked(text: str) -> Request:
    body = Body((text.encode(),))
    head, spots = read(body, Asked(endpoint="/v1/responses"))
    return Request(head=head, body=body, spots=spots, digest="")


def sent(text: str, **terms: Any) -> str:
    return put(asked(text), Terms(**{"model": "up", **terms})).body.whole().decode()


def test_only_the_model_is_edited() -> None:
    text = '{ "model" : "m" , "input": "hi",  "previous_response_id": "resp_1", "store":true}'

    assert sent(text) == text.replace('"m"', '"up"')
    assert sent(text, model="m") == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"model":"m","input":"x"}', '{"instructions":"P","model":"up","input":"x"}'),
        ('{"model":"m","instructions":"own","input":"x"}', '{"model":"up","instructions":"P\\n\\nown","input":"x"}'),
        ('{"model":"m","instructions":null,"input":"x"}', '{"model":"up","instructions":"P","input":"x"}'),
    ],
)
def test_a_prompt_stands_before_the_callers_own_instructions(before: str, after: str) -> None:
    assert sent(before, prompt="P") == after


SAID = '{"type":"message","role":"assistant","content":"Once"}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"x"', '[{"type":"message","role":"user","content":"x"},' + SAID + "]"),
        ('[{"role":"user","content":"x"}]', '[{"role":"user","content":"x"},' + SAID + "]"),
        ("[ ]", f"[ {SAID}]"),
    ],
)
def test_an_answer_is_gone_on_with_by_a_last_message(before: str, after: str) -> None:
    out = sent('{"model":"m","input":' + before + "}", so_far="Once")

    assert out == '{"model":"up","input":' + after + "}"


def test_what_the_upstream_refuses_is_left_out_and_told() -> None:
    request = asked('{"model":"m","store":true,"user":"u","input":"x","top_p":1}')
    done = put(request, Terms(model="m", quirks=Quirks(who="X", rejects=("store", "user", "top_p", "seed"))))

    assert done.body.whole() == b'{"model":"m","input":"x"}'
    assert [loss.field for loss in done.losses] == ["store", "user", "top_p"]
    assert not done.hides_usage


def test_all_edits_go_together() -> None:
    text = '{"store":true,"model":"m","input":"x","instructions":"own"}'
    out = json.loads(sent(text, prompt="P", so_far="S", quirks=Quirks(rejects=("store",))))

    assert out == {
        "model": "up",
        "input": [{"type": "message", "role": "user", "content": "x"}, json.loads(SAID.replace("Once", "S"))],
        "instructions": "P\n\nown",
    }
