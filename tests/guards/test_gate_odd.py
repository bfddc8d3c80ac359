"""Whatever an upstream sends, a gate gives bytes back or says that guards can't look at it; nothing else is raised."""

import json
from typing import Any

import pytest
from guarded import ASKED, Mails, Words, guard, token
from hypothesis import given, settings
from hypothesis import strategies as st
from streamed import calling, pieces

from antiphon.core.error import GuardBlocked, GuardFailed
from antiphon.core.response import Delta
from antiphon.guards.gate import STREAMED, Gate
from antiphon.wire.sse import SseReader, data_of

GUARDS = [guard(Mails()), guard(Words("owl", "bird", "sentence"), "flag", name="s")]
SPOKEN = [Delta(reasoning="hm"), Delta(text="to ann@"), Delta(text="mail.org. "), *calling(0, "f", ['{"a":', "1}"])]
DIALECTS = ("openai_chat", "openai_responses", "anthropic_messages", "gemini", "openai_completions")
EVENTS = [
    data
    for dialect in DIALECTS
    for event in SseReader().feed(b"".join(pieces(dialect, SPOKEN, "tool_calls")))
    if (data := data_of(event)) and data.startswith(b"{")
]
VALUES: Any = st.sampled_from(
    [None, True, 1, -1, 2**70, 1.5, "", "x", "ann@mail.org", [], {}, [1], [[]], {"a": "ann@mail.org"}]
)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for name, child in children for path in paths(child, (*at, name)))]


@st.composite
def odd(draw: st.DrawFn) -> bytes:
    event = json.loads(draw(st.sampled_from(EVENTS)))
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(paths(event)))
        if not path:
            continue
        node = event
        for step in path[:-1]:
            node = node[step]
        if draw(st.booleans()) and isinstance(node, dict):
            del node[path[-1]]
        else:
            node[path[-1]] = json.loads(json.dumps(draw(VALUES)))
    return b"data: %b\n\n" % json.dumps(event).encode()


@pytest.mark.parametrize("dialect", [*sorted(STREAMED), "somebody"])
@given(stream=st.lists(odd(), max_size=6))
@settings(max_examples=60, deadline=None)
def test_odd_events(dialect: str, stream: list[bytes]) -> None:
    gate, out = Gate(dialect, GUARDS, ASKED, token, {token("email", "a@b.io"): "a@b.io"}), b""
    try:
        for event in stream:
            out += gate.feed(event)
        out += gate.end()
    except GuardFailed as error:
        out += gate.cut(error)
    out += gate.cut(GuardBlocked("no", reasons=("a.b",)))

    events = SseReader().feed(out)
    assert b"".join(events) == out
    assert all(
        isinstance(json.loads(data_of(event) or b"{}"), dict) for event in events if event != b"data: [DONE]\n\n"
    )
