import pytest
from msgspec.structs import replace
from scripted_calls import answer_of, response_of

from antiphon.core.content import ToolCall
from antiphon.recipes.pick import best_so_far, valid
from antiphon.recipes.port import Answer

TOOL = ToolCall(id="t", name="look", arguments="{}")
GOOD, LATER, EMPTY = answer_of("x", step="s-1"), answer_of("y", step="s-2"), answer_of(" \n", step="s-3")
CUT = replace(answer_of("z", step="s-4"), response=response_of("z", finish_reason="length"))
HELD = replace(answer_of("z", step="s-5"), response=response_of("z", finish_reason="content_filter"))
CALLING = replace(answer_of("", step="s-6"), response=response_of("", (TOOL,)))
STREAM = replace(answer_of("", step="s-7", streams=True), response=replace(response_of(""), choices=()))
NOTHING = replace(answer_of("", step="s-8"), response=replace(response_of(""), choices=()))


@pytest.mark.parametrize(
    ("answer", "says"),
    [(GOOD, True), (EMPTY, False), (CUT, False), (HELD, False), (CALLING, True), (STREAM, True), (NOTHING, False)],
)
def test_an_answer_that_says_something_is_valid(answer: Answer, says: bool) -> None:
    assert valid(answer) == says


@pytest.mark.parametrize(
    ("answers", "best"),
    [([], None), ([GOOD, LATER], LATER), ([GOOD, EMPTY, CUT], GOOD), ([CUT, EMPTY], CUT), ([EMPTY], EMPTY)],
)
def test_the_last_valid_answer_is_the_best_so_far(answers: list[Answer], best: Answer | None) -> None:
    assert best_so_far(answers) == best
