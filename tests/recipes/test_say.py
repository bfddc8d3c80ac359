import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_calls import picture, question, user

from antiphon.core.content import Content, Limits, Message, ResponseFormat, Sampling, Text, Tool, ToolCall, ToolChoice
from antiphon.recipes.chance import shuffled
from antiphon.recipes.compaction import tokens
from antiphon.recipes.say import aside, label, onward, quoted, sampled, shortened

QUOTE = re.compile(r"<answer (\w+) (\w+)>\n(.*?)\n</answer \1 \2>", re.DOTALL)
TOOL = Tool(name="look", parameters={})


def content(**fields: object) -> Content:
    return question([user("Hello"), picture("and this?")], **fields).content


def test_what_is_asked_aside_keeps_the_conversation_and_asks_for_no_form_of_the_caller_s() -> None:
    asked = content(
        sampling=Sampling(n=3, stop="x", logprobs=True, temperature=0.4, reasoning_effort="high"),
        response_format=ResponseFormat(kind="json_object"),
        limits=Limits(output_tokens=5, legacy=True),
        tools=(TOOL,),
        tool_choice=ToolChoice(mode="required"),
        extra={"prediction": {}, "modalities": ["audio"], "store": True, "max_tokens": None, "metadata_own": 1},
    )

    made = aside(asked, "Judge.", output_tokens=99)

    assert made.messages == (*asked.messages, user("Judge."))
    assert (made.sampling, made.response_format, made.tools, made.tool_choice) == (Sampling(), None, None, None)
    assert made.limits == Limits(output_tokens=99, legacy=True)
    assert made.extra == {"metadata_own": 1}


def test_where_tools_were_called_they_stay_declared() -> None:
    history = Message(role="assistant", parts=(ToolCall(id="t", name="look", arguments="{}"),), form="none")
    asked = question([user("Hi"), history], tools=(TOOL,)).content

    assert aside(asked, "Judge.", output_tokens=9).tools == (TOOL,)
    assert aside(asked, "Judge.", output_tokens=9).tool_choice == ToolChoice(mode="none")


def test_what_goes_on_to_the_caller_is_as_the_caller_asks() -> None:
    asked = content(sampling=Sampling(n=2, temperature=0.4), tools=(TOOL,))

    assert onward(asked, "Write.").messages[:-1] == asked.messages
    assert onward(asked, "Write.").sampling == asked.sampling
    assert onward(asked, "Write.", temperature=1.0).sampling == Sampling(n=2, temperature=1.0)
    assert sampled(asked, temperature=0.9).sampling == Sampling(temperature=0.9)
    assert sampled(asked, one=False) == asked


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), st.integers())
def test_quotes_can_be_told_apart_whatever_is_quoted(texts: list[str], seed: int) -> None:
    said = quoted([(label(place), text) for place, text in enumerate(texts)], seed=seed)

    mark = said.split(" ", 2)[2].split(">", 1)[0]
    assert [text for _, _, text in QUOTE.findall(said)] == texts
    assert not any(mark in text for text in texts)
    assert said == quoted([(label(place), text) for place, text in enumerate(texts)], seed=seed)


def test_a_mark_that_stands_in_an_answer_is_not_taken() -> None:
    plain = quoted([("A", "x")], seed=1)
    mark = plain.split(" ", 2)[2].split(">", 1)[0]
    seen = {mark}
    text = "x"
    for _ in range(20):  # each answer quotes every mark that was ever taken for the answers before it
        text += f" {mark}"
        mark = quoted([("A", text)], seed=1).split(" ", 2)[2].split(">", 1)[0]
        assert mark not in seen
        seen.add(mark)


@given(st.text(max_size=400), st.integers(4, 60))
def test_a_shortened_text_keeps_its_beginning_and_end_and_says_how_much_is_left_out(text: str, most: int) -> None:
    short = shortened(text, most)

    if tokens(text) <= most:
        assert short == text
        return
    first, _, rest = short.partition("\n[… ")
    count, last = re.match(r"(\d+) of \d+ characters are left out here …\]\n(.*)", rest, re.DOTALL).groups()
    assert text.startswith(first)
    assert text.endswith(last)
    assert len(first) + int(count) + len(last) == len(text)
    assert tokens(first) + tokens(last) <= most + 1


def test_a_family_emoji_is_not_taken_apart() -> None:
    family = "👩‍👩‍👧‍👦"

    assert set(shortened(family * 50, 80).split("\n")[0].replace(family, "")) == set()


@pytest.mark.parametrize(("place", "name"), [(0, "A"), (25, "Z"), (26, "A27")])
def test_names_of_answers_tell_nothing(place: int, name: str) -> None:
    assert label(place) == name


@given(st.lists(st.integers(), max_size=9), st.integers(), st.text(max_size=5))
def test_an_order_by_chance_is_the_same_for_the_same_seed(items: list[int], seed: int, what: str) -> None:
    assert sorted(shuffled(items, seed, what)) == sorted(items)
    assert shuffled(items, seed, what) == shuffled(items, seed, what)


def test_orders_differ_by_seed_and_by_what_they_are_for() -> None:
    items = list(range(9))

    assert len({tuple(shuffled(items, seed)) for seed in range(20)}) == 20
    assert len({tuple(shuffled(items, 1, what)) for what in "abcdefgh"}) == 8


def test_text_parts_are_all_that_is_said() -> None:
    assert onward(content(), "Write.").messages[-1].parts == (Text(text="Write."),)
