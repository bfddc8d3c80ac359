"""A conversation that Anthropic's own servers hold can't go on with another provider, and its SDK is told how to mend it."""

import json

import pytest
from operations import asked

from antiphon.core.error import BadRequest, CannotCarry
from antiphon.wire.anthropic_messages.codec import AnthropicMessages
from antiphon.wire.anthropic_messages.variant import BEDROCK, for_cloud

BODY = {
    "model": "m",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "Go on"}],
    "thread": {"type": "continue", "previous_message_id": "msg_1"},
}


def test_it_is_not_read_for_another_provider() -> None:
    codec = AnthropicMessages()
    with pytest.raises(CannotCarry) as refused:
        codec.decode(asked(codec, BODY, endpoint="/v1/messages"))

    assert refused.value.param == "thread"
    assert json.loads(codec.error(refused.value))["error"]["details"] == {
        "error_code": "thread_unsupported_request",
        "unsupported": ["thread"],
    }


def test_it_does_not_go_to_a_cloud() -> None:
    with pytest.raises(CannotCarry):
        for_cloud(json.dumps(BODY).encode(), BEDROCK)


def test_other_refusals_have_no_such_details() -> None:
    said = json.loads(AnthropicMessages().error(BadRequest("no", param="thread")))

    assert "details" not in said["error"]
