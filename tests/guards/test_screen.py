from typing import Any

import pytest
from guarded import ASKED, Broken, Mails, Marking, Words, guard, token

from antiphon.core.error import GuardFailed
from antiphon.core.finding import Channel, Side
from antiphon.guards.port import Asked, Edit, Guard, Screened, Text
from antiphon.guards.screen import screen
from antiphon.guards.texts import applied


def texts(*said: str, channel: Channel = "user") -> list[Text]:
    return [Text(f"t[{at}]", channel, text) for at, text in enumerate(said)]


def run(said: list[Text], *guards: Guard, side: Side = "request", asked: Asked = ASKED, **words: Any) -> Screened:
    return screen(said, guards, asked, side, token, **words)


def out(said: list[Text], made: Screened) -> list[str]:
    edits = dict(made.edits)
    return [applied(one.text, edits.get(at, ())) for at, one in enumerate(said)]


def test_what_is_masked_becomes_its_token_and_findings_have_no_text() -> None:
    said = texts("ask ann@mail.org or b@c.io", "nothing", "ann@mail.org")

    made = run(said, guard(Mails()))

    ann, other = token("email", "ann@mail.org"), token("email", "b@c.io")
    assert out(said, made) == [f"ask {ann} or {other}", "nothing", ann]
    assert made.tokens == ((ann, "ann@mail.org"), (other, "b@c.io"))
    assert [(one.where, one.start, one.end, one.rule, one.action) for one in made.findings] == [
        ("t[0]", 4, 16, "pii.email", "mask"),
        ("t[0]", 20, 26, "pii.email", "mask"),
        ("t[2]", 0, 12, "pii.email", "mask"),
    ]
    assert not made.blocked
    assert not made.private


def test_texts_in_which_nothing_is_found_cost_nothing_more() -> None:
    assert run(texts("a", "b"), guard(Mails())) == Screened()


@pytest.mark.parametrize(
    ("action", "text", "effect"),
    [
        ("allow", "a owl b", {}),
        ("flag", "a owl b", {}),
        ("rewrite", "a ~ b", {}),
        ("block", "a  b", {"blocked": ("word.owl",)}),
        ("route_private", "a owl b", {"private": True}),
        ("approve", "a owl b", {"approve": ("word.owl",)}),
    ],
)
def test_each_action_does_what_it_says(action: str, text: str, effect: dict[str, Any]) -> None:
    said = texts("a owl b")

    made = run(said, guard(Words("owl"), action))

    assert out(said, made) == [text]
    assert {"blocked": made.blocked, "private": made.private, "approve": made.approve} == {
        "blocked": (),
        "private": False,
        "approve": (),
        **effect,
    }
    assert len(made.findings) == (action != "allow")


def test_a_kind_may_have_its_own_action_and_answers_another() -> None:
    said = texts("ann@mail.org owl")
    one = Guard(
        name="g",
        kind="pii",
        detector=Mails(),
        action="mask",
        answer_action="route_private",
        actions=(("word", "block"),),
    )

    request, answer = run(said, one), run(said, one, side="answer")

    assert request.findings[0].action == "mask"
    assert (answer.findings[0].action, answer.private, answer.edits) == ("flag", False, ())
    assert run(said, guard(Words("owl"), "flag", actions=(("word", "block"),))).blocked == ("word.owl",)


def test_shadow_only_notes_what_would_be_done() -> None:
    made = run(texts("ann@mail.org"), guard(Mails(), "block", shadow=True, raises="restricted"))

    assert [(one.action, one.shadow) for one in made.findings] == [("block", True)]
    assert (made.edits, made.blocked, made.raises, made.tokens) == ((), (), None, ())


def test_an_obligation_masks_what_guards_would_pass_also_those_in_shadow() -> None:
    said = texts("ann@mail.org owl")

    flagged = run(said, guard(Mails(), "flag", shadow=True), mask=frozenset({"email"}))
    blocked = run(said, guard(Mails(), "block"), mask=frozenset({"email"}))

    assert out(said, flagged) == [f"{token('email', 'ann@mail.org')} owl"]
    assert [(one.action, one.shadow) for one in flagged.findings] == [("mask", False)]
    assert blocked.blocked == ("pii.email",)


def test_of_edits_that_overlap_the_strictest_wins_and_nothing_of_any_is_left() -> None:
    said = texts("xx ann@mail.org.owl yy", "ann@mail.org")
    long = guard(Words("@mail.org.owl", "tail"), "mask", name="a")
    inner = guard(Words("mail", "inner"), "rewrite", name="b")

    made = run(said, long, guard(Mails(), "mask", name="m"))
    stricter = run(said, inner, guard(Mails(), "mask", name="m"))

    assert out(said, made)[0] == f"xx {token('tail', 'ann@mail.org.owl')} yy"
    assert out(said, stricter)[1] == "~"
    assert len(made.findings) == 3


def test_channels_choose_texts_of_requests_alone() -> None:
    said = [*texts("ann@mail.org", channel="system"), *texts("ann@mail.org", channel="tool")]
    one = guard(Mails(), channels=frozenset({"tool"}))

    assert [at for at, _ in run(said, one).edits] == [1]
    assert [at for at, _ in run(said, one, side="answer").edits] == [0, 1]


def test_sides_routes_and_thresholds() -> None:
    said = texts("ann@mail.org")

    assert not run(said, guard(Mails(), sides=frozenset({"answer"}))).findings
    assert not run(said, guard(Mails(), routes=frozenset({"slow"}))).findings
    assert not run(said, guard(Mails(), threshold=1.1)).findings
    assert run(said, guard(Mails(), routes=frozenset({"fast"}))).findings


def test_findings_raise_the_class_of_requests() -> None:
    said = texts("ann@mail.org owl")
    guards = guard(Mails(), raises="confidential"), guard(Words("owl"), "flag", raises="internal")

    assert run(said, *guards).raises == "confidential"
    assert run(said, *guards, side="answer").raises is None


def test_a_token_is_not_masked_again_but_what_only_looks_like_one_is() -> None:
    mark = token("email", "ann@mail.org")
    inside = guard(Words(mark[10:16]))
    card = guard(Words("4111111111111111"))

    assert not run(texts(f"to {mark}"), inside).findings
    assert run(texts(f"to {mark[3:]}"), inside).findings
    for forged in ("[[CARD_4111111111111111]]", "[[A4111111111111111_ABCDABCDABCDABCD]]", "[[4111111111111111]]"):
        assert run(texts(forged), card).findings


# --- joined texts


def test_a_match_never_spans_two_texts() -> None:
    said = texts("ann@mail", ".org or ann", "@mail.org", "b@c.io")

    made = run(said, guard(Mails()))

    assert [at for at, _ in made.edits] == [3]


def test_a_value_is_known_by_the_key_that_it_stands_under() -> None:
    said = [Text("m.k", "field", "key", (), "key"), Text("m.k", "field", "value x", ())]

    made = run(said, guard(Words('key": "value')))

    assert out(said, made) == ["key", f"{token('word', 'value')} x"]
    assert not run(said[1:], guard(Words('key": "value'))).findings


# --- failures


@pytest.mark.parametrize(
    ("closed", "data_class", "fails"),
    [
        ("always", "public", True),
        ("never", "restricted", False),
        ("by_class", "public", False),
        ("by_class", "internal", True),
        ("by_class", "restricted", True),
    ],
)
def test_what_a_failure_means(closed: Any, data_class: Any, fails: bool) -> None:
    said = texts("ann@mail.org", "x")
    guards = guard(Broken(), name="broken", closed=closed), guard(Mails())
    asked = Asked(route="fast", data_class=data_class)

    if fails:
        with pytest.raises(GuardFailed):
            run(said, *guards, asked=asked)
        return
    made = run(said, *guards, asked=asked)
    assert [(one.guard, one.rule) for one in made.findings] == [("broken", "guard.failed"), ("g", "pii.email")]
    assert len(made.edits) == 1


def test_from_which_class_a_failure_is_closed_can_be_said() -> None:
    broken = guard(Broken(), closed="by_class")
    asked = Asked(data_class="internal")

    assert run(texts("x"), broken, asked=asked, closed_from="restricted").findings
    assert run(texts("x"), guard(Broken(), shadow=True)).findings[0].shadow


# --- marks


def test_marks_need_no_finding_and_make_way_for_edits() -> None:
    said = [*texts("sent by ann", channel="tool"), *texts("hi"), *texts("ann@mail.org", channel="tool")]

    made = run(said, guard(Marking(), "flag", kind="injection"), guard(Mails()))

    assert out(said, made) == ["<<sent by ann>>", "hi", f"<<{token('email', 'ann@mail.org')}>>"]
    assert run(said, guard(Marking(), "flag", shadow=True)).edits == ()
    assert run(said, guard(Marking(), "flag"), side="answer").edits == ()
    assert Edit(0, 0, "<<") in dict(made.edits)[0]
