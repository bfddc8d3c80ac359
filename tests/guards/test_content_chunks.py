"""Detectors of content find the same in a stream, however it is cut, as in the whole text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.guards.lane import Lane
from antiphon.guards.output import OutputDetector
from antiphon.guards.piece import Decision
from antiphon.guards.port import LONGEST_TAIL, Detector, Guard, Match
from antiphon.guards.regex import RegexDetector
from antiphon.guards.settings_content import OutputSettings, TopicSettings, TopicsSettings, UnicodeSettings
from antiphon.guards.settings_custom import PatternSettings, RegexSettings
from antiphon.guards.topics import TopicsDetector
from antiphon.guards.unicode import UnicodeDetector

DETECTORS: dict[str, Detector] = {
    "unicode": UnicodeDetector(UnicodeSettings()),
    "topics": TopicsDetector(
        TopicsSettings(
            topics={
                "rival": TopicSettings(words=["Acme Corp", "roadrunner", "acme"], fuzzy=True),
                "parts": TopicSettings(words=["nope"], whole_words=False),
            }
        )
    ),
    "output": OutputDetector(OutputSettings(hosts=["example.com"], html=True, statements=["sql", "shell"])),
    "regex": RegexDetector(
        RegexSettings(
            patterns={
                "t": PatternSettings(pattern=r"T-\d{1,4}\b", longest=6),
                "a": PatternSettings(pattern="ab", longest=2),
            }
        )
    ),
}
PARTS = [
    "Acme",
    " Corp",
    "\n",
    "roadruner",
    "nope",
    " and ",
    "x",
    "\u0430",
    "\u0440\u0430y",
    "\u200b",
    "\u200d",
    "\U0001f468",
    "\u2764\ufe0f",
    "\U000e0101",
    "\u202e",
    "\u2067",
    "\u05e9",
    "https://",
    "example.com/a",
    "evil.example/b?c=1",
    ") ",
    "![i](",
    "<script",
    ">",
    "\x1b[31m",
    "\x1b",
    "rm -rf /",
    "DROP  TABLE",
    " users;",
    "T-12",
    "3",
    "ab",
    "a",
    ". ",
    "the quick brown fox ",
]
FLAG = Decision("flag")


def found(guard: Guard, pieces: list[str]) -> list[Match]:
    matches: list[Match] = []

    def decide(_: Guard, match: Match) -> Decision:
        matches.append(match)
        return FLAG

    lane = Lane([guard], decide)
    for piece in pieces:
        lane.push(piece)
        assert lane.held <= LONGEST_TAIL
    lane.end()
    return sorted(matches, key=lambda match: match.start)


@pytest.mark.parametrize("kind", DETECTORS)
@given(parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=12), size=st.integers(1, 9))
def test_any_way_of_cutting_gives_the_same(kind: str, parts: list[str], size: int) -> None:
    guard, text = Guard(name=kind, kind=kind, detector=DETECTORS[kind]), "".join(parts)

    whole = list(DETECTORS[kind].find(text))

    assert found(guard, [text[at : at + size] for at in range(0, len(text), size)]) == whole


@pytest.mark.parametrize("kind", DETECTORS)
def test_plain_prose_is_hardly_held(kind: str) -> None:
    text = "The harvest was good that year, and they sold most of it in the north. " * 8
    lane, held = Lane([Guard(name=kind, kind=kind, detector=DETECTORS[kind])], lambda *_: FLAG), 0

    for at in range(0, len(text), 4):
        lane.push(text[at : at + 4])
        held += lane.held

    assert held / (len(text) / 4) <= 8
