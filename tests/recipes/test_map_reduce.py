import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schedules import ENVELOPES, Kept, as_shaped, holds, schedules
from scripted_calls import Fails, Never, Says, ScriptedCalls, picture, play, question, user

from antiphon.core.content import File, Image, Message, ResponseFormat, Text, Tool, ToolCall
from antiphon.core.error import AntiphonError, UpstreamBroken
from antiphon.recipes.map_split import merged, split_input
from antiphon.recipes.run import run
from antiphon.recipes.settings import RecipeSettings
from antiphon.recipes.shape import most_calls


def recipe(map_reduce, **beside):
    made = msgspec.convert({"map_reduce": map_reduce, **beside}, RecipeSettings)
    assert made.check() == []
    return made


SMALL = {"seat": "m", "final": "f", "chunk_tokens": 64, "overlap_tokens": 0, "part_tokens": 16, "reduce_tokens": 64}
PARAGRAPHS = [
    f"Paragraph {number} tells of the year {1900 + number}, " + "and it goes on. " * 10 for number in range(8)
]
LONG = "Summarise this.\n\n" + "\n\n".join(PARAGRAPHS) + "\n\nBe brief."


def by_number(asked, _):
    number = asked.step.split("#")[1]
    return Says(text=f"result {number}", after_s=float(number))


def test_parts_are_worked_on_side_by_side_and_one_answer_is_made_in_their_order() -> None:
    calls = ScriptedCalls({"m": by_number, "f": "made"})

    answer = play(run(recipe(SMALL | {"reduce_tokens": 640}), question(LONG), calls))

    assert answer.text == "made"
    maps = [made for made in calls.made if made.asked.step.startswith("map#")]
    assert len(maps) == 8
    assert {made.began_s for made in maps} == {0}
    assert calls.of("final").began_s == 8
    said = calls.of("final").said
    assert [said.index(f"result {number}") for number in range(1, 9)] == sorted(
        said.index(f"result {number}") for number in range(1, 9)
    )
    assert all(sum(text in made.said for made in maps) == 1 for text in PARAGRAPHS)
    assert all("Summarise this." in made.said and "Be brief." in made.said for made in calls.made)
    assert {made.asked.content.limits.output_tokens for made in maps} == {16}
    assert calls.of("final").final


def test_an_input_that_fits_one_part_is_one_call_as_it_came() -> None:
    calls = ScriptedCalls({"f": "made"})

    assert play(run(recipe(SMALL), question("short"), calls)).text == "made"
    assert calls.steps() == ["final"]
    assert calls.made[0].asked.content is None


def test_many_results_are_first_made_one_in_groups() -> None:
    made = recipe(SMALL)
    calls = ScriptedCalls({"m": "a long result of a part, " * 4, "f": lambda asked, _: f"from {asked.step}"})

    answer = play(run(made, question(LONG * 4), calls))

    assert answer.text == "from final"
    reduces = [one for one in calls.made if one.asked.step.startswith("reduce#")]
    assert len(reduces) == 8  # 32 parts, four at once, and 8 short results fit the last call
    assert "from reduce#8" in calls.of("final").said
    assert len(calls.made) <= most_calls(made.steps())


def test_no_more_parts_run_at_once_than_are_allowed() -> None:
    calls = ScriptedCalls({"m": "found", "f": "made"})

    play(run(recipe(SMALL | {"concurrency": 2}), question(LONG), calls))

    assert calls.purse.most_at_once == 2


def test_the_conversation_images_tools_and_format_stay() -> None:
    history = [
        Message(role="system", parts=(Text(text="be kind"),), form="text"),
        user("look it up"),
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments="{}"),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
        picture(LONG),
    ]
    beside = {"tools": (Tool(name="look"),), "response_format": ResponseFormat(kind="json_object")}
    calls = ScriptedCalls({"m": "found", "f": "made"})

    play(run(recipe(SMALL), question(history, **beside), calls))

    for made in calls.made:
        content = made.asked.content
        assert content.messages[:4] == tuple(history[:4])
        assert len(content.messages) == 5
        assert [type(part) for part in content.messages[4].parts] == [Image, Text]
    final, part = calls.of("final").asked.content, calls.of("map#1").asked.content
    assert (final.tools, final.response_format) == (beside["tools"], beside["response_format"])
    assert part.tool_choice.mode == "none"
    assert part.response_format is None


def test_what_is_asked_beside_the_long_text_goes_with_every_part() -> None:
    message = Message(role="user", parts=(Text(text="Who is named here?"), Text(text=LONG)))
    calls = ScriptedCalls({"m": "found", "f": "made"})

    play(run(recipe(SMALL), question([message]), calls))

    assert all("Who is named here?" in made.said for made in calls.made)
    assert not any("The text of the request begins so" in made.said for made in calls.made)


def test_after_the_result_of_a_tool_nothing_is_split() -> None:
    history = [user(LONG), Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1")]
    calls = ScriptedCalls({"f": "made"})

    assert play(run(recipe(SMALL), question(history), calls)).text == "made"
    assert calls.made[0].asked.content is None
    assert calls.whats() == ["skipped"]


def test_a_part_that_failed_is_told_and_gone_on_without() -> None:
    def some(asked, number):
        return UpstreamBroken("gone") if asked.step in {"map#2", "map#5"} else "found"

    calls = ScriptedCalls({"m": some, "f": "made"})

    assert play(run(recipe(SMALL), question(LONG), calls)).text == "made"
    assert "Of 8 parts, these could not be read: 2, 5." in calls.of("final").said
    assert calls.whats() == ["failed", "failed", "skipped"]


def test_a_part_that_must_not_fail_ends_it_with_the_error_and_cuts_off_the_others() -> None:
    def some(asked, number):
        return (
            Fails(error=UpstreamBroken("gone"), after_s=2)
            if asked.step == "map#2"
            else Says(text="found", after_s=number)
        )

    calls = ScriptedCalls({"m": some, "f": "made"})

    with pytest.raises(UpstreamBroken):
        play(run(recipe(SMALL | {"on_failure": "fail"}), question(LONG), calls))
    assert "cancelled" in [made.outcome for made in calls.made]
    assert "final" not in calls.steps()


def test_without_any_part_the_request_is_asked_as_it_came() -> None:
    calls = ScriptedCalls({"m": UpstreamBroken("gone"), "f": "made"})

    assert play(run(recipe(SMALL), question(LONG), calls)).text == "made"
    assert calls.of("final").asked.content is None


def test_without_its_last_call_the_parts_results_go_out_behind_each_other() -> None:
    for final in (UpstreamBroken("gone"), Says(text="")):
        calls = ScriptedCalls({"m": by_number, "f": final})
        answer = play(run(recipe(SMALL | {"reduce_tokens": 640}), question(LONG), calls))
        assert answer.text == "\n\n".join(f"result {number}" for number in range(1, 9))
        assert answer.message.parts == (Text(text=answer.text),)


def test_a_group_that_nobody_makes_one_stands_behind_each_other() -> None:
    calls = ScriptedCalls(
        {
            "m": "a long result of a part, " * 4,
            "f": lambda asked, _: UpstreamBroken("x") if "#" in asked.step else "made",
        }
    )

    assert play(run(recipe(SMALL), question(LONG), calls)).text == "made"
    assert "fell_back" in calls.whats()


def test_a_part_with_nothing_in_it_is_left_out() -> None:
    calls = ScriptedCalls({"m": ["NOTHING", "Nothing.", "found"], "f": "made"})

    play(run(recipe(SMALL), question(LONG), calls))

    assert "nothing" not in calls.of("final").said.split("<result ", 1)[1].lower()
    calls = ScriptedCalls({"m": "NOTHING", "f": "made"})
    assert play(run(recipe(SMALL), question(LONG), calls)).text == "made"
    assert "none of the parts" in calls.of("final").said


def test_documents_are_each_a_part() -> None:
    pdf = File(data="data:application/pdf;base64,JVBERg==", name="a.pdf")
    parts = (pdf, File(text="in the file", name="b.txt"), Text(text="a document"), Text(text="Which is older?"))
    calls = ScriptedCalls({"m": "found", "f": "made"})

    play(run(recipe(SMALL | {"by": "documents"}), question([Message(role="user", parts=parts)]), calls))

    assert calls.steps() == ["map#1", "map#2", "map#3", "final"]
    assert pdf in calls.of("map#1").asked.content.messages[-1].parts
    assert "b.txt\n\nin the file" in calls.of("map#2").said
    assert "a document" in calls.of("map#3").said
    assert all("Which is older?" in made.said for made in calls.made)
    assert not any(pdf in made.asked.content.messages[-1].parts for made in calls.made[1:])


def test_the_messages_of_a_conversation_are_split_between_them() -> None:
    history = [
        Message(role="system", parts=(Text(text="be kind"),), form="text"),
        *[user(f"message {number}, " + "which goes on " * 10) for number in range(6)],
        Message(role="assistant", parts=(ToolCall(id="t1", name="look", arguments='{"at": 1}'),), form="none"),
        Message(role="tool", parts=(Text(text="a cat"),), form="text", tool_call_id="t1"),
        picture("with an image"),
        user("Sum it up."),
    ]
    calls = ScriptedCalls({"m": "found", "f": "made"})

    play(run(recipe(SMALL | {"by": "messages"}), question(history), calls))

    maps = [made for made in calls.made if "map#" in made.asked.step]
    assert len(maps) > 3
    for number in range(6):
        assert sum(f"message {number}," in made.said for made in maps) == 1
    assert sum('(calls look with {"at": 1})' in made.said for made in maps) == 1
    assert all(made.asked.content.messages[0].role == "system" and "Sum it up." in made.said for made in calls.made)
    assert any(isinstance(part, Image) for part in maps[-1].asked.content.messages[-1].parts)
    assert len(calls.of("final").asked.content.messages) == 2


def test_prompts_can_be_set() -> None:
    prompts = {"prompt": "MAP.", "reduce_prompt": "REDUCE.", "final_prompt": "FINAL."}
    calls = ScriptedCalls({"m": "a long result of a part, " * 4, "f": "made"})

    play(run(recipe(SMALL | prompts), question(LONG * 2), calls))

    assert all(
        {"map": "MAP.", "reduce": "REDUCE.", "final": "FINAL."}[made.asked.step.split("#")[0]] in made.said
        for made in calls.made
    )


TEXTS = st.lists(
    st.sampled_from(
        ["Some words. ", "中文的句子。", "👨‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\n\n", "```\ncode\n\n```\n", "x" * 40]
    ),
    max_size=200,
).map("".join)


@given(
    text=TEXTS,
    by=st.sampled_from(["paragraphs", "sentences", "tokens"]),
    overlap=st.integers(0, 32),
    most=st.integers(2, 20),
)
@settings(deadline=None)
def test_parts_rejoin_to_the_whole_text(text, by, overlap, most) -> None:
    made = recipe(SMALL | {"by": by, "overlap_tokens": overlap, "most_chunks": most}).map_reduce

    split = split_input(made, question(text).content)

    assert "".join(piece.text[piece.overlap :] for piece in split.pieces) == text
    assert len(split.pieces) <= most


def test_neighbours_are_merged_evenly_without_their_overlaps() -> None:
    made = recipe(SMALL | {"overlap_tokens": 20, "most_chunks": 256}).map_reduce
    pieces = split_input(made, question(LONG * 3).content).pieces

    few = merged(pieces, 5)

    assert len(few) == 5
    assert "".join(piece.text[piece.overlap :] for piece in few) == LONG * 3


@given(scripts=schedules(["m", "f"], Says(text="NOTHING")), envelope=ENVELOPES, stream=st.booleans())
@settings(max_examples=200, deadline=None)
def test_whatever_fails_what_the_parts_gave_goes_out_and_the_envelope_holds(scripts, envelope, stream) -> None:
    calls = Kept(recipe(SMALL), scripts, envelope, question(LONG, stream=stream))

    try:
        answer = play(run(recipe(SMALL), question(LONG, stream=stream), calls))
    except AntiphonError:
        answer = None

    gave = [one for one in calls.answers if one.text.strip() and one.text != "NOTHING"]
    assert answer is not None or not gave
    assert answer is None or answer.streams or answer.text.strip() or not gave
    holds(calls, envelope)
    as_shaped(calls, recipe(SMALL), question(LONG))


async def test_a_long_input_is_split_aside() -> None:
    text = LONG * 40
    calls = ScriptedCalls({"m": Says(text="found", after_s=0), "f": Says(text="made", after_s=0)})

    assert (await run(recipe(SMALL), question(text), calls)).text == "made"
    assert len(calls.made) > 32


def test_a_part_that_takes_too_long_is_gone_on_without() -> None:
    def some(asked, number):
        return Never() if asked.step == "map#3" else "found"

    calls = ScriptedCalls({"m": some, "f": "made"})

    assert play(run(recipe(SMALL | {"timeout_s": 4}), question(LONG), calls)).text == "made"
    assert calls.of("final").began_s == 4
    assert "could not be read: 3." in calls.of("final").said


@pytest.mark.parametrize(
    ("map_reduce", "path"),
    [
        ({"chunk_tokens": 100, "overlap_tokens": 60}, "map_reduce.overlap_tokens"),
        ({"part_tokens": 1000, "reduce_tokens": 1500}, "map_reduce.reduce_tokens"),
    ],
)
def test_mistakes_are_found_when_the_configuration_is_loaded(map_reduce, path) -> None:
    assert path in [found[0] for found in msgspec.convert({"map_reduce": map_reduce}, RecipeSettings).check()]
