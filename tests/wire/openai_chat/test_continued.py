import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.wire.openai_chat.continued import Continued, Start, so_far

DONE = b"data: [DONE]\n\n"
SAID = {"id": "a", "created": 1, "model": "one", "system_fingerprint": "fp_1"}
OTHERS = {"id": "b", "created": 2, "model": "two", "system_fingerprint": "fp_2"}


def event(*deltas: dict[str, Any], finish: str | None = None, **said: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish} for delta in deltas]
    return b"data: %b\n\n" % json.dumps({**SAID, **said, "choices": choices}).encode()


def started(text: str = "Hel") -> Start:
    return Start(text=text, said=SAID)


# --- where it broke off


def test_the_text_of_what_was_released_is_the_start() -> None:
    stream = event({"role": "assistant", "content": ""}) + event({"content": "He"}) + event({"content": "l"})

    assert so_far(stream) == started()


def test_an_event_that_was_cut_was_not_released_whole_and_does_not_count() -> None:
    assert so_far(event({"content": "Hel"}) + event({"content": "lo"})[:30]) == started()


def test_comments_and_events_without_choices_say_nothing() -> None:
    assert so_far(b": ping\n\n" + event() + event({"content": "Hel"}) + event(usage={})) == started()


def test_what_the_first_event_says_alike_is_kept() -> None:
    stream = event({"content": "Hel"}) + event({"content": "lo"}, id="other")

    assert so_far(stream) == started("Hello")


def test_thoughts_may_stand_before_the_text_and_are_not_a_part_of_it() -> None:
    stream = event({"reasoning_content": "hm"}) + event({"reasoning": "hm"}) + event({"content": "Hel"})

    assert so_far(stream) == started()


def test_an_empty_field_does_not_hinder() -> None:
    assert so_far(event({"content": "Hel", "tool_calls": [], "audio": None, "refusal": None})) == started()


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        DONE,
        event({"role": "assistant", "content": ""}),
        event({"reasoning_content": "hm"}),
        event({"content": "a"}) + event({"tool_calls": [{"index": 0}]}),
        event({"content": "a"}) + event({"function_call": {"name": "f"}}),
        event({"content": "a"}) + event({"audio": {"data": "x"}}),
        event({"content": "a"}) + event({"refusal": "no"}),
        event({"content": "a"}) + event({}, finish="stop"),
        event({"content": [{"type": "thinking", "thinking": []}]}),
    ],
    ids=["nothing", "only its end", "no text", "thoughts", "tools", "a function", "sound", "refusal", "end", "parts"],
)
def test_what_is_not_plain_text_can_not_be_gone_on_with(stream: bytes) -> None:
    assert so_far(stream) is None


# --- how another goes on


def test_the_second_stream_speaks_as_the_first_and_does_not_begin_again() -> None:
    second = Continued(started())
    came = event({"role": "assistant", "content": "lo"}, **OTHERS)

    assert second.rewrite(came) == (
        b'data: {"id":"a","created":1,"model":"one","system_fingerprint":"fp_1",'
        b'"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}\n\n'
    )


def test_what_the_first_never_said_is_left_as_it_came() -> None:
    second = Continued(Start(text="Hel", said={"id": "a"}))

    told = json.loads(second.rewrite(event({"content": "lo"}, **OTHERS))[6:])

    assert (told["id"], told["model"]) == ("a", "two")


def test_its_end_comments_and_usage_go_on() -> None:
    second = Continued(started())

    assert second.rewrite(b": ping\n\n") == b": ping\n\n"
    assert second.rewrite(DONE) == DONE
    assert second.rewrite(b"") == b""
    told = json.loads(second.rewrite(event(usage={"prompt_tokens": 1}, **OTHERS))[6:])
    assert (told["usage"], told["id"], told["choices"]) == ({"prompt_tokens": 1}, "a", [])


def test_several_events_of_one_piece_stay_several() -> None:
    second = Continued(started())

    out = second.rewrite(event({"content": "l"}, **OTHERS) + event({"content": "o"}, **OTHERS) + DONE)

    assert out.count(b"data: ") == 3
    assert out.endswith(DONE)
    assert b'"two"' not in out


def test_a_last_event_without_its_blank_line_goes_on_too() -> None:
    out = Continued(started()).rewrite(event({"content": "lo"}, **OTHERS).rstrip())

    assert json.loads(out[6:])["choices"][0]["delta"] == {"content": "lo"}


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5), st.data())
def test_a_stream_that_was_gone_on_with_reads_as_one(texts: list[str], data: st.DataObject) -> None:
    """However often it breaks off, and wherever: the text so far is all that a caller has read."""
    cut = data.draw(st.integers(1, len(texts)))
    first = b"".join(event({"content": text}) for text in texts[:cut])
    start = so_far(first)
    assert start is not None

    rest = b"".join(Continued(start).rewrite(event({"content": text}, **OTHERS)) for text in texts[cut:])

    assert so_far(first + rest) == started("".join(texts))
