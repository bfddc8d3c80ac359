from typing import Any

import pytest
from bodies import chats, request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.wire.prefix import prefix

MANY_BYTES = 1_000_000


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("before", [b"", b'"a":1,', b'"user":"\\"messages\\":[0]",'])
def test_a_prefix_begins_with_the_messages_wherever_they_stand(before: bytes, long: bool) -> None:
    asked = request(b'{%b"model":"m","messages":[{"role":"user"}],"z":1}' % before, long=long)

    assert prefix(asked, 9, "messages") == b'[{"role":'
    assert prefix(asked, MANY_BYTES, "messages") == b'[{"role":"user"}],"z":1}'


@pytest.mark.parametrize("long", [False, True])
def test_prompts_with_the_same_beginning_have_the_same_prefix(long: bool) -> None:
    one = request(b'{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user"}]}', long=long)
    other = request(b'{"n":2,"model":"x","messages":[{"role":"system","content":"Be brief."},{}]}', long=long)

    assert prefix(one, 40, "messages") == prefix(other, 40, "messages")
    assert prefix(one, 60, "messages") != prefix(other, 60, "messages")


def test_a_name_in_another_spelling_leaves_the_whole_body() -> None:
    asked = request(rb'{"model":"m","mess\u0061ges":[]}')

    assert prefix(asked, 9, "messages") == b'{"model":'


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(chats(), st.booleans(), st.integers(0, 100))
def test_the_same_body_gives_the_same_prefix_and_no_more_than_was_asked_for(
    case: tuple[dict[str, Any], bytes], long: bool, most: int
) -> None:
    _, text = case

    found = prefix(request(text, long=long), most, "messages")

    assert found == prefix(request(text, long=long), most, "messages")
    assert len(found) <= most
    assert found in text
