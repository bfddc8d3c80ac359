"""Thoughts of other providers stay behind when a conversation goes on with OpenAI."""

import json
from typing import Any

from operations import asked, sent

from antiphon.wire.openai_responses.codec import OpenAIResponses

SAID = {"role": "user", "content": "Go on"}
OWN = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "own+proof/="}
OTHER = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "anthropic_messages:c2ln"}
OF_A_CALL = {"type": "reasoning", "id": "rs_3", "summary": [], "encrypted_content": "gemini:call:c2ln"}


def through(*items: dict[str, Any]) -> tuple[list[Any], list[str]]:
    codec = OpenAIResponses()
    put = sent(codec, asked(codec, {"model": "m", "input": list(items), "store": False}, endpoint="/v1/responses"))
    body = json.loads(put.body.whole())
    assert (body["model"], body["store"]) == ("up", False)
    return body["input"], [loss.field for loss in put.losses]


def test_only_openais_own_go_on() -> None:
    assert through(OWN, OTHER, OF_A_CALL, SAID) == ([OWN, SAID], ["input[1]", "input[2]"])


def test_a_conversation_without_others_goes_as_it_came() -> None:
    assert through(OWN, SAID) == ([OWN, SAID], [])


def test_a_text_that_reads_like_a_proof_is_none() -> None:
    quoting = {"role": "user", "content": json.dumps({"encrypted_content": "gemini:x"}) + ' "gemini:'}

    assert through(OWN, quoting) == ([OWN, quoting], [])
