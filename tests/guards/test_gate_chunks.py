"""Whichever way a stream comes, its caller gets what guards make of the whole text."""

import json

import pytest
from guarded import ASKED, Mails, Words, guard, token
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streamed import CHATS, SPOKEN, Heard, calling, pieces, through

from antiphon.core.finding import Channel
from antiphon.core.request import Dialect
from antiphon.core.response import Delta
from antiphon.guards.gate import Gate
from antiphon.guards.port import Guard, Text
from antiphon.guards.screen import screen
from antiphon.guards.texts import applied

TOKEN = "[[EMAIL_0000ABCD]]"
RESTORE = {TOKEN: 'ann@"home".org', "[[EMAIL_0000ABCE]]": "b\\b@c.net"}
GUARDS = [guard(Mails()), guard(Words("zebra"), "rewrite", name="z"), guard(Words("owl"), "flag", name="o")]
WORDS = [
    "ann",
    "@",
    "mail.org",
    "a@b.io",
    "zebra",
    "zeb",
    "owl",
    " ",
    ". ",
    "\n",
    '"',
    "\\",
    "é",
    "😀",
    "</",
    "[[",
    "x",
]
BITS = st.lists(st.sampled_from([*WORDS, TOKEN, "[[EMAIL_0000ABCE]]", "[[EMAIL_0000AB"]), max_size=14)
CUT = st.lists(st.integers(0, 60), max_size=12)


def cut(text: str, at: list[int]) -> list[str]:
    places = sorted({place for place in at if 0 < place < len(text)})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]


def expected(text: str, guards: list[Guard], channel: Channel = "assistant") -> str:
    made = screen([Text("x", channel, text)], guards, ASKED, "answer", token)
    out = applied(text, made.edits[0][1]) if made.edits else text
    for known, value in RESTORE.items():
        out = out.replace(known, value)
    return out


@pytest.mark.parametrize("dialect", SPOKEN)
@given(bits=BITS, at=CUT, thought=BITS, joined=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
@example(bits=["zebra", "zebra"], at=[1, 2, 3, 4, 5, 6], thought=["owl"], joined=1)
def test_any_way_of_cutting_a_stream_gives_what_whole_scanning_gives(
    dialect: Dialect, bits: list[str], at: list[int], thought: list[str], joined: int
) -> None:
    text, thoughts = "".join(bits), "" if dialect == "openai_completions" else "".join(thought)
    deltas = [Delta(reasoning=piece) for piece in cut(thoughts, at)] + [Delta(text=piece) for piece in cut(text, at)]
    stream = pieces(dialect, deltas)
    grouped = [b"".join(stream[start : start + joined]) for start in range(0, len(stream), joined)]
    gate = Gate(dialect, GUARDS, ASKED, token, RESTORE)

    heard, plain = Heard(dialect, through(gate, grouped)), Heard(dialect, b"".join(stream))

    assert heard.text == expected(plain.text, GUARDS)
    assert heard.reasoning == expected(plain.reasoning, GUARDS, "reasoning")
    assert heard.finish == plain.finish


@pytest.mark.parametrize("dialect", SPOKEN)
@given(text=st.text('abc \né"\\', max_size=40), at=CUT)
@settings(max_examples=25, deadline=None)
def test_a_stream_that_guards_find_nothing_in_leaves_byte_for_byte(dialect: Dialect, text: str, at: list[int]) -> None:
    stream = pieces(dialect, [Delta(text=piece) for piece in cut(text, at)])
    gate = Gate(dialect, [guard(Words("#"))], ASKED, token)

    assert [gate.feed(piece) for piece in stream] == stream
    assert gate.end() == b""
    assert not gate.findings


VALUES = st.recursive(
    st.one_of(BITS.map("".join), st.integers(-5, 5), st.booleans(), st.none()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["to", "a@b.io", "n"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def masked(value: object) -> object:
    if isinstance(value, str):
        return expected(value, GUARDS)
    if isinstance(value, list):
        return [masked(one) for one in value]
    if isinstance(value, dict):
        return {expected(name, GUARDS): masked(one) for name, one in value.items()}
    return value


@pytest.mark.parametrize("dialect", CHATS)
@given(value=st.dictionaries(st.sampled_from(["to", "a@b.io"]), VALUES, min_size=1), at=CUT, ascii_=st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_a_tool_is_called_with_stays_valid_json(
    dialect: Dialect, value: dict[str, object], at: list[int], ascii_: bool
) -> None:
    arguments = json.dumps(value, ensure_ascii=ascii_)
    deltas = [Delta(text="calling a@b.io"), *calling(0, "send", cut(arguments, at))]
    gate = Gate(dialect, GUARDS, ASKED, token, RESTORE)

    heard = Heard(dialect, through(gate, pieces(dialect, deltas, "tool_calls")))

    assert json.loads(heard.calls[0][1]) == masked(value)
    assert heard.calls[0][0] == "send"
    assert heard.text == expected("calling a@b.io", GUARDS)
