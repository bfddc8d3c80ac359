"""Ids of calls as Anthropic takes them: one for a call and its result, however many share what they are called."""

import pytest

from antiphon.wire.anthropic_messages.ids import Ids

MANY = 100_000
"""So many that a step for each pair of them would not end."""


def test_calls_that_share_an_id_get_one_each() -> None:
    ids = Ids()
    assert [ids.call("a", "f") for _ in range(3)] == ["a", "a_2", "a_3"]
    assert ids.call("a_2", "f") == "a_2_2"
    assert [ids.result("a", "") for _ in range(4)] == ["a", "a_2", "a_3", None]
    assert ids.waiting() == ["a_2_2"]
    assert not ids.waits


def test_a_result_without_an_id_is_of_the_first_call_of_its_name_that_waits() -> None:
    ids = Ids()
    sent = [ids.call(said, name) for said, name in (("a", "f"), ("b", "g"), ("c", "f"), ("d", "h"))]
    assert sent == ["a", "b", "c", "d"]
    assert ids.result("a", "") == "a"
    assert [ids.result("", "f"), ids.result("", "f"), ids.result("", ""), ids.waiting()] == ["c", None, "b", ["d"]]


def test_a_call_that_was_forgotten_has_no_result() -> None:
    ids = Ids()
    ids.call("a", "f")
    ids.waiting()
    assert [ids.result("a", ""), ids.result("", "f"), ids.result("", "")] == [None, None, None]


@pytest.mark.parametrize(("said", "name"), [("a", "f"), ("", "f"), ("a", "")])
def test_very_many_calls_of_one_id_take_no_longer_each(said: str, name: str) -> None:
    ids = Ids()
    sent = [ids.call(said, name) for _ in range(MANY)]
    assert [ids.result(said, name) for _ in range(MANY)] == sent


@pytest.mark.parametrize("said", ["a", ""])
def test_very_many_results_in_reverse_take_no_longer_each(said: str) -> None:
    ids = Ids()
    sent = [ids.call(said and f"{said}{place}", f"f{place}") for place in range(MANY)]
    found = [ids.result(said and f"{said}{place}", f"f{place}") for place in reversed(range(MANY))]
    assert found == sent[::-1]
