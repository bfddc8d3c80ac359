from antiphon.core.content import Reasoning, Text, ToolCall
from antiphon.wire.gemini.proof import rejoined

PROOF = Reasoning(text="", signature="c2ln", signed_by="gemini")
CALL = ToolCall(id="1", name="look", arguments="{}")


def test_a_proof_that_came_by_itself_goes_back_to_the_call_behind_it() -> None:
    signed = ToolCall(id="1", name="look", arguments="{}", signature="c2ln", signed_by="gemini")

    assert rejoined([Text(text="a"), PROOF, CALL]) == [Text(text="a"), signed]


def test_a_part_with_a_proof_of_its_own_keeps_it() -> None:
    own = ToolCall(id="1", name="look", arguments="{}", signature="b3du", signed_by="gemini")

    assert rejoined([PROOF, own]) == [PROOF, own]


def test_thoughts_that_are_shown_and_proofs_of_others_stay_where_they_are() -> None:
    shown = Reasoning(text="hm", signature="c2ln", signed_by="gemini")
    other = Reasoning(text="", signature="c2ln", signed_by="anthropic_messages")

    assert rejoined([shown, CALL, other, CALL, PROOF]) == [shown, CALL, other, CALL, PROOF]
