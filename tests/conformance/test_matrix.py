"""Each feature, from each dialect to each other one, is what the page says that it is."""

from pathlib import Path

import pytest
from matrix.page import page
from matrix.table import Place, cells

PAGE = Path(__file__).parents[2] / "docs/reference/conformance.md"


def test_nothing_is_lost_unseen_and_nothing_is_said_to_arrive_that_was_not_found() -> None:
    wrong = {place: cell.wrong for place, cell in cells().items() if cell.wrong}

    assert wrong == {}


def test_the_committed_page_is_current() -> None:
    assert page() == PAGE.read_text(), "run `python tests/conformance/page.py > docs/reference/conformance.md`"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_a_dialect_asks_of_its_own_kind_arrives_exactly(stream: bool) -> None:
    same = {place: cell for place, cell in cells().items() if place.client == place.upstream and place.stream is stream}
    left = {place.feature for place, cell in same.items() if cell.word not in {"exact", "-"}}

    # OpenAI refuses fields that it doesn't know in a message, and nobody reads another provider's proofs of thoughts.
    assert left <= {
        "signed thoughts back to who had them",
        "a history with another's thoughts goes on",
        "a history with another's sealed thoughts goes on",
    }


def test_every_word_of_the_page_stands_in_it() -> None:
    assert {cell.word for cell in cells().values()} == {"exact", "adapted", "lost", "refused", "-"}
    assert Place("openai_chat", "anthropic_messages", "Saying", "text", stream=True) in cells()
