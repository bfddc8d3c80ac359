"""Guards for tests: small detectors that anybody can predict, and tokens that anybody can read."""

import re
from collections.abc import Sequence
from typing import Any

from antiphon.core.finding import Side
from antiphon.guards.port import Asked, Detector, Edit, Granularity, Guard, Match, Text

MAIL = re.compile(r"[a-z0-9.]{1,40}@[a-z0-9]{1,20}\.[a-z]{2,6}(?![a-z0-9])")
ASKED = Asked(tenant="acme", route="fast")


class Mails(Detector):
    """Mail addresses."""

    def find(self, text: str) -> Sequence[Match]:
        return [Match(one.start(), one.end(), "email", "pii.email") for one in MAIL.finditer(text)]

    def tail(self, text: str) -> int:
        run = re.search(r"[a-z0-9.@]*\Z", text)
        return run.start() if run else len(text)


class Words(Detector):
    """One word, wherever it stands."""

    def __init__(self, word: str, kind: str = "word", granularity: Granularity = "span") -> None:
        self.word, self.kind = word, kind
        self.granularity = granularity

    def find(self, text: str) -> Sequence[Match]:
        found = re.finditer(re.escape(self.word), text)
        return [Match(one.start(), one.end(), self.kind, f"{self.kind}.{self.word}") for one in found]

    def tail(self, text: str) -> int:
        for length in range(min(len(self.word) - 1, len(text)), 0, -1):
            if text.endswith(self.word[:length]):
                return len(text) - length
        return len(text)

    def mended(self, text: str, match: Match) -> str:
        return "~"


class Longest(Detector):
    """What is beyond so many characters."""

    granularity: Granularity = "whole"

    def __init__(self, most: int) -> None:
        self.most = most

    def find(self, text: str) -> Sequence[Match]:
        return [Match(self.most, len(text), "length", "length.most")] if len(text) > self.most else []


class Broken(Detector):
    """Fails, always."""

    def find(self, text: str) -> Sequence[Match]:
        raise RuntimeError("no")

    def tail(self, text: str) -> int:
        raise RuntimeError("no")


class Marking(Detector):
    """Puts marks around what a tool said."""

    def find(self, text: str) -> Sequence[Match]:
        return []

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        return []

    def marks(self, text: Text, asked: Asked) -> Sequence[Edit]:
        if text.channel != "tool":
            return []
        return [Edit(0, 0, "<<"), Edit(len(text.text), len(text.text), ">>")]


def guard(detector: Detector, action: Any = "mask", *, name: str = "g", kind: str = "pii", **words: Any) -> Guard:
    """A guard that does the same on both sides."""
    return Guard(name=name, kind=kind, detector=detector, action=action, answer_action=action, **words)


def token(kind: str, value: str) -> str:
    """A token that is the same for the same value: its digits are those of a sum."""
    total = 0
    for letter in value:
        total = (total * 1_000_003 + ord(letter)) % 0xFFFFFFFFFFFFFFF
    return f"[[{kind.upper()}_A{total:015X}]]"


def find_canary(text: str, channel: str, side: str) -> list[tuple[int, int, str]]:
    """An operator's own function."""
    at = text.find("canary-python")
    return [] if at < 0 else [(at, at + 13, "canary")]
