"""A lane gives what whole-text scanning gives, whatever the chunks."""

import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lanes import cut, guards, masked, streamed, whole

from antiphon.guards.lane import Lane
from antiphon.guards.piece import Decision, Found, joined, pieces
from antiphon.guards.pii import PiiDetector
from antiphon.guards.port import LONGEST_TAIL, Detector, Guard, Match
from antiphon.guards.secrets import SecretsDetector
from antiphon.guards.settings_content import UnicodeSettings
from antiphon.guards.settings_pii import PiiSettings
from antiphon.guards.settings_secrets import SecretsSettings
from antiphon.guards.unicode import UnicodeDetector

KEY = "gh" + "p_" + "q8Zt5Lw2Rx7Vb3Nc6Md9Kf4Hg1Js0Pa5Ye8U"
HEAD, FOOT = "-----BEGIN RSA PRIVATE" + " KEY-----", "-----END RSA PRIVATE" + " KEY-----"
BODY = "\n".join("MIIEpAIBAAKCAQEA4f5wg5l2hKsTeNem3Vq41fGnJm6gOdrj8ym3rFkEjWT2btNi" for _ in range(20))
PII, LINKS = PiiDetector(PiiSettings()), PiiDetector(PiiSettings(types=["url", "email", "phone"], context="any"))
SECRETS = SecretsDetector(SecretsSettings())
UNICODE = UnicodeDetector(UnicodeSettings())
FRAGMENTS = (
    "the", " and", " a word", ", ", ". ", "! ", "\n", " ", "I ", "USA ", "May ", "1st, 1977", "12", "345", "-", "/", "(", ")", "+",
    "AB", " C", " x", "ext", ".", " office", "@", "a.b", "::", "ff:", "de", "GB33 BUKB", " 2020 1555", " 5555 55", "born ", "call ",
    "card 4111 1111 1111 ", "1111", "https://", "é", "\u200b", "\u0430", "zhang", "电话", "，", "слово", " ещё", "Ω", "कख", "שלום", "\u200d", "\ufe0f", "です", "9", "Z", "'", '"', "`", "=", ": ", "key",
    "password", "token", " is ", "eyJ", "hbGciOi", ".eyJ", KEY, KEY[:12], KEY[12:], "sk-", "AKIA", "://user:", "pa5sw0rd!x", "@host",
    "curl -u ", "Bearer ", "authorization", "|", HEAD, HEAD[:9], HEAD[9:], BODY[:200], FOOT, "Zx9Qw" * 30, "0123456789abcdef",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=40).map("".join)
SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6) | st.lists(st.integers(1, 300), min_size=1, max_size=4)


@settings(max_examples=250, deadline=None)
@given(TEXTS, SIZES)
def test_places_of_a_stream_are_those_of_the_whole_text(text, sizes):
    for running in (guards(PII), guards(SECRETS), guards(LINKS, UNICODE), guards(PII, SECRETS, UNICODE)):
        assert streamed(cut(text, sizes), running) == whole(text, running)


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(0, 3000), SIZES)
def test_what_came_long_before_makes_no_difference(text, distance, sizes):
    long = ("Words that say nothing, over and over. " * 90)[:distance] + text
    running = guards(PII, SECRETS, UNICODE)
    assert streamed(cut(long, sizes), running) == whole(long, running)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), SIZES)
def test_any_characters_pass_through_a_lane(text, sizes):
    running = guards(PII, SECRETS, UNICODE)
    assert streamed(cut(text, sizes), running) == whole(text, running)


class Marked(Detector):
    """Finds `<…>`, by the means that a detector has at least."""

    def find(self, text: str) -> Sequence[Match]:
        return [Match(one.start(), one.end(), "mark", "mark") for one in re.finditer(r"<[^<>]{0,20}>", text)]

    def tail(self, text: str) -> int:
        begun = re.search(r"<[^<>]{0,20}\Z", text)
        return len(text) if begun is None else begun.start()


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>ab 1@.", max_size=120), SIZES)
def test_a_detector_needs_no_more_than_find_and_tail(text, sizes):
    for running in (guards(Marked()), guards(Marked(), PII)):
        assert streamed(cut(text, sizes), running) == whole(text, running)


def test_a_long_key_is_covered_from_its_first_characters_to_its_end():
    running = guards(SECRETS)
    text = f"Here it is:\n{HEAD}\n{BODY}\n{FOOT}\nKeep it safe."
    lane = Lane(running, masked)
    passed = covered = 0
    for chunk in cut(text, [4]):
        for piece in lane.push(chunk):
            passed += len(piece.text) * (piece.winner is None and not piece.goes_on)
            covered += len(piece.text) * (piece.winner is not None or piece.goes_on)
        assert lane.held <= LONGEST_TAIL
    assert (passed, covered) == (len("Here it is:\n") + len("\nKeep it "), len(f"{HEAD}\n{BODY}\n{FOOT}"))
    assert "".join(piece.text for piece in lane.end()) == "safe."


def test_a_key_that_never_ends_is_covered_without_being_kept():
    lane = Lane(guards(SECRETS), masked)
    made = lane.push(f"{HEAD}\n")
    for _ in range(2000):
        made += lane.push("MIIEpAIBAAKCAQEA4f5wg5l2hKsTeNem3Vq41fGnJm6gOdrj8ym3rFkEjWT2btNi\n")
    made += lane.end()
    assert made[0].winner is not None
    assert all(piece.goes_on for piece in made[1:])
    assert lane.position == len(HEAD) + 1 + 2000 * 65


def test_plain_words_are_held_no_longer_than_a_word():
    lane = Lane(guards(PII, SECRETS, UNICODE), masked)
    text = "The committee, which met on a rainy Tuesday, decided that nothing should be changed: all of it stays. "
    held = []
    for chunk in cut(text, [4]):
        lane.push(chunk)
        held.append(lane.held)
    assert max(held) <= len("committee,")


def test_what_only_shadows_or_flags_passes_and_is_told_of():
    running = [
        Guard(name="shadow", kind="pii", detector=PII),
        Guard(name="flag", kind="secrets", detector=SECRETS),
    ]
    decisions = {"shadow": Decision("block", shadow=True), "flag": Decision("flag")}
    lane = Lane(running, lambda guard, match: decisions[guard.name])
    text = f"Write to ana@example.org; the token is {KEY}."
    made = [piece for chunk in cut(text, [3]) for piece in lane.push(chunk)] + lane.end()
    assert "".join(piece.text for piece in made) == text
    assert all(piece.winner is None for piece in made)
    told = [(one.guard.name, text[one.match.start : one.match.end]) for piece in made for one in piece.found]
    assert told == [("shadow", "ana@example.org"), ("flag", KEY)]


def test_scores_below_the_threshold_are_none():
    guard = Guard(name="sure", kind="pii", detector=PII, threshold=0.9)
    lane = Lane([guard], masked)
    made = lane.push("Please call 0477 11 28 98 or write to ana@example.org now") + lane.end()
    assert [piece.text for piece in made if piece.winner is not None] == ["ana@example.org"]


def test_a_lane_without_guards_holds_nothing():
    lane = Lane((), masked)
    assert [piece.text for piece in lane.push("4111 1111 1111 1111")] == ["4111 1111 1111 1111"]
    assert lane.held == 0


@pytest.mark.parametrize(
    ("decisions", "winner"),
    [
        (("mask", "block"), "second"),
        (("rewrite", "mask"), "first"),
        (("mask", "mask"), "second"),
        (("flag", "mask"), "second"),
    ],
)
def test_of_matches_that_overlap_the_strictest_wins_then_the_longest(decisions, winner):
    first = Guard(name="first", kind="any", detector=PII)
    second = Guard(name="second", kind="any", detector=PII)
    found = [
        Found(first, Match(2, 6, "a", "a"), Decision(decisions[0])),
        Found(second, Match(4, 9, "b", "b"), Decision(decisions[1])),
    ]
    (place,) = joined(found)
    assert place[2].guard.name == winner
    assert place[:2] == ((4, 9) if decisions[0] == "flag" else (2, 9))
    text = "0123456789"
    made = pieces(text, found)
    assert "".join(piece.text for piece in made) == text
    assert sum(len(piece.found) for piece in made) == 2
